"""Power levels: the one parser, who may do what, and the rules for changing them."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.room_builder import ALICE, ALL_VERSIONS, BOB, CAROL, DAVE, RoomBuilder, versions

from zajil.core.event_auth import check_event_auth
from zajil.core.power_levels import (
    CREATOR_LEVEL,
    NAMED_LEVELS,
    PowerLevelsContent,
    find_power_levels,
    parse_level,
    parse_power_levels,
)
from zajil.core.room_rules import ROOM_RULES


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("100", 100),
        ("000100", 100),
        ("+100", 100),
        ("-100", -100),
        (" 100 ", 100),
        ("\t-00100\n", -100),
        ("", None),
        (" ", None),
        ("1.0", None),
        ("1e2", None),
        ("1_000", None),
        ("+-1", None),
        ("- 1", None),
        ("0x10", None),
        ("١٠", None),
        ("\u00a01", None),
        ("1" * 4097, None),
    ],
)
def test_text_is_a_level_until_version_9(value: str, level: int | None) -> None:
    for version in versions():
        assert parse_level(value, ROOM_RULES[version]) == (level if version in versions(last=9) else None)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_levels(version: str) -> None:
    rules = ROOM_RULES[version]
    assert parse_level(-5, rules) == -5
    for value in (True, False, None, [], {}, "x", math.inf, math.nan):
        assert parse_level(value, rules) is None
    assert parse_level(10.9, rules) == (10 if version in versions(last=5) else None)


def test_malformed_levels_count_as_absent() -> None:
    content = dict.fromkeys(NAMED_LEVELS, "x") | {"users": [], "events": {"a": None, "b": 5}, "notifications": 1}
    for version in ("1", "12"):
        assert parse_power_levels(content, ROOM_RULES[version]) == PowerLevelsContent(events={"b": 5})


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_defaults_without_power_levels(version: str) -> None:
    room = RoomBuilder(version)
    levels = find_power_levels(room.state)
    assert levels.user_level(ALICE) == (CREATOR_LEVEL if version == "12" else 100)
    assert levels.user_level(BOB) == 0
    assert levels.required_level("x", is_state=True) == 50
    assert levels.required_level("x", is_state=False) == 0
    assert levels.can_invite(BOB)
    assert not levels.can_redact_others(BOB)
    assert not levels.can_notify(BOB)
    assert levels.can_kick(ALICE, BOB)
    assert levels.can_ban(ALICE, BOB)
    assert not levels.can_kick(BOB, CAROL)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_explicit_power_levels(version: str) -> None:
    room = RoomBuilder(version)
    room.power_levels(users={BOB: 50}, users_default=10, events={"x": 51}, notifications={"room": 50}, redact=11)
    for _ in range(2):  # the second time from what the events remember
        levels = find_power_levels(room.state)
        assert levels.user_level(ALICE) == (CREATOR_LEVEL if version == "12" else 10)
        assert levels.user_level(BOB) == 50
        assert levels.user_level(CAROL) == 10
        assert not levels.can_send(BOB, "x", is_state=False)
        assert levels.can_send(CAROL, "y", is_state=False)
        assert levels.can_send(BOB, "y", is_state=True)
        assert levels.can_notify(BOB)
        assert not levels.can_notify(CAROL)
        assert levels.can_redact_others(BOB)
        assert not levels.can_redact_others(CAROL)


def test_additional_creators_are_creators_from_version_12() -> None:
    for version in ("11", "12"):
        room = RoomBuilder(version, {"additional_creators": [DAVE, 5]})
        assert find_power_levels(room.state).user_level(DAVE) == (CREATOR_LEVEL if version == "12" else 0)


def test_without_a_create_event_nobody_has_power() -> None:
    assert find_power_levels({}).user_level(ALICE) == 0


def build_room(version: str, **content: Any) -> RoomBuilder:
    """Bob, Carol and Dave are members; Alice is the creator."""
    room = RoomBuilder(version)
    for user_id in (ALICE, BOB, CAROL, DAVE):
        room.member(user_id)
    if content:
        room.power_levels(**content)
    return room


def change(room: RoomBuilder, sender: str, **content: Any) -> str | None:
    rejection = check_event_auth(room.event("m.room.power_levels", sender, content, ""), room.state, room.rules)
    return None if rejection is None else rejection.rule


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_malformed_power_levels(version: str) -> None:
    rules = ROOM_RULES[version]
    steps = rules.auth_steps
    for explicit in (False, True):
        room = build_room(version, **({"events": {}} if explicit else {}))
        sender = ALICE
        if explicit and version != "12":
            room.power_levels(users={ALICE: 100})
        for name in NAMED_LEVELS:
            for value in ("x", None, True, []):
                rule = change(room, sender, **{name: value})
                if rules.integer_power_levels:
                    assert rule == steps.levels_are_integers
                else:
                    assert rule == (steps.levels_altered if explicit else None)
        for value in ([], "x", None, {"a": "x"}, {"a": None}, {"a": True}):
            rule = change(room, sender, events=value)
            if rules.integer_power_levels:
                assert rule == steps.events_are_integers
            else:
                assert (rule is not None) is explicit
        for value in ([], "x", None, {"bob": 1}, {BOB: "x"}, {BOB: None}, {BOB: True}, {"@a:b c": 1}):
            assert change(room, sender, users=value) == steps.users_are_valid
        assert change(room, sender, users={BOB: " 5 "}) == (
            steps.users_are_valid if rules.integer_power_levels else None
        )


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_creators_cannot_be_given_a_level_in_version_12(version: str) -> None:
    room = RoomBuilder(version, {"additional_creators": [DAVE]})
    room.member(ALICE)
    for creator in (ALICE, DAVE):
        assert change(room, ALICE, users={creator: 100}) == ("10.4" if version == "12" else None)


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("name", NAMED_LEVELS)
def test_named_levels(version: str, name: str) -> None:
    step = ROOM_RULES[version].auth_steps.levels_altered
    users = {"users": {BOB: 60}, "state_default": 0, "users_default": 0, "events_default": 0}
    assert change(build_room(version, **users), BOB, **{**users, name: 60}) is None
    assert change(build_room(version, **users), BOB, **{**users, name: 61}) == f"{step}.2"
    high = {"users": {BOB: 60}, "events": {"m.room.power_levels": 0}, name: 61}
    if name == "users_default":  # a default above Bob's own level does not bind him
        high["users"] = {BOB: 60, CAROL: 5}
    room = build_room(version, **high)
    assert change(room, BOB, **high) is None
    assert change(room, BOB, **{**high, name: 5}) == f"{step}.1"
    without = {key: value for key, value in high.items() if key != name}
    assert change(room, BOB, **without) == f"{step}.1"


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("name", ["events", "notifications"])
def test_event_levels(version: str, name: str) -> None:
    rules = ROOM_RULES[version]
    steps = rules.auth_steps
    checked = name == "events" or rules.notifications_power_levels
    users = {"users": {BOB: 60}}
    current = {**users, name: {"high": 61, "low": 60}}
    room = build_room(version, **current)
    assert change(room, BOB, **current) is None
    assert change(room, BOB, **users, **{name: {"high": 61}}) is None
    assert change(room, BOB, **users, **{name: {"high": 61, "low": 5, "new": 60}}) is None
    for levels in ({"low": 60}, {"low": 60, "high": 60}):
        assert change(room, BOB, **users, **{name: levels}) == (f"{steps.events_current}.1" if checked else None)
    for levels in ({"high": 61, "low": 61}, {"high": 61, "new": 61}):
        assert change(room, BOB, **users, **{name: levels}) == (f"{steps.events_new}.1" if checked else None)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_user_levels(version: str) -> None:
    steps = ROOM_RULES[version].auth_steps
    room = build_room(version, users={BOB: 60, CAROL: 60, DAVE: 59})
    same = {BOB: 60, CAROL: 60, DAVE: 59}
    assert change(room, BOB, users=same) is None
    assert change(room, BOB, users={**same, DAVE: 60}) is None
    assert change(room, BOB, users={BOB: 60, CAROL: 60}) is None
    assert change(room, BOB, users={**same, BOB: 5}) is None
    assert change(room, BOB, users={CAROL: 60, DAVE: 59}) is None
    assert change(room, BOB, users={**same, "@new:here": 60}) is None
    assert change(room, BOB, users={**same, CAROL: 5}) == f"{steps.users_current}.1"
    assert change(room, BOB, users={BOB: 60, DAVE: 59}) == f"{steps.users_current}.1"
    assert change(room, BOB, users={**same, DAVE: 61}) == f"{steps.users_new}.1"
    assert change(room, BOB, users={**same, BOB: 61}) == f"{steps.users_new}.1"
    assert change(room, BOB, users={**same, "@new:here": 61}) == f"{steps.users_new}.1"


def test_creators_of_version_12_may_set_any_level() -> None:
    room = build_room("12", users={BOB: 2**53 - 1}, ban=2**53 - 1)
    assert change(room, ALICE, users={BOB: 0, CAROL: 2**53 - 1}, ban=0) is None


def test_text_that_means_the_same_is_no_change() -> None:
    room = build_room("9", users={BOB: 60, CAROL: "60"}, ban="99")
    assert change(room, BOB, users={BOB: "60", CAROL: 60}, ban=99) is None


LEVELS = st.integers(-2, 101)
CONTENTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMED_LEVELS, LEVELS)
    | {
        "users": st.dictionaries(st.sampled_from([BOB, CAROL, DAVE]), LEVELS),
        "events": st.dictionaries(st.sampled_from(["m.room.power_levels", "x"]), LEVELS),
        "notifications": st.dictionaries(st.just("room"), LEVELS),
    },
)


@settings(max_examples=300)
@given(st.sampled_from(versions(first=6)), CONTENTS, CONTENTS)
def test_nobody_rises_above_themselves(version: str, current: dict[str, Any], new: dict[str, Any]) -> None:
    """Whatever Bob may change, no user ends above his level who was not, and nobody at his level falls."""
    room = build_room(version, **current, **({} if current else {"ban": 50}))
    before = find_power_levels(room.state)
    if change(room, BOB, **new) is not None:
        return
    room.power_levels(**new)
    after = find_power_levels(room.state)
    level = before.user_level(BOB)
    for user_id in (BOB, CAROL, DAVE):
        assert after.content.users.get(user_id, -9) <= max(level, before.content.users.get(user_id, -9))
    for user_id in (CAROL, DAVE):
        if before.content.users.get(user_id, -9) >= level:
            assert after.content.users.get(user_id) == before.content.users[user_id]
