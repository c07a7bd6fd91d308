"""POST /rooms/{roomId}/upgrade: a room goes on in another one of a newer version (client-server API, "Room Upgrades")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.events import Event
from zajil.core.identifiers import is_user_id
from zajil.core.power_levels import NAMED_LEVELS, POWER_LEVELS_KEY, build_creators, parse_level, parse_power_levels
from zajil.core.room_rules import CREATABLE_VERSIONS, ROOM_RULES, RoomRules
from zajil.core.state_map import StateKey
from zajil.ports.database import Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.directory.manage_aliases import publish
from zajil.services.errors import MatrixError, invalid_param
from zajil.services.messages.append_events import (
    Proposal,
    RoomDraft,
    append_built,
    build_authorised,
    open_draft,
    open_new_room,
    store_draft,
)
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.build_room import (
    CREATOR_LEVEL,
    TOMBSTONE_LEVEL,
    InitialState,
    Member,
    RoomRequest,
    build_room,
    build_room_id,
)
from zajil.services.rooms.carry_over import carry_over
from zajil.services.rooms.create_room import TIMESTAMPS_TRIED_MAX, load_member
from zajil.services.rooms.set_membership import MEMBER

TRANSFERRED: Final = (
    "m.room.server_acl",
    "m.room.encryption",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.guest_access",
    "m.room.history_visibility",
    "m.room.join_rules",
)
SPACE_CHILD: Final = "m.space.child"
SPACE_CHILDREN_MAX: Final = 500
BANS_MAX: Final = 500
ADDITIONAL_CREATORS_MAX: Final = 100
QUIET_LEVEL: Final = 50
"""What it takes to speak in a room that has been replaced, or more."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The room that is to replace another."""

    version: str
    creator: Member
    additional_creators: list[str] | None
    room_id: str
    """Where its ID is not a hash."""
    now_ms: int

    @property
    def rules(self) -> RoomRules:
        return ROOM_RULES[self.version]

    @property
    def creators(self) -> set[str]:
        return {self.creator.user_id, *(self.additional_creators or ())}


async def upgrade_room(
    app: App, requester: Requester, room_id: str, new_version: str, additional_creators: list[str] | None
) -> str:
    """Replace a room; returns the new room's ID. The new room, the tombstone and the moved aliases are one commit.

    Raises M_UNSUPPORTED_ROOM_VERSION, M_FORBIDDEN, M_NOT_FOUND, M_INVALID_PARAM.
    """
    if new_version not in CREATABLE_VERSIONS:
        raise MatrixError(
            400,
            "M_UNSUPPORTED_ROOM_VERSION",
            f"This server makes rooms of the versions {', '.join(CREATABLE_VERSIONS)}.",
        )
    if not ROOM_RULES[new_version].creators_have_infinite_power:
        additional_creators = None
    if len(additional_creators or ()) > ADDITIONAL_CREATORS_MAX:
        raise invalid_param(f"A room may have {ADDITIONAL_CREATORS_MAX} additional creators.")
    if not all(is_user_id(user_id) for user_id in additional_creators or ()):
        raise invalid_param("One of the additional creators is not a user ID.")
    creator = await load_member(app, app.db.reader, requester.user_id)
    # Chosen before the item, which may have to run again and then must come to the same tombstone.
    replacement = Replacement(new_version, creator, additional_creators, build_room_id(app), app.clock.now_ms())

    async def item(tx: Transaction) -> str:
        old = await open_draft(app, tx, room_id)
        return await _replace(app, tx, old, replacement)

    return await write_to_room(app, room_id, item)


async def _replace(app: App, tx: Transaction, old: RoomDraft, replacement: Replacement) -> str:
    user_id = replacement.creator.user_id
    tombstone, events = await _build_all(app, tx, old, replacement)
    # Nothing has been written so far, and everything but what may be left out has been authorised.
    await append_built(app, tx, old, tombstone)
    new = await open_new_room(app, tx, replacement.rules, events[0])
    for event in events[1:]:
        await append_built(app, tx, new, event)
    await store_draft(app, tx, new)
    await carry_over(app, tx, new, user_id)
    await app.stores.directory.move_aliases(tx, old.row.room_nid, new.row.room_nid)
    if old.head.row.is_public:
        await publish(app, tx, new.head, is_public=True)
        await publish(app, tx, old.head, is_public=False)
        new.row.is_public = True
        old.row.is_public = False
    if await old.state(app, tx, ("m.room.canonical_alias", "")) is not None:
        await _append_if_allowed(app, tx, old, Proposal("m.room.canonical_alias", user_id, {}, ""))
    levels = await old.state(app, tx, POWER_LEVELS_KEY)
    quiet = build_quiet_levels({} if levels is None else levels.event.content, old.rules)
    await _append_if_allowed(app, tx, old, Proposal("m.room.power_levels", user_id, quiet, ""))
    await store_draft(app, tx, old)
    return new.row.room_id


async def _append_if_allowed(app: App, tx: Transaction, draft: RoomDraft, proposal: Proposal) -> None:
    """The old room is quietened as far as the requester's power reaches."""
    try:
        event = await build_authorised(app, tx, draft, proposal)
    except MatrixError:
        return
    await append_built(app, tx, draft, event)


async def _build_all(app: App, tx: Transaction, old: RoomDraft, replacement: Replacement) -> tuple[Event, list[Event]]:
    """The tombstone and the new room's events. Each names the other, unless the new room's ID is a hash of its first event."""
    user_id, now_ms = replacement.creator.user_id, replacement.now_ms
    state = {**old.head.rest, **old.changed_rest}
    rows = await app.stores.rooms.load_members(tx, old.row.room_nid, ["ban"], BANS_MAX)
    banned = [row.user_id for row in rows]

    async def build_tombstone(new_room_id: str) -> Event:
        content = {"body": "This room has been replaced.", "replacement_room": new_room_id}
        return await build_authorised(app, tx, old, Proposal("m.room.tombstone", user_id, content, ""))

    if not replacement.rules.room_id_is_create_hash:
        room_id = replacement.room_id
        tombstone = await build_tombstone(room_id)
        predecessor = {"room_id": old.row.room_id, "event_id": tombstone.event_id}
        wanted = build_request(replacement, state, banned, predecessor)
        return tombstone, build_room(app, wanted, replacement.creator, [], now_ms, room_id)
    await build_tombstone(old.row.room_id)  # whether it may be sent, before the work
    wanted = build_request(replacement, state, banned, {"room_id": old.row.room_id})
    for offset_ms in range(TIMESTAMPS_TRIED_MAX):
        events = build_room(app, wanted, replacement.creator, [], now_ms + offset_ms)
        if await app.stores.rooms.load_row(tx, events[0].room_id) is None:
            return await build_tombstone(events[0].room_id), events
    raise MatrixError(503, "M_UNKNOWN", "Too many rooms are being made at once. Try again.", {"retry_after_ms": 1000})


def build_request(
    replacement: Replacement,
    state: Mapping[StateKey, StoredEvent],
    banned: list[str],
    predecessor: dict[str, Any],
) -> RoomRequest:
    """What the new room takes over from the old one."""
    creation: dict[str, Any] = {"predecessor": predecessor}
    former = state[("m.room.create", "")].event
    for key in ("type", "m.federate"):
        if key in former.content:
            creation[key] = former.content[key]
    if replacement.additional_creators:
        creation["additional_creators"] = replacement.additional_creators
    levels = state.get(POWER_LEVELS_KEY)
    content = build_new_levels({} if levels is None else levels.event.content, former, replacement)
    initial = [
        InitialState(event_type, "", state[(event_type, "")].event.content)
        for event_type in TRANSFERRED
        if (event_type, "") in state
    ]
    children = [
        InitialState(SPACE_CHILD, key[1], stored.event.content)
        for key, stored in sorted(state.items(), key=lambda entry: entry[1].nid)
        if key[0] == SPACE_CHILD and stored.event.content
    ]
    initial += children[:SPACE_CHILDREN_MAX]
    alias = state.get(("m.room.canonical_alias", ""))
    if alias is not None and alias.event.content:
        initial.append(InitialState("m.room.canonical_alias", "", alias.event.content))
    trusted = content["users"].keys() | replacement.creators
    initial += [InitialState(MEMBER, user_id, {"membership": "ban"}) for user_id in banned if user_id not in trusted]
    raised = _raise_creator(content, initial, replacement)
    if raised != content:
        initial.append(InitialState("m.room.power_levels", "", content))
    return RoomRequest(
        version=replacement.version,
        creation_content=creation,
        power_levels=raised,
        replaces_power_levels=True,
        initial_state=tuple(initial),
    )


def build_new_levels(former: Mapping[str, Any], create: Event, replacement: Replacement) -> dict[str, Any]:
    """The old room's power levels as the new version can hold them."""
    rules, parsed = replacement.rules, parse_power_levels(former, create.rules)
    content = {key: value for key, value in former.items() if key not in (*NAMED_LEVELS, "users", "events")}
    content.update({name: getattr(parsed, name) for name in NAMED_LEVELS if name in former})
    content["notifications"] = dict(parsed.notifications)
    users, events = dict(parsed.users), dict(parsed.events)
    if create.rules.creators_have_infinite_power:
        users.update(dict.fromkeys(build_creators(create), CREATOR_LEVEL))
        if not rules.creators_have_infinite_power and events.get("m.room.tombstone", 0) > CREATOR_LEVEL:
            events["m.room.tombstone"] = CREATOR_LEVEL
    if rules.creators_have_infinite_power:
        users = {user_id: level for user_id, level in users.items() if user_id not in replacement.creators}
        if events.get("m.room.tombstone", 0) <= parsed.state_default:
            events["m.room.tombstone"] = max(TOMBSTONE_LEVEL, parsed.state_default + 1)
    return {**content, "users": users, "events": events}


def _raise_creator(content: dict[str, Any], initial: list[InitialState], replacement: Replacement) -> dict[str, Any]:
    """Levels with which the creator can send all that is taken over; the true ones follow at the end."""
    rules = replacement.rules
    if rules.creators_have_infinite_power:
        return content
    parsed = parse_power_levels(content, rules)
    state_levels = [parsed.events.get(each.type, parsed.state_default) for each in initial]
    needed = max([parsed.events.get("m.room.power_levels", parsed.state_default), parsed.ban, *state_levels])
    user_id = replacement.creator.user_id
    if parsed.users.get(user_id, parsed.users_default) >= needed:
        return content
    return {**content, "users": {**content["users"], user_id: needed}}


def build_quiet_levels(content: Mapping[str, Any], rules: RoomRules) -> dict[str, Any]:
    """Power levels at which only moderators speak and invite."""
    quiet = dict(content)
    users_default = parse_level(content.get("users_default", 0), rules) or 0
    for name in ("events_default", "invite"):
        level = parse_level(content.get(name, 0), rules) or 0
        quiet[name] = max(level, QUIET_LEVEL, users_default + 1)
    return quiet
