"""The authorisation rules of all room versions (room version specification, "Authorization rules").

`check_event_auth` judges an event against a state; `check_event_auth_events` judges the list of auth events that a
federated event claims. The step numbers in comments are those of room version 12; `rules.auth_steps` has the numbers
of each version.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from zajil.core.auth_rules_member import (
    AUTHORISED_VIA,
    JOIN_RULES_KEY,
    SignatureCheck,
    State,
    check_member,
    find_join_rule,
    find_membership,
)
from zajil.core.auth_rules_power_levels import check_power_levels
from zajil.core.auth_rules_steps import Rejection
from zajil.core.events import Event, StateKey
from zajil.core.identifiers import is_user_id, server_name_of
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, PowerLevels, build_power_levels
from zajil.core.room_rules import ROOM_RULES, RoomRules

__all__ = [
    "Rejection",
    "auth_event_keys",
    "check_event_auth",
    "check_event_auth_events",
    "check_redaction",
    "find_join_rule",
    "find_membership",
]


def auth_event_keys(
    event_type: str, state_key: str | None, sender: str, content: Mapping[str, Any], rules: RoomRules
) -> list[StateKey]:
    """The keys of the state events that belong into `auth_events` (server-server API, "Auth events selection").

    To judge an event, `check_event_auth` also needs the create event where that is not among them.
    """
    if event_type == "m.room.create":
        return []
    keys = [] if rules.room_id_is_create_hash else [CREATE_KEY]
    keys += [POWER_LEVELS_KEY, ("m.room.member", sender)]
    if event_type == "m.room.member" and state_key is not None:
        membership = content.get("membership")
        keys.append(("m.room.member", state_key))
        if membership in ("join", "invite", "knock"):
            keys.append(JOIN_RULES_KEY)
        if membership == "invite":
            invite = content.get("third_party_invite")
            signed = invite.get("signed") if isinstance(invite, dict) else None
            token = signed.get("token") if isinstance(signed, dict) else None
            if isinstance(token, str):
                keys.append(("m.room.third_party_invite", token))
        if membership == "join" and rules.restricted_joins:
            authoriser = content.get(AUTHORISED_VIA)
            if isinstance(authoriser, str):
                keys.append(("m.room.member", authoriser))
    return list(dict.fromkeys(keys))


def check_event_auth(
    event: Event, state: State, rules: RoomRules, *, is_signed_by: SignatureCheck | None = None
) -> Rejection | None:
    """Judge an event against the state before it. `state` holds at least the events of `auth_event_keys` that the
    room has, and the create event.

    `is_signed_by` verifies the authorising server's signature on restricted joins. It is left out where that has been
    done, as in state resolution and for local joins.
    """
    # 1. m.room.create.
    if event.type == "m.room.create":
        return _check_create(event, rules)
    steps = rules.auth_steps
    create = state.get(CREATE_KEY)
    # 2. The room ID is that of an accepted create event (before version 12: 2.4, there is a create event).
    if create is None:
        return Rejection(steps.room_id or f"{steps.auth_events}.4", "The room has no create event.")
    if create.room_id != event.room_id:
        return Rejection(steps.room_id or f"{steps.auth_events}.5", "The create event is one of another room.")
    # 4. The room is not federated and the sender is on another server.
    if create.content.get("m.federate") is False and server_name_of(event.sender) != server_name_of(create.sender):
        return Rejection(steps.federate, "This room is closed to users of other servers.")
    # Versions 1 to 5, rule 4: m.room.aliases.
    if rules.aliases_rule and event.type == "m.room.aliases":
        return _check_aliases(event, rules)
    power_levels = build_power_levels(create, state.get(POWER_LEVELS_KEY))
    # 5. m.room.member.
    if event.type == "m.room.member":
        return check_member(event, state, create, power_levels, rules, is_signed_by)
    # 6. The sender is not in the room.
    if find_membership(state, event.sender) != "join":
        return Rejection(steps.sender_joined, "You are not in this room.")
    return _check_with_levels(event, state, power_levels, rules)


def _check_with_levels(event: Event, state: State, power_levels: PowerLevels, rules: RoomRules) -> Rejection | None:
    """Rules 7 to 11: what a member of the room may send."""
    steps = rules.auth_steps
    # 7. m.room.third_party_invite: allow if and only if the sender's level reaches the invite level.
    if event.type == "m.room.third_party_invite":
        if power_levels.can_invite(event.sender):
            return None
        return Rejection(f"{steps.third_party_invite}.1", "You may not invite users to this room.")
    # 8. The event type's required level is greater than the sender's.
    if not power_levels.can_send(event.sender, event.type, is_state=event.is_state):
        return Rejection(steps.required_level, f"You may not send {event.type} in this room.")
    # 9. The state key starts with @ and is not the sender.
    if event.state_key is not None and event.state_key.startswith("@") and event.state_key != event.sender:
        return Rejection(steps.user_state_key, "You may not set the state of another user.")
    # 10. m.room.power_levels.
    if event.type == "m.room.power_levels":
        return check_power_levels(event, state.get(event.key), power_levels, rules)
    # Versions 1 and 2, rule 11: m.room.redaction.
    if rules.redaction_rule and event.type == "m.room.redaction":
        return _check_legacy_redaction(event, power_levels, rules)
    # 11. Otherwise, allow.
    return None


def _check_create(event: Event, rules: RoomRules) -> Rejection | None:
    # 1.1. It has previous events.
    if event.prev_event_ids:
        return Rejection("1.1", "A create event has no previous events.")
    # 1.2. It has a room ID (before version 12: one of another server than the sender's).
    if rules.room_id_is_create_hash:
        if "room_id" in event.pdu:
            return Rejection("1.2", "The create event of this room version has no room ID.")
    elif server_name_of(event.room_id) != server_name_of(event.sender):
        return Rejection("1.2", "The room ID is not of the sender's server.")
    # 1.3. The room version is not recognised.
    version = event.content.get("room_version", "1")
    if not isinstance(version, str) or ROOM_RULES.get(version) is not rules:
        return Rejection("1.3", "The room version is not recognised.")
    # 1.4. Not an array of user IDs as additional_creators (before version 11: no creator).
    if rules.creators_have_infinite_power:
        creators = event.content.get("additional_creators", [])
        if not isinstance(creators, list) or not all(isinstance(user, str) and is_user_id(user) for user in creators):
            return Rejection("1.4", "additional_creators is not an array of user IDs.")
    elif not rules.creator_is_sender and "creator" not in event.content:
        return Rejection("1.4", "The create event names no creator.")
    # 1.5. Otherwise, allow.
    return None


def _check_aliases(event: Event, rules: RoomRules) -> Rejection | None:
    step = rules.auth_steps.aliases
    # 4.1. It is not a state event.
    if event.state_key is None:
        return Rejection(f"{step}.1", "An aliases event needs a state key.")
    # 4.2. The state key is not the sender's server.
    if event.state_key != server_name_of(event.sender):
        return Rejection(f"{step}.2", "A server can only set its own aliases.")
    # 4.3. Otherwise, allow.
    return None


def _check_legacy_redaction(event: Event, power_levels: PowerLevels, rules: RoomRules) -> Rejection | None:
    # 11.1. The sender's level reaches the redact level: allow.
    if power_levels.can_redact_others(event.sender):
        return None
    # 11.2. The redacted event's ID is of the same server as this event's: allow.
    if event.redacts is not None and server_name_of(event.redacts) == server_name_of(event.event_id):
        return None
    # 11.3. Otherwise, reject.
    return Rejection(f"{rules.auth_steps.redaction}.3", "You may not redact this event.")


def check_redaction(redaction: Event, target: Event, power_levels: PowerLevels) -> Rejection | None:
    """Whether an accepted redaction takes effect on its target ("Handling redactions"). In room versions 1 and 2 the
    authorisation rules have already decided that.

    `power_levels` are those at the redaction.
    """
    if redaction.redacts != target.event_id or redaction.room_id != target.room_id:
        return Rejection("redaction", "The redaction is of another event.")
    if redaction.rules.redaction_rule or power_levels.can_redact_others(redaction.sender):
        return None
    if server_name_of(redaction.sender) == server_name_of(target.sender):
        return None
    return Rejection("redaction", "You may not redact this event.")


def check_event_auth_events(
    event: Event,
    auth_events: Iterable[Event],
    rejected_event_ids: Collection[str],
    rules: RoomRules,
    *,
    create: Event | None = None,
) -> Rejection | None:
    """Judge the auth events that an event claims, all of which the caller has fetched.

    `create` is the room's create event, for room versions where it is no auth event; None when it is not known.
    """
    if event.type == "m.room.create":
        return None
    steps = rules.auth_steps
    step = steps.auth_events
    # 2. The room ID is that of an accepted create event.
    if rules.room_id_is_create_hash and (
        create is None or create.room_id != event.room_id or create.event_id in rejected_event_ids
    ):
        return Rejection(steps.room_id, "The room ID is not that of an accepted create event.")
    expected = auth_event_keys(event.type, event.state_key, event.sender, event.content, rules)
    seen: set[StateKey] = set()
    for auth_event in auth_events:
        # 3.1. Two entries of the same type and state key.
        if auth_event.key in seen:
            return Rejection(f"{step}.1", "Two auth events have the same type and state key.")
        seen.add(auth_event.key)
        # 3.2. An entry that the selection does not name.
        if not auth_event.is_state or auth_event.key not in expected:
            return Rejection(f"{step}.2", f"An event of type {auth_event.type} does not belong to the auth events.")
        # 3.3. An entry that was itself rejected.
        if auth_event.event_id in rejected_event_ids:
            return Rejection(f"{step}.3", "One of the auth events was rejected.")
        # 3.5. An entry of another room.
        if auth_event.room_id != event.room_id:
            return Rejection(f"{step}.5", "One of the auth events is of another room.")
    # 3.4 (before version 12). There is no create event among them.
    if not rules.room_id_is_create_hash and CREATE_KEY not in seen:
        return Rejection(f"{step}.4", "The create event is not among the auth events.")
    return None
