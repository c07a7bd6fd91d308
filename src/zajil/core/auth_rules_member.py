"""Authorisation rule 5 of room version 12 (4 or 5 elsewhere): `m.room.member`.

The step numbers in comments are those of room version 12.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from zajil.core.auth_rules_steps import Rejection
from zajil.core.events import Event, StateKey
from zajil.core.identifiers import is_user_id, server_name_of
from zajil.core.power_levels import PowerLevels
from zajil.core.room_rules import RoomRules
from zajil.core.signing import find_signatures, parse_base64, verify_json_signature

SIGNATURE_CHECKS_MAX: Final = 256  # of a third-party invite, about 15 ms
OFFERED_KEYS_MAX: Final = 20
JOIN_RULES_KEY: Final = ("m.room.join_rules", "")
AUTHORISED_VIA: Final = "join_authorised_via_users_server"

SignatureCheck = Callable[[Event, str], bool]
"""Whether an event is validly signed by a server."""
State = Mapping[StateKey, Event]


def find_membership(state: State, user_id: str) -> str:
    """The user's membership at a state: "leave" for who was never there."""
    member = state.get(("m.room.member", user_id))
    return "leave" if member is None or member.membership is None else member.membership


def find_join_rule(state: State) -> object:
    """The room's join rule at a state: "invite" when nothing says otherwise."""
    join_rules = state.get(JOIN_RULES_KEY)
    return "invite" if join_rules is None else join_rules.content.get("join_rule", "invite")


def check_member(
    event: Event,
    state: State,
    create: Event,
    power_levels: PowerLevels,
    rules: RoomRules,
    is_signed_by: SignatureCheck | None,
) -> Rejection | None:
    """Judge a membership event. Without `is_signed_by` the authorising server's signature counts as verified."""
    steps = rules.auth_steps
    # 5.1. There is no state_key, or no membership.
    if event.state_key is None or "membership" not in event.content:
        return Rejection(f"{steps.member}.1", "A membership event needs a state key and a membership.")
    # 5.2. If there is a join_authorised_via_users_server, that server has signed the event.
    if rules.restricted_joins and AUTHORISED_VIA in event.content:
        authoriser = event.content[AUTHORISED_VIA]
        if not isinstance(authoriser, str) or not is_user_id(authoriser):
            return Rejection(f"{steps.authorised_join}.1", "The user who authorises the join is not a user ID.")
        server_name = server_name_of(authoriser)
        if is_signed_by is not None and (server_name is None or not is_signed_by(event, server_name)):
            return Rejection(f"{steps.authorised_join}.1", "The authorising server has not signed the join.")
    match event.membership:
        case "join":
            return _check_join(event, event.state_key, state, create, power_levels, rules)
        case "invite":
            return _check_invite(event, event.state_key, state, power_levels, rules)
        case "leave":
            return _check_leave(event, event.state_key, state, power_levels, rules)
        case "ban":
            return _check_ban(event, event.state_key, state, power_levels, rules)
        case "knock" if rules.knock:
            return _check_knock(event, event.state_key, state, rules)
    # 5.8. Otherwise, the membership is unknown.
    return Rejection(steps.membership_unknown, "This room version does not know this membership.")


def _check_join(
    event: Event, target: str, state: State, create: Event, power_levels: PowerLevels, rules: RoomRules
) -> Rejection | None:
    step = rules.auth_steps.join
    # 5.3.1. The creator's join, right after the create event.
    if event.prev_event_ids == (create.event_id,) and target == _find_creator(create, rules):
        return None
    # 5.3.2. The sender joins somebody else.
    if event.sender != target:
        return Rejection(f"{step}.2", "Nobody can join a room for another user.")
    membership = find_membership(state, target)
    # 5.3.3. The sender is banned.
    if membership == "ban":
        return Rejection(f"{step}.3", "You are banned from this room.")
    join_rule = find_join_rule(state)
    # 5.3.4. Join rule invite or knock: allow members and invited users.
    if join_rule == "invite" or (join_rule == "knock" and rules.knock):
        return None if membership in ("invite", "join") else _not_joinable(rules)
    # 5.3.5. Join rule restricted or knock_restricted:
    if (join_rule == "restricted" and rules.restricted_joins) or (
        join_rule == "knock_restricted" and rules.knock_restricted
    ):
        # 5.3.5.1. Allow members and invited users.
        if membership in ("join", "invite"):
            return None
        # 5.3.5.2. The authorising user cannot invite.
        authoriser = event.content.get(AUTHORISED_VIA)
        if (
            not isinstance(authoriser, str)
            or find_membership(state, authoriser) != "join"
            or not power_levels.can_invite(authoriser)
        ):
            return Rejection(f"{rules.auth_steps.join_restricted}.2", "No user who may invite has authorised the join.")
        # 5.3.5.3. Otherwise, allow.
        return None
    # 5.3.6. Join rule public: allow.
    # 5.3.7. Otherwise, reject.
    return None if join_rule == "public" else _not_joinable(rules)


def _not_joinable(rules: RoomRules) -> Rejection:
    return Rejection(rules.auth_steps.join_otherwise, "You are not invited to this room.")


def _find_creator(create: Event, rules: RoomRules) -> object:
    return create.sender if rules.creator_is_sender else create.content.get("creator")


def _check_invite(
    event: Event, target: str, state: State, power_levels: PowerLevels, rules: RoomRules
) -> Rejection | None:
    step = rules.auth_steps.invite
    # 5.4.1. The invite comes from a third-party invite.
    if "third_party_invite" in event.content:
        return _check_third_party_invite(event, target, state, rules)
    # 5.4.2. The sender is not in the room.
    if find_membership(state, event.sender) != "join":
        return Rejection(f"{step}.2", "You are not in this room.")
    # 5.4.3. The target is in the room, or banned.
    membership = find_membership(state, target)
    if membership == "join":
        return Rejection(f"{step}.3", "The user is already in the room.")
    if membership == "ban":
        return Rejection(f"{step}.3", "The user is banned from the room.")
    # 5.4.4. The sender's level reaches the invite level: allow.
    # 5.4.5. Otherwise, reject.
    if power_levels.can_invite(event.sender):
        return None
    return Rejection(f"{step}.5", "You may not invite users to this room.")


def _check_third_party_invite(event: Event, target: str, state: State, rules: RoomRules) -> Rejection | None:
    step = f"{rules.auth_steps.invite}.1"
    # 5.4.1.1. The target is banned.
    if find_membership(state, target) == "ban":
        return Rejection(f"{step}.1", "The user is banned from the room.")
    # 5.4.1.2. There is no `signed`.
    invite = event.content["third_party_invite"]
    signed = invite.get("signed") if isinstance(invite, dict) else None
    if not isinstance(signed, dict):
        return Rejection(f"{step}.2", "The third-party invite is not signed.")
    # 5.4.1.3. `signed` has no mxid or no token.
    mxid, token = signed.get("mxid"), signed.get("token")
    if not isinstance(mxid, str) or not isinstance(token, str):
        return Rejection(f"{step}.3", "The third-party invite names no user or no token.")
    # 5.4.1.4. The mxid is not the target.
    if mxid != target:
        return Rejection(f"{step}.4", "The third-party invite is for another user.")
    # 5.4.1.5. There is no such m.room.third_party_invite in the room.
    offer = state.get(("m.room.third_party_invite", token))
    if offer is None:
        return Rejection(f"{step}.5", "The room has no such third-party invite.")
    # 5.4.1.6. It was sent by somebody else.
    if offer.sender != event.sender:
        return Rejection(f"{step}.6", "The third-party invite was sent by another user.")
    # 5.4.1.7. A signature matches one of its public keys: allow.
    # 5.4.1.8. Otherwise, reject.
    if _is_signed_by_any(signed, _find_public_keys(offer.content), strict=rules.strict_canonical_json):
        return None
    return Rejection(f"{step}.8", "The third-party invite has no valid signature.")


def _find_public_keys(content: Mapping[str, Any]) -> list[bytes]:
    candidates = [content.get("public_key")]
    more = content.get("public_keys")
    if isinstance(more, list):
        candidates += [entry.get("public_key") for entry in more if isinstance(entry, dict)]
    return [key for candidate in candidates if (key := parse_base64(candidate)) is not None]


def _is_signed_by_any(signed: dict[str, Any], public_keys: list[bytes], *, strict: bool) -> bool:
    signatures = signed.get("signatures")
    if not isinstance(signatures, dict):
        return False
    checks = [
        (entity, key_id, public_key)
        for entity in signatures
        for key_id in find_signatures(signed, entity)
        for public_key in public_keys
    ]
    return any(
        verify_json_signature(signed, entity, key_id, public_key, strict=strict)
        for entity, key_id, public_key in checks[:SIGNATURE_CHECKS_MAX]
    )


def find_signing_keys(content: Mapping[str, Any], signed: dict[str, Any], *, strict: bool) -> list[tuple[str, str | None]]:
    """Of the keys that an `m.room.third_party_invite` names, those that have signed: (key in base64, the URL that says whether it is still valid)."""
    more = content.get("public_keys")
    entries = [content, *(more[:OFFERED_KEYS_MAX] if isinstance(more, list) else [])]
    found = []
    for entry in entries:
        text, url = (entry.get("public_key"), entry.get("key_validity_url")) if isinstance(entry, dict) else (None, None)
        key = parse_base64(text)
        if isinstance(text, str) and key is not None and _is_signed_by_any(signed, [key], strict=strict):
            found.append((text, url if isinstance(url, str) and url else None))
    return found


def _check_leave(
    event: Event, target: str, state: State, power_levels: PowerLevels, rules: RoomRules
) -> Rejection | None:
    step = rules.auth_steps.leave
    membership = find_membership(state, event.sender)
    # 5.5.1. Leaving, declining an invite or withdrawing a knock.
    if event.sender == target:
        if membership in ("invite", "join") or (membership == "knock" and rules.knock):
            return None
        return Rejection(f"{step}.1", "You are not in this room.")
    # 5.5.2. The sender is not in the room.
    if membership != "join":
        return Rejection(f"{step}.2", "You are not in this room.")
    # 5.5.3. Unbanning below the ban level.
    if find_membership(state, target) == "ban" and power_levels.user_level(event.sender) < power_levels.content.ban:
        return Rejection(f"{step}.3", "You may not unban users in this room.")
    # 5.5.4. The sender's level reaches the kick level and is above the target's: allow.
    # 5.5.5. Otherwise, reject.
    if power_levels.can_kick(event.sender, target):
        return None
    return Rejection(f"{step}.5", "You may not remove this user from the room.")


def _check_ban(
    event: Event, target: str, state: State, power_levels: PowerLevels, rules: RoomRules
) -> Rejection | None:
    step = rules.auth_steps.ban
    # 5.6.1. The sender is not in the room.
    if find_membership(state, event.sender) != "join":
        return Rejection(f"{step}.1", "You are not in this room.")
    # 5.6.2. The sender's level reaches the ban level and is above the target's: allow.
    # 5.6.3. Otherwise, reject.
    if power_levels.can_ban(event.sender, target):
        return None
    return Rejection(f"{step}.3", "You may not ban this user from the room.")


def _check_knock(event: Event, target: str, state: State, rules: RoomRules) -> Rejection | None:
    step = rules.auth_steps.knock
    # 5.7.1. The join rule is not knock or knock_restricted.
    join_rule = find_join_rule(state)
    if join_rule != "knock" and not (join_rule == "knock_restricted" and rules.knock_restricted):
        return Rejection(f"{step}.1", "This room does not accept knocks.")
    # 5.7.2. The sender knocks for somebody else.
    if event.sender != target:
        return Rejection(f"{step}.2", "Nobody can knock for another user.")
    # 5.7.3. The sender is not banned, invited or joined: allow.
    # 5.7.4. Otherwise, reject.
    if find_membership(state, event.sender) not in ("ban", "invite", "join"):
        return None
    return Rejection(f"{step}.4", "You cannot knock: you are banned, invited or already in the room.")
