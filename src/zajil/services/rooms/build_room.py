"""The first events of a room, built and judged in memory (client-server API, "Creation")."""

from dataclasses import dataclass, field
from typing import Any, Final

from zajil.core.canonical_json import CanonicalJsonError
from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event, build_event, check_event_size
from zajil.core.power_levels import CREATE_KEY, parse_level
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.core.state_map import StateKey
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, invalid_param, too_large
from zajil.services.messages.append_events import Proposal, build_checked, build_event_id_v1

ROOM_ID_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PRESETS: Final = {
    # preset: join rule, guest access, level needed to invite
    "private_chat": ("invite", "can_join", 0),
    "trusted_private_chat": ("invite", "can_join", 0),
    "public_chat": ("public", "forbidden", 50),
}
CREATOR_LEVEL: Final = 100
TOMBSTONE_LEVEL: Final = 150  # where creators stand above all levels, above whom they give 100


@dataclass(frozen=True, slots=True)
class InitialState:
    """One entry of `initial_state`."""

    type: str
    state_key: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoomRequest:
    """A room that somebody asks for; the shapes are checked, the meaning is not."""

    version: str
    preset: str = "private_chat"
    creation_content: dict[str, Any] = field(default_factory=dict)
    power_levels: dict[str, Any] = field(default_factory=dict)
    initial_state: tuple[InitialState, ...] = ()
    name: str | None = None
    topic: str | None = None
    room_alias: str | None = None
    is_public: bool = False
    invites: tuple[str, ...] = ()
    is_direct: bool = False
    replaces_power_levels: bool = False
    """`power_levels` are the whole content, not changes of the preset's."""


@dataclass(frozen=True, slots=True)
class Member:
    """A user and the content of their member event, but for the membership."""

    user_id: str
    content: dict[str, Any]


def build_room(
    app: App,
    wanted: RoomRequest,
    creator: Member,
    invited: list[Member],
    origin_server_ts: int,
    room_id: str | None = None,
) -> list[Event]:
    """The room's events in order, the create event first. Raises 400 M_INVALID_ROOM_STATE when they contradict each other.

    `room_id` is for room versions that leave the choice; without one it is random.
    """
    rules = ROOM_RULES[wanted.version]
    if room_id is None and not rules.room_id_is_create_hash:
        room_id = build_room_id(app)
    create = build_create(app, wanted, rules, creator.user_id, origin_server_ts, room_id)
    events = [create]
    state = {CREATE_KEY: create}
    for proposal in build_proposals(wanted, rules, creator, invited):
        proposal.origin_server_ts = origin_server_ts
        event = _append(app, rules, proposal, events, state)
        state[event.key] = event
        events.append(event)
    return events


def _append(app: App, rules: RoomRules, proposal: Proposal, events: list[Event], state: dict[StateKey, Event]) -> Event:
    keys = auth_event_keys(proposal.type, proposal.state_key, proposal.sender, proposal.content, rules)
    auth_ids = [state[key].event_id for key in keys if key in state]
    try:
        return build_checked(
            app,
            rules,
            proposal,
            state,
            auth_ids,
            room_id=events[0].room_id,
            prev_events=[events[-1].event_id],
            depth=len(events) + 1,
        )
    except MatrixError as error:
        if error.errcode != "M_FORBIDDEN" and proposal.type != "m.room.power_levels":
            raise
        raise MatrixError(
            400, "M_INVALID_ROOM_STATE", f"The room cannot be made as asked ({proposal.type}): {error.message}"
        ) from None


def build_room_id(app: App) -> str:
    """A random room ID, for room versions in which it is not a hash."""
    return f"!{app.randomness.letters(18, ROOM_ID_LETTERS)}:{app.server_name}"


def build_create(
    app: App, wanted: RoomRequest, rules: RoomRules, creator: str, origin_server_ts: int, room_id: str | None
) -> Event:
    """The create event. Raises M_BAD_JSON, M_INVALID_PARAM, M_TOO_LARGE."""
    content = {**wanted.creation_content, "room_version": rules.version}
    content.pop("creator", None)
    if not rules.creator_is_sender:
        content["creator"] = creator
    if rules.creators_have_infinite_power:
        additional = content.get("additional_creators", [])
        if wanted.preset == "trusted_private_chat" and isinstance(additional, list):
            additional = [*additional, *(user_id for user_id in wanted.invites if user_id not in additional)]
            if additional:
                content["additional_creators"] = additional
    try:
        create = build_event(
            rules,
            room_id=room_id,
            type="m.room.create",
            sender=creator,
            content=content,
            state_key="",
            prev_events=(),
            auth_events=(),
            depth=1,
            origin_server_ts=origin_server_ts,
            event_id_v1=build_event_id_v1(app) if rules.event_id_in_pdu else None,
            sign=app.sign_event,
        )
    except CanonicalJsonError as error:
        raise bad_json(f"The creation_content cannot be sent: {error}") from None
    if (invalid := check_event_size(create)) is not None:
        raise too_large(invalid.reason)
    if (rejection := check_event_auth(create, {}, rules)) is not None:
        raise invalid_param(rejection.reason)
    return create


def build_proposals(wanted: RoomRequest, rules: RoomRules, creator: Member, invited: list[Member]) -> list[Proposal]:
    """Everything after the create event, in the order that the spec gives."""
    user_id = creator.user_id

    def state(event_type: str, content: dict[str, Any], state_key: str = "") -> Proposal:
        return Proposal(type=event_type, sender=user_id, content=content, state_key=state_key)

    proposals = [
        state("m.room.member", {**creator.content, "membership": "join"}, user_id),
        state("m.room.power_levels", build_power_levels_content(wanted, rules, user_id)),
    ]
    if wanted.room_alias is not None:
        proposals.append(state("m.room.canonical_alias", {"alias": wanted.room_alias}))
    join_rule, guest_access, _ = PRESETS[wanted.preset]
    given = {(each.type, each.state_key) for each in wanted.initial_state}
    preset_state = {
        "m.room.join_rules": {"join_rule": join_rule},
        "m.room.history_visibility": {"history_visibility": "shared"},
        "m.room.guest_access": {"guest_access": guest_access},
    }
    proposals += [state(kind, content) for kind, content in preset_state.items() if (kind, "") not in given]
    named = {"m.room.name": wanted.name, "m.room.topic": wanted.topic}
    proposals += [
        state(each.type, each.content, each.state_key)
        for each in wanted.initial_state
        if each.state_key or named.get(each.type) is None
    ]
    if wanted.name is not None:
        proposals.append(state("m.room.name", {"name": wanted.name}))
    if wanted.topic is not None:
        proposals.append(state("m.room.topic", build_topic_content(wanted.topic)))
    direct = {"is_direct": True} if wanted.is_direct else {}
    proposals += [
        state("m.room.member", {**member.content, **direct, "membership": "invite"}, member.user_id)
        for member in invited
    ]
    return proposals


def build_topic_content(topic: str) -> dict[str, Any]:
    """A plain topic, in the old form and the new (client-server API, "m.room.topic")."""
    return {"topic": topic, "m.topic": {"m.text": [{"body": topic, "mimetype": "text/plain"}]}}


def build_power_levels_content(wanted: RoomRequest, rules: RoomRules, creator: str) -> dict[str, Any]:
    """The default power levels of the preset, with what the client overrides."""
    if wanted.replaces_power_levels:
        return wanted.power_levels
    content: dict[str, Any] = {
        "users": {},
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.avatar": 50,
            "m.room.canonical_alias": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.encryption": 100,
            "m.room.server_acl": 100,
            "m.room.tombstone": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": PRESETS[wanted.preset][2],
        "notifications": {"room": 50},
    }
    if not rules.creators_have_infinite_power:
        content["users"][creator] = CREATOR_LEVEL
        if wanted.preset == "trusted_private_chat":
            content["users"].update(dict.fromkeys(wanted.invites, CREATOR_LEVEL))
    content.update(wanted.power_levels)
    events = content["events"]
    if rules.creators_have_infinite_power and isinstance(events, dict):
        state_default = parse_level(content["state_default"], rules) or 0
        if "m.room.tombstone" not in wanted.power_levels.get("events", {}):
            content["events"] = {**events, "m.room.tombstone": max(TOMBSTONE_LEVEL, state_default + 1)}
    return content
