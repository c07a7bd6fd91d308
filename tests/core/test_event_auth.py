"""The authorisation rules, rule by rule, in every room version that has the rule."""

from typing import Any

import pytest
from tests.core.room_builder import ALICE, ALL_VERSIONS, BOB, CAROL, DAVE, KEY, RoomBuilder, versions

from zajil.core.event_auth import (
    Rejection,
    auth_event_keys,
    check_event_auth,
    check_event_auth_events,
    check_redaction,
)
from zajil.core.events import Event
from zajil.core.power_levels import find_power_levels
from zajil.core.room_rules import ROOM_RULES
from zajil.core.signing import SigningKey, encode_base64, sign_json


def judge(room: RoomBuilder, event: Event, **options: Any) -> str | None:
    """The number of the rule that rejects the event, or None."""
    rejection = check_event_auth(event, room.state, room.rules, **options)
    assert rejection is None or rejection.reason.endswith(".")
    return None if rejection is None else rejection.rule


def build_room(version: str, **create: Any) -> RoomBuilder:
    """Alice's room, which she has joined."""
    room = RoomBuilder(version, create)
    room.member(ALICE)
    return room


def member(room: RoomBuilder, sender: str, target: str, membership: str, **content: Any) -> Event:
    return room.event("m.room.member", sender, {"membership": membership, **content}, target)


# The numbers, as the specification prints them.


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("1", "4 5 5.2.5 5.2.6 5.3 5.4 5.5 - 5.6 6 7 8 9 10 10.1 10.3 10.7 11"),
        ("2", "4 5 5.2.5 5.2.6 5.3 5.4 5.5 - 5.6 6 7 8 9 10 10.1 10.3 10.7 11"),
        ("3", "4 5 5.2.5 5.2.6 5.3 5.4 5.5 - 5.6 6 7 8 9 10 10.1 10.3 10.7 -"),
        ("5", "4 5 5.2.5 5.2.6 5.3 5.4 5.5 - 5.6 6 7 8 9 10 10.1 10.3 10.7 -"),
        ("6", "- 4 4.2.5 4.2.6 4.3 4.4 4.5 - 4.6 5 6 7 8 9 9.1 9.3 9.7 -"),
        ("7", "- 4 4.2.5 4.2.6 4.3 4.4 4.5 4.6 4.7 5 6 7 8 9 9.1 9.3 9.7 -"),
        ("8", "- 4 4.3.6 4.3.7 4.4 4.5 4.6 4.7 4.8 5 6 7 8 9 9.1 9.3 9.7 -"),
        ("9", "- 4 4.3.6 4.3.7 4.4 4.5 4.6 4.7 4.8 5 6 7 8 9 9.1 9.3 9.7 -"),
        ("10", "- 4 4.3.6 4.3.7 4.4 4.5 4.6 4.7 4.8 5 6 7 8 9 9.3 9.5 9.9 -"),
        ("11", "- 4 4.3.6 4.3.7 4.4 4.5 4.6 4.7 4.8 5 6 7 8 9 9.3 9.5 9.9 -"),
        ("12", "- 5 5.3.6 5.3.7 5.4 5.5 5.6 5.7 5.8 6 7 8 9 10 10.3 10.6 10.10 -"),
    ],
)
def test_numbers_of_the_rules(version: str, numbers: str) -> None:
    steps = ROOM_RULES[version].auth_steps
    found = (
        *(steps.aliases, steps.member, steps.join_public, steps.join_otherwise, steps.invite, steps.leave, steps.ban),
        *(steps.knock, steps.membership_unknown, steps.sender_joined, steps.third_party_invite, steps.required_level),
        *(steps.user_state_key, steps.power_levels, steps.users_are_valid, steps.levels_altered, steps.users_new),
        steps.redaction,
    )
    assert " ".join(number or "-" for number in found) == numbers


# 1. m.room.create


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_create(version: str) -> None:
    room = RoomBuilder(version)
    rules = room.rules
    assert judge(room, room.create) is None

    def create(content: dict[str, Any], *, sender: str = ALICE, prev_events: list[str] | None = None) -> str | None:
        whole = {"room_version": version, "creator": ALICE, **content}
        event = room.event("m.room.create", sender, whole, "", prev_events=prev_events or [], is_create=True)
        return judge(room, event)

    assert create({}) is None
    assert create({}, prev_events=[room.reference()]) == "1.1"
    assert create({}, sender=DAVE) == (None if rules.room_id_is_create_hash else "1.2")
    for unknown in ("99", 5, None, "1" if version != "1" else "2"):
        assert create({"room_version": unknown}) == "1.3"


def test_create_needs_a_creator_until_version_10() -> None:
    for version in versions():
        room = RoomBuilder(version)
        event = room.event("m.room.create", ALICE, {"room_version": version}, "", prev_events=[], is_create=True)
        assert judge(room, event) == (None if version in ("11", "12") else "1.4")


def test_room_version_1_is_the_default() -> None:
    room = RoomBuilder("1")
    event = room.event("m.room.create", ALICE, {"creator": ALICE}, "", prev_events=[], is_create=True)
    assert judge(room, event) is None


@pytest.mark.parametrize(
    ("creators", "rule"),
    [([], None), ([BOB, DAVE], None), ("@bob:here", "1.4"), ([5], "1.4"), (["bob"], "1.4"), (None, "1.4"), ({}, "1.4")],
)
def test_additional_creators(creators: object, rule: str | None) -> None:
    for version in ("11", "12"):
        room = RoomBuilder(version)
        content = {"room_version": version, "additional_creators": creators}
        event = room.event("m.room.create", ALICE, content, "", prev_events=[], is_create=True)
        assert judge(room, event) == (rule if version == "12" else None)


def test_a_create_event_of_version_12_has_no_room_id() -> None:
    room = RoomBuilder("12")
    content = {"room_version": "12"}
    event = room.event("m.room.create", ALICE, content, "", prev_events=[], room_id="!room:here")
    assert judge(room, event) == "1.2"


# 2. to 4. The room


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_the_create_event_is_there_and_of_this_room(version: str) -> None:
    room = build_room(version)
    event = room.event("x", ALICE, {})
    assert judge(room, event) is None
    other = "!" + "o" * 43 if room.rules.room_id_is_create_hash else "!other:here"
    assert judge(room, room.event("x", ALICE, {}, room_id=other)) == ("2" if version == "12" else "2.5")
    del room.state["m.room.create", ""]
    assert judge(room, event) == ("2" if version == "12" else "2.4")


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_unfederated_rooms_are_for_one_server(version: str) -> None:
    for federate, rule in ((False, "4" if version == "12" else "3"), (True, None)):
        room = build_room(version, **{"m.federate": federate})
        room.join_rule("public")
        assert judge(room, member(room, DAVE, DAVE, "join")) == rule
        assert judge(room, member(room, BOB, BOB, "join")) is None


@pytest.mark.parametrize("version", versions(last=5))
def test_aliases_are_the_senders_servers_own(version: str) -> None:
    room = build_room(version)
    assert judge(room, room.event("m.room.aliases", DAVE, {}, "there")) is None
    assert judge(room, room.event("m.room.aliases", DAVE, {}, "here")) == "4.2"
    assert judge(room, room.event("m.room.aliases", DAVE, {})) == "4.1"


@pytest.mark.parametrize("version", versions(first=6))
def test_aliases_lost_their_meaning(version: str) -> None:
    room = build_room(version)
    assert judge(room, room.event("m.room.aliases", DAVE, {}, "there")) == room.rules.auth_steps.sender_joined


# 5. m.room.member


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_malformed_memberships(version: str) -> None:
    room = build_room(version)
    steps = room.rules.auth_steps
    assert judge(room, room.event("m.room.member", ALICE, {"membership": "join"})) == f"{steps.member}.1"
    assert judge(room, room.event("m.room.member", ALICE, {}, ALICE)) == f"{steps.member}.1"
    for membership in ("joined", 5, None):
        event = room.event("m.room.member", ALICE, {"membership": membership}, ALICE)
        assert judge(room, event) == steps.membership_unknown


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_the_creator_joins_first(version: str) -> None:
    room = RoomBuilder(version)
    step = room.rules.auth_steps.join_otherwise

    def join(user_id: str, prev_events: list[str]) -> str | None:
        event = room.event("m.room.member", user_id, {"membership": "join"}, user_id, prev_events=prev_events)
        return judge(room, event)

    assert join(ALICE, [room.create.event_id]) is None
    assert join(BOB, [room.create.event_id]) == step
    assert join(ALICE, [room.reference()]) == step
    assert join(ALICE, [room.create.event_id, room.reference()]) == step


def test_who_the_creator_is() -> None:
    for version in versions():
        room = RoomBuilder(version, {"creator": BOB})
        event = room.event("m.room.member", BOB, {"membership": "join"}, BOB, prev_events=[room.create.event_id])
        assert (judge(room, event) is None) is (version not in ("11", "12"))


JOINS = [
    # join rule, membership before: the first version in which joining is allowed
    ("public", "leave", 1),
    ("public", "invite", 1),
    ("public", "join", 1),
    ("public", "knock", 1),
    ("invite", "invite", 1),
    ("invite", "join", 1),
    ("invite", "leave", None),
    ("invite", "knock", None),
    ("knock", "invite", 7),
    ("knock", "join", 7),
    ("knock", "leave", None),
    ("knock", "knock", None),
    ("restricted", "invite", 8),
    ("restricted", "join", 8),
    ("knock_restricted", "invite", 10),
    ("knock_restricted", "join", 10),
    ("private", "invite", None),
    ("unheard-of", "join", None),
    (5, "join", None),
    (None, "invite", None),
]


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize(("join_rule", "before", "first"), JOINS)
def test_joining(version: str, join_rule: Any, before: str, first: int | None) -> None:
    room = build_room(version)
    room.join_rule(join_rule)
    room.member(BOB, before)
    rule = judge(room, member(room, BOB, BOB, "join"))
    allowed = first is not None and int(version) >= first
    assert rule == (None if allowed else room.rules.auth_steps.join_otherwise)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_joining_for_others_and_when_banned(version: str) -> None:
    room = build_room(version)
    step = room.rules.auth_steps.join
    room.join_rule("public")
    assert judge(room, member(room, ALICE, BOB, "join")) == f"{step}.2"
    room.member(BOB, "ban")
    assert judge(room, member(room, BOB, BOB, "join")) == f"{step}.3"
    del room.state["m.room.join_rules", ""]
    assert judge(room, member(room, CAROL, CAROL, "join")) == room.rules.auth_steps.join_otherwise


@pytest.mark.parametrize("version", versions(first=8))
@pytest.mark.parametrize("join_rule", ["restricted", "knock_restricted"])
def test_restricted_joins_need_somebody_who_may_invite(version: str, join_rule: str) -> None:
    room = build_room(version)
    steps = room.rules.auth_steps
    room.join_rule(join_rule)
    known = join_rule == "restricted" or room.rules.knock_restricted
    refused = f"{steps.join_restricted}.2" if known else steps.join_otherwise
    assert judge(room, member(room, BOB, BOB, "join")) == refused
    authorised = member(room, BOB, BOB, "join", join_authorised_via_users_server=ALICE)
    assert judge(room, authorised) == (None if known else refused)
    by_stranger = member(room, BOB, BOB, "join", join_authorised_via_users_server=DAVE)
    assert judge(room, by_stranger) == refused
    room.member(DAVE)
    assert judge(room, by_stranger) == (None if known else refused)
    room.power_levels(invite=50)
    assert judge(room, by_stranger) == refused
    room.member(BOB, "knock")
    assert judge(room, member(room, BOB, BOB, "join")) == refused


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_the_authorising_server_signs(version: str) -> None:
    room = build_room(version)
    room.join_rule("public")
    event = member(room, BOB, BOB, "join", join_authorised_via_users_server=DAVE)
    asked: list[str] = []

    def is_signed_by(_: Event, server_name: str) -> bool:
        asked.append(server_name)
        return len(asked) > 1

    step = f"{room.rules.auth_steps.authorised_join}.1"
    restricted = room.rules.restricted_joins
    assert judge(room, event) is None
    assert judge(room, event, is_signed_by=is_signed_by) == (step if restricted else None)
    assert judge(room, event, is_signed_by=is_signed_by) is None
    assert asked == ["there", "there"] * restricted
    for malformed in ("dave", 5, None):
        event = member(room, BOB, BOB, "join", join_authorised_via_users_server=malformed)
        assert judge(room, event) == (step if restricted else None)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_inviting(version: str) -> None:
    room = build_room(version)
    step = room.rules.auth_steps.invite
    assert judge(room, member(room, ALICE, BOB, "invite")) is None
    assert judge(room, member(room, CAROL, BOB, "invite")) == f"{step}.2"
    for before, rule in (("join", "3"), ("ban", "3"), ("invite", None), ("leave", None), ("knock", None)):
        room.member(BOB, before)
        assert judge(room, member(room, ALICE, BOB, "invite")) == (rule and f"{step}.{rule}")
    room.power_levels(invite=60, users={CAROL: 60, DAVE: 59})
    for user_id, rule in ((CAROL, None), (DAVE, f"{step}.5")):
        room.member(user_id)
        assert judge(room, member(room, user_id, BOB, "invite")) == rule


def third_party_room(version: str, **content: Any) -> RoomBuilder:
    room = build_room(version)
    public_key = encode_base64(KEY.public_key)
    room.put("m.room.third_party_invite", ALICE, content or {"public_key": public_key}, "token")
    return room


SIGNED = sign_json({"mxid": BOB, "token": "token"}, "identity.example", KEY)


def third_party(room: RoomBuilder, invite: object, *, sender: str = ALICE) -> str | None:
    return judge(room, member(room, sender, BOB, "invite", third_party_invite=invite))


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_third_party_invites(version: str) -> None:
    room = third_party_room(version)
    step = f"{room.rules.auth_steps.invite}.1"
    assert third_party(room, {"signed": SIGNED, "display_name": "b"}) is None
    for unsigned in ({}, {"signed": None}, {"signed": []}, "x", None):
        assert third_party(room, unsigned) == f"{step}.2"
    for incomplete in ({"mxid": BOB}, {"token": "token"}, {"mxid": BOB, "token": 5}, {"mxid": 5, "token": "token"}):
        assert third_party(room, {"signed": incomplete}) == f"{step}.3"
    assert third_party(room, {"signed": {**SIGNED, "mxid": CAROL}}) == f"{step}.4"
    assert third_party(room, {"signed": {**SIGNED, "token": "other"}}) == f"{step}.5"
    assert third_party(room, {"signed": SIGNED}, sender=DAVE) == f"{step}.6"
    assert third_party(room, {"signed": {**SIGNED, "more": 1}}) == f"{step}.8"
    for signatures in (None, {}, [], {"identity.example": {}}, {"identity.example": {"ed25519:1": "x"}}):
        assert third_party(room, {"signed": {**SIGNED, "signatures": signatures}}) == f"{step}.8"
    room.member(BOB, "ban")
    assert third_party(room, {"signed": SIGNED}) == f"{step}.1"


@pytest.mark.parametrize("version", ["1", "12"])
def test_third_party_invites_may_list_several_keys(version: str) -> None:
    mine = encode_base64(KEY.public_key)
    other = encode_base64(SigningKey(b"\x09" * 32, "ed25519:9").public_key)
    refused = f"{ROOM_RULES[version].auth_steps.invite}.1.8"
    for content, rule in (
        ({"public_key": other, "public_keys": [{"public_key": mine}]}, None),
        ({"public_keys": [{"public_key": other}, {"public_key": mine}]}, None),
        ({"public_key": other}, refused),
        ({"public_keys": ["x", {"public_key": 5}, {}]}, refused),
        ({"public_keys": {}, "public_key": None}, refused),
    ):
        assert third_party(third_party_room(version, **content), {"signed": SIGNED}) == rule


def test_third_party_invites_cannot_ask_for_endless_work() -> None:
    bad = encode_base64(b"\x01" * 64)
    flood = {f"s{number}": {"ed25519:1": bad} for number in range(300)}
    room = third_party_room("12")
    signatures = {**flood, **SIGNED["signatures"]}
    assert third_party(room, {"signed": {**SIGNED, "signatures": signatures}}) == "5.4.1.8"
    signatures = {**SIGNED["signatures"], **flood}
    assert third_party(room, {"signed": {**SIGNED, "signatures": signatures}}) is None


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_leaving(version: str) -> None:
    room = build_room(version)
    step = room.rules.auth_steps.leave
    for before, rule in (("join", None), ("invite", None), ("leave", f"{step}.1"), ("ban", f"{step}.1")):
        room.member(BOB, before)
        assert judge(room, member(room, BOB, BOB, "leave")) == rule
    room.member(BOB, "knock")
    assert judge(room, member(room, BOB, BOB, "leave")) == (None if room.rules.knock else f"{step}.1")
    assert judge(room, member(room, CAROL, CAROL, "leave")) == f"{step}.1"


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_kicking_and_unbanning(version: str) -> None:
    room = build_room(version)
    step = room.rules.auth_steps.leave
    room.power_levels(users={BOB: 50, CAROL: 49, DAVE: 50}, kick=50, ban=60)
    assert judge(room, member(room, BOB, CAROL, "leave")) == f"{step}.2"
    for user_id in (BOB, CAROL, DAVE):
        room.member(user_id)
    assert judge(room, member(room, BOB, CAROL, "leave")) is None
    assert judge(room, member(room, BOB, DAVE, "leave")) == f"{step}.5"
    assert judge(room, member(room, CAROL, "@nobody:here", "leave")) == f"{step}.5"
    room.member(CAROL, "ban")
    assert judge(room, member(room, BOB, CAROL, "leave")) == f"{step}.3"
    room.power_levels(users={BOB: 60, CAROL: 49}, kick=50, ban=60)
    assert judge(room, member(room, BOB, CAROL, "leave")) is None
    room.power_levels(users={BOB: 60, CAROL: 49}, kick=61, ban=60)
    assert judge(room, member(room, BOB, CAROL, "leave")) == f"{step}.5"


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_banning(version: str) -> None:
    room = build_room(version)
    step = room.rules.auth_steps.ban
    room.power_levels(users={BOB: 60, CAROL: 59, DAVE: 60}, ban=60)
    assert judge(room, member(room, BOB, CAROL, "ban")) == f"{step}.1"
    for user_id in (BOB, CAROL):
        room.member(user_id)
    assert judge(room, member(room, BOB, CAROL, "ban")) is None
    assert judge(room, member(room, BOB, DAVE, "ban")) == f"{step}.3"
    assert judge(room, member(room, CAROL, "@nobody:here", "ban")) == f"{step}.3"


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("join_rule", ["knock", "knock_restricted", "invite", "public", "restricted"])
def test_knocking(version: str, join_rule: str) -> None:
    room = build_room(version)
    steps = room.rules.auth_steps
    room.join_rule(join_rule)
    rule = judge(room, member(room, BOB, BOB, "knock"))
    if not room.rules.knock:
        assert rule == steps.membership_unknown
        return
    if join_rule != "knock" and not (join_rule == "knock_restricted" and room.rules.knock_restricted):
        assert rule == f"{steps.knock}.1"
        return
    assert rule is None
    assert judge(room, member(room, ALICE, BOB, "knock")) == f"{steps.knock}.2"
    for before in ("ban", "invite", "join"):
        room.member(BOB, before)
        assert judge(room, member(room, BOB, BOB, "knock")) == f"{steps.knock}.4"
    for before in ("leave", "knock"):
        room.member(BOB, before)
        assert judge(room, member(room, BOB, BOB, "knock")) is None


# 6. to 9. Everything else


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_only_members_send(version: str) -> None:
    room = build_room(version)
    for before in ("invite", "leave", "ban", "knock"):
        room.member(BOB, before)
        assert judge(room, room.event("m.room.message", BOB, {})) == room.rules.auth_steps.sender_joined
    room.member(BOB)
    assert judge(room, room.event("m.room.message", BOB, {})) is None


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_third_party_invite_events_need_the_invite_level(version: str) -> None:
    room = build_room(version)
    room.member(BOB)
    event = room.event("m.room.third_party_invite", BOB, {}, "token")
    assert judge(room, event) is None
    room.power_levels(invite=1)
    assert judge(room, event) == f"{room.rules.auth_steps.third_party_invite}.1"


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_required_levels(version: str) -> None:
    room = build_room(version)
    step = room.rules.auth_steps.required_level
    room.member(BOB)
    assert judge(room, room.event("m.room.topic", BOB, {}, "")) == step
    assert judge(room, room.event("m.room.topic", ALICE, {}, "")) is None
    room.power_levels(users={BOB: 10}, events={"a": 11, "b": 10}, events_default=11, state_default=9)
    assert judge(room, room.event("a", BOB, {})) == step
    assert judge(room, room.event("b", BOB, {})) is None
    assert judge(room, room.event("c", BOB, {})) == step
    assert judge(room, room.event("c", BOB, {}, "")) is None


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_state_keys_with_an_at_sign_are_the_users_own(version: str) -> None:
    room = build_room(version)
    assert judge(room, room.event("x", ALICE, {}, ALICE)) is None
    assert judge(room, room.event("x", ALICE, {}, "bob")) is None
    for state_key in (BOB, "@", ALICE + "x"):
        assert judge(room, room.event("x", ALICE, {}, state_key)) == room.rules.auth_steps.user_state_key


# 11 (versions 1 and 2), and "Handling redactions"


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_redactions_as_events(version: str) -> None:
    room = build_room(version)
    room.member(BOB)
    room.power_levels(users={CAROL: 50})
    room.member(CAROL)
    for sender, redacts, rule in (
        (BOB, "$x:here", None),
        (BOB, "$x:there", "11.3"),
        (BOB, "$hash", "11.3"),
        (CAROL, "$x:there", None),
    ):
        event = room.event("m.room.redaction", sender, {}, redacts=redacts)
        assert judge(room, event) == (rule if room.rules.redaction_rule else None)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_redactions_take_effect(version: str) -> None:
    room = build_room(version)
    room.power_levels(users={CAROL: 50})
    target = room.event("x", BOB, {})
    levels = find_power_levels(room.state)

    def takes_effect(sender: str, redacts: str = target.event_id, room_id: str | None = None) -> bool:
        redaction = room.event("m.room.redaction", sender, {}, redacts=redacts, room_id=room_id)
        return check_redaction(redaction, target, levels) is None

    assert takes_effect(BOB)
    assert takes_effect(CAROL)
    assert takes_effect("@other:here")
    assert takes_effect(DAVE) is room.rules.redaction_rule  # already judged there
    assert not takes_effect(BOB, redacts="$other")
    assert not takes_effect(BOB, room_id="!other:here")


# Auth events

MEMBER = "m.room.member"


def keys(version: str, type: str, state_key: str | None = None, **content: Any) -> set[tuple[str, str]]:
    found = auth_event_keys(type, state_key, ALICE, content, ROOM_RULES[version])
    assert len(found) == len(set(found))
    return set(found) - {("m.room.power_levels", ""), (MEMBER, ALICE)}


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_selection_of_auth_events(version: str) -> None:
    always = set() if version == "12" else {("m.room.create", "")}
    join_rules = ("m.room.join_rules", "")
    assert keys(version, "m.room.create", "") == set()
    assert keys(version, "m.room.message") == always
    assert keys(version, MEMBER, BOB, membership="leave") == always | {(MEMBER, BOB)}
    for membership in ("join", "invite", "knock"):
        assert keys(version, MEMBER, BOB, membership=membership) == always | {(MEMBER, BOB), join_rules}
    invite = {"signed": {"token": "t"}}
    found = keys(version, MEMBER, BOB, membership="invite", third_party_invite=invite)
    assert found == always | {(MEMBER, BOB), join_rules, ("m.room.third_party_invite", "t")}
    for malformed in (None, "x", {}, {"signed": 5}, {"signed": {"token": 5}}):
        found = keys(version, MEMBER, BOB, membership="invite", third_party_invite=malformed)
        assert found == always | {(MEMBER, BOB), join_rules}
    found = keys(version, MEMBER, ALICE, membership="join", join_authorised_via_users_server=CAROL)
    assert found == always | {join_rules} | ({(MEMBER, CAROL)} if int(version) >= 8 else set())


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_claimed_auth_events(version: str) -> None:
    room = build_room(version)
    room.power_levels()
    event = room.event("m.room.message", ALICE, {})
    step = room.rules.auth_steps.auth_events
    own = [room.state[MEMBER, ALICE], room.state["m.room.power_levels", ""]]
    if version != "12":
        own.insert(0, room.create)

    def check(
        auth_events: list[Event], rejected: frozenset[str] = frozenset(), create: Event | None = room.create
    ) -> str | None:
        rejection = check_event_auth_events(event, auth_events, rejected, room.rules, create=create)
        return None if rejection is None else rejection.rule

    assert check(own) is None
    assert check([*own, room.member(ALICE)]) == f"{step}.1"
    assert check([*own, room.join_rule("public")]) == f"{step}.2"
    assert check([*own, room.member(BOB)]) == f"{step}.2"
    assert check([*own, room.event("m.room.power_levels", ALICE, {})]) == f"{step}.1"
    assert check([*own[:-1], room.event("m.room.power_levels", ALICE, {})]) == f"{step}.2"
    assert check(own, frozenset({own[-1].event_id})) == f"{step}.3"
    other_room = "!" + "o" * 43 if version == "12" else "!other:here"
    foreign = room.event("m.room.power_levels", ALICE, {}, "", room_id=other_room)
    assert check([*own[:-1], foreign]) == f"{step}.5"
    if version == "12":
        assert check([room.create, *own]) == "3.2"
        assert check(own, create=None) == "2"
        assert check(own, frozenset({room.create.event_id})) == "2"
    else:
        assert check(own[1:]) == "2.4"
        assert check(own, create=None) is None
    rejection = check_event_auth_events(room.create, [], frozenset(), room.rules)
    assert rejection is None


def test_rejections_are_values() -> None:
    assert Rejection("5.3.5.2", "No.") == Rejection("5.3.5.2", "No.")
