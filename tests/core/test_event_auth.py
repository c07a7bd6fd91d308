"""The authorisation rules, rule by rule, in every room version that has the rule."""

from typing import Any

import pytest
from tests.core.room_builder import (
    ALICE,
    ALL_VERSIONS,
    BOB,
    CAROL,
    DAVE,
    RoomBuilder,
    build_room,
    judge,
    member,
    versions,
)

from zajil.core.event_auth import (
    Rejection,
    auth_event_keys,
    check_event_auth_events,
    check_redaction,
)
from zajil.core.events import Event
from zajil.core.power_levels import find_power_levels
from zajil.core.room_rules import ROOM_RULES

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
