"""Authorisation of `m.room.member`, rule by rule, in every room version that has the rule."""

from typing import Any

import pytest
from tests.core.room_builder import (
    ALICE,
    ALL_VERSIONS,
    BOB,
    CAROL,
    DAVE,
    KEY,
    RoomBuilder,
    build_room,
    judge,
    member,
    versions,
)

from zajil.core.events import Event
from zajil.core.room_rules import ROOM_RULES
from zajil.core.signing import SigningKey, encode_base64, sign_json


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
