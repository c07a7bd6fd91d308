"""State resolution: its laws on random rooms, and what it decides in known conflicts."""

import random
from itertools import permutations

import pytest
from tests.core.state_resolution_rooms import USERS, Room, State, grow, resolve

from zajil.core.events import Event
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY
from zajil.core.state_resolution import NeedEvents, ResolutionRefused, event_source, resolve_state, split_states
from zajil.core.state_resolution.auth_chains import find_conflicted_subgraph

ALI, BADR, CHAMS, DINA = USERS
VERSIONS = ("1", "2", "6", "10", "11", "12")
TOPIC = ("m.room.topic", "")


def member(user: str) -> tuple[str, str]:
    return ("m.room.member", user)


# Laws


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", range(25))
def test_laws_on_random_rooms(version: str, seed: int) -> None:
    generator = random.Random(seed)
    room, states = grow(version, generator, steps=40, branches=3)
    resolved = resolve(room, states)
    for order in permutations(states):
        assert resolve(room, [*order, order[0]]) == resolved
    assert resolve(room, [resolved, resolved]) == resolved
    assert resolve(room, [states[0]]) == states[0]
    # Nothing comes from nowhere, and what all agree on stays.
    keys = set().union(*states)
    unconflicted, conflicted = split_states(states)
    assert resolved.keys() <= keys
    assert unconflicted.items() <= resolved.items()
    assert resolved[CREATE_KEY] == room.create_id
    assert set(resolved.values()) <= set(room.events)
    assert any(conflicted) == (states[1:] != states[:-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_loading_step_by_step_changes_nothing(version: str) -> None:
    room, states = grow(version, random.Random(7), steps=60, branches=3)
    everything: dict[str, Event | None] = dict(room.events)
    at_once = resolve_state(states, room.rules, everything)
    loaded: dict[str, Event | None] = {}
    assert resolve(room, states, loaded) == at_once
    assert loaded.keys() <= everything.keys()


def test_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    room, states = grow("11", random.Random(7), steps=60, branches=3)
    monkeypatch.setattr(event_source, "EVENTS_MAX", 10)
    everything: dict[str, Event | None] = dict(room.events)
    assert isinstance(resolve_state(states, room.rules, everything), ResolutionRefused)


def test_events_that_cannot_be_had_lose() -> None:
    room = Room("11")
    one, two = dict(room.state), dict(room.state)
    lost = room.put("m.room.topic", "", ALI, {"topic": "one"}, 20, one)
    kept = room.put("m.room.topic", "", ALI, {"topic": "two"}, 10, two)
    assert lost and kept
    events: dict[str, Event | None] = {**room.events, lost.event_id: None}
    result = resolve_state([one, two], room.rules, events)
    assert isinstance(result, dict)
    assert result[TOPIC] == kept.event_id


@pytest.mark.parametrize("rejected", [False, True])
def test_rejected_auth_events_give_no_power(rejected: bool) -> None:
    room, one, _ = fork("11", {BADR: 50})
    # Both states have an event above the power levels, so that these are not tried themselves.
    assert room.put("m.room.name", "", ALI, {"name": "x"}, 9, one)
    two = dict(one)
    assert room.put("m.room.topic", "", BADR, {"topic": "x"}, 10, one)
    levels = one.pop(POWER_LEVELS_KEY)
    del two[POWER_LEVELS_KEY]
    everything: dict[str, Event | None] = dict(room.events)
    result = resolve_state([one, two], room.rules, everything, {levels} if rejected else ())
    assert isinstance(result, dict)
    assert (TOPIC in result) != rejected


def test_a_deep_auth_chain_needs_no_recursion() -> None:
    room = Room("10")
    for number in range(3_000):
        room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100}, "invite": number % 50}, 10 + number)
    one, two = dict(room.state), dict(room.state)
    room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100, BADR: 1}}, 5_000, one)
    last = room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100, BADR: 2}}, 5_001, two)
    everything: dict[str, Event | None] = dict(room.events)
    result = resolve_state([one, two], room.rules, everything)
    assert isinstance(result, dict)
    assert last
    assert result[POWER_LEVELS_KEY] == last.event_id


def test_no_states_and_needed_events() -> None:
    room = Room("11")
    assert resolve_state([], room.rules, {}) == {}
    other = dict(room.state)
    event = room.put("m.room.topic", "", ALI, {"topic": "x"}, 10, other)
    need = resolve_state([room.state, other], room.rules, {})
    assert event
    assert need == NeedEvents(frozenset({event.event_id}), with_auth_chains=True)


# Known conflicts


def fork(version: str, levels: dict[str, int]) -> tuple[Room, State, State]:
    """A room of four users with these power levels, and two branches of it."""
    room = Room(version)
    for user in USERS[1:]:
        assert room.put("m.room.member", user, user, {"membership": "join"}, 5)
    users = levels if room.rules.creators_have_infinite_power else {ALI: 100, **levels}
    assert room.put("m.room.power_levels", "", ALI, {"users": users}, 6)
    return room, dict(room.state), dict(room.state)


MODERN = ("2", "10", "11", "12")


@pytest.mark.parametrize("version", MODERN)
def test_a_ban_beats_what_the_banned_user_did_meanwhile(version: str) -> None:
    room, one, two = fork(version, {BADR: 50})
    ban = room.put("m.room.member", BADR, ALI, {"membership": "ban"}, 20, one)
    # Earlier by the clock, but the clock of somebody who wants to win is worth nothing.
    assert room.put("m.room.topic", "", BADR, {"topic": "mine"}, 10, two)
    assert room.put("m.room.member", CHAMS, BADR, {"membership": "leave"}, 30, two)
    resolved = resolve(room, [one, two])
    assert ban
    assert resolved[member(BADR)] == ban.event_id
    assert TOPIC not in resolved
    assert resolved[member(CHAMS)] == one[member(CHAMS)]


@pytest.mark.parametrize("version", MODERN)
def test_a_demotion_beats_the_power_that_was_used_meanwhile(version: str) -> None:
    room, one, two = fork(version, {BADR: 50, CHAMS: 50})
    base = room.events[room.state[POWER_LEVELS_KEY]].content["users"]
    demotion = room.put("m.room.power_levels", "", ALI, {"users": {**base, BADR: 0}}, 20, one)
    assert room.put("m.room.power_levels", "", BADR, {"users": {**base, DINA: 50}}, 10, two)
    resolved = resolve(room, [one, two])
    assert demotion
    assert resolved[POWER_LEVELS_KEY] == demotion.event_id


@pytest.mark.parametrize("version", MODERN)
def test_joins_do_not_slip_through_closed_doors(version: str) -> None:
    room = Room(version)
    one, two = dict(room.state), dict(room.state)
    closed = room.put("m.room.join_rules", "", ALI, {"join_rule": "invite"}, 10, one)
    assert room.put("m.room.member", BADR, BADR, {"membership": "join"}, 20, two)
    resolved = resolve(room, [one, two])
    assert closed
    assert resolved["m.room.join_rules", ""] == closed.event_id
    assert member(BADR) not in resolved


@pytest.mark.parametrize("version", MODERN)
def test_topics_follow_the_mainline_then_the_clock(version: str) -> None:
    room, one, two = fork(version, {BADR: 50})
    early = room.put("m.room.topic", "", ALI, {"topic": "early"}, 10, one)
    late = room.put("m.room.topic", "", BADR, {"topic": "late"}, 20, two)
    assert early and late
    assert resolve(room, [one, two])[TOPIC] == late.event_id
    # A topic that cites newer power levels wins although its clock is behind.
    base = room.events[room.state[POWER_LEVELS_KEY]].content["users"]
    assert room.put("m.room.power_levels", "", ALI, {"users": {**base, CHAMS: 1}}, 21, one)
    newer = room.put("m.room.topic", "", ALI, {"topic": "newer"}, 11, one)
    assert newer
    assert resolve(room, [one, two])[TOPIC] == newer.event_id


def test_version_1_takes_the_deepest_allowed_topic() -> None:
    room, one, two = fork("1", {BADR: 50})
    assert room.put("m.room.topic", "", ALI, {"topic": "shallow"}, 50, one)
    assert room.put("m.room.name", "", ALI, {"name": "x"}, 10, two)
    deep = room.put("m.room.topic", "", BADR, {"topic": "deep"}, 11, two)
    assert deep
    assert resolve(room, [one, two])[TOPIC] == deep.event_id


@pytest.mark.parametrize(("version", "stays"), [("2", False), ("11", False), ("12", True)])
def test_version_12_judges_old_events_by_the_state_of_their_time(version: str, stays: bool) -> None:
    room, now, _ = fork(version, {})
    assert room.put("m.room.join_rules", "", ALI, {"join_rule": "invite"}, 30, now)
    # A server claims a state without Dina, who joined while the room was public.
    other = {key: event_id for key, event_id in now.items() if key != member(DINA)}
    assert (member(DINA) in resolve(room, [now, other])) == stays


def test_the_conflicted_subgraph_has_what_lies_between_conflicts() -> None:
    graph = {"a": (), "b": ("a",), "c": ("b",), "d": ("c", "x"), "x": ("y",), "y": ()}
    assert find_conflicted_subgraph({"a", "d"}, graph) == {"a", "b", "c", "d"}
    assert find_conflicted_subgraph({"d"}, graph) == {"d"}
