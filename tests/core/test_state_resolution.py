"""State resolution: its laws on random rooms, and what it decides in known conflicts."""

from dataclasses import replace
from itertools import permutations
from typing import TypeVar

import pytest
from tests.core.forked_rooms import build_forked_room
from tests.core.state_resolution_rooms import USERS, Caller, Room, State, resolve

from zajil.core.events import Event, StateKey
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY
from zajil.core.state_resolution import (
    WRITE_KEYS_MAX,
    Known,
    Limits,
    NeedCiting,
    NeedEvents,
    NeedLinks,
    Resolution,
    ResolutionRefused,
    StateRoots,
    is_member_key,
    resolve_states,
    write_resolution,
)
from zajil.core.state_resolution.auth_chains import find_conflicted_subgraph
from zajil.core.state_resolution.conflicts import READ_KEYS_MAX
from zajil.core.state_resolution.known import READ_STEPS, WRITE_STEPS, Steps, Work

T = TypeVar("T")
ALI, BADR, CHAMS, DINA = USERS
VERSIONS = ("1", "2", "6", "10", "11", "12")
TOPIC = ("m.room.topic", "")


def member(user: str) -> tuple[str, str]:
    return ("m.room.member", user)


def open_room(version: str) -> Room:
    """A public room of one user."""
    room = Room(version)
    assert room.put("m.room.member", ALI, ALI, {"membership": "join"}, 2)
    levels = {} if room.rules.creators_have_infinite_power else {ALI: 100}
    assert room.put("m.room.power_levels", "", ALI, {"users": levels}, 3)
    assert room.put("m.room.join_rules", "", ALI, {"join_rule": "public"}, 4)
    return room


# Laws


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", range(15))
def test_laws_on_random_rooms(version: str, seed: int) -> None:
    grown = build_forked_room(version, 1_000_000 + seed, with_auth_cases=False)
    room = grown.room
    for states in grown.cases:
        resolved = resolve(room, states)
        for order in permutations(states[:4]):
            assert resolve(room, [*order, *states[4:], states[0]]) == resolved
        assert resolve(room, [resolved, resolved]) == resolved
        assert resolve(room, [states[0]]) == states[0]
        # Nothing comes from nowhere, and what all agree on stays.
        agreed = set(states[0].items()).intersection(*(state.items() for state in states[1:]))
        assert agreed <= resolved.items()
        assert resolved[CREATE_KEY] == room.create_id
        assert set(resolved.values()) <= set(room.events)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("whole_chains", [False, True])
def test_the_way_of_loading_changes_nothing(version: str, whole_chains: bool) -> None:
    for seed in range(5):
        grown = build_forked_room(version, 2_000_000 + seed, with_auth_cases=False)
        room = grown.room
        # What earlier resolutions loaded may be kept.
        kept = Caller(room, whole_chains=whole_chains)
        for states in grown.cases:
            resolved = resolve(room, states)
            assert resolve(room, states, Caller(room, whole_chains=whole_chains)) == resolved
            assert resolve(room, states, kept) == resolved
            asked = kept.asked
            assert resolve(room, states, kept) == resolved
            assert kept.asked == asked


def test_the_result_is_a_change_of_one_of_the_states() -> None:
    for version in VERSIONS:
        grown = build_forked_room(version, 3_000_000, with_auth_cases=False)
        room = grown.room
        for states in grown.cases:
            caller = Caller(room)
            result = caller.run([room.build_roots(state) for state in states])
            assert isinstance(result, Resolution)
            changed: dict[StateKey, str | None] = dict(room.read_roots(result.base))
            names = {nid: event_id for event_id, nid in room.nids.items()}
            for key, nid in result.changes.items():
                changed[key] = None if nid is None else names[nid]
            state = {key: value for key, value in changed.items() if value is not None}
            before = set(room.nodes)
            written = caller.write(result)
            assert room.read_roots(written.state) == state
            assert written.state == room.build_roots(state)
            # Only what belongs to the new state is to be stored.
            assert written.new_nodes.keys() <= before | room.find_nodes(written.state)
            assert all(is_member_key(key) == (key[0] == "m.room.member") for key in state)


def test_events_that_cannot_be_had_lose() -> None:
    room = open_room("11")
    one, two = dict(room.state), dict(room.state)
    lost = room.put("m.room.topic", "", ALI, {"topic": "one"}, 20, one)
    kept = room.put("m.room.topic", "", ALI, {"topic": "two"}, 10, two)
    assert lost and kept
    room.by_nid[room.nids[lost.event_id]] = None
    assert resolve(room, [one, two])[TOPIC] == kept.event_id


@pytest.mark.parametrize("rejected", [False, True])
def test_rejected_auth_events_give_no_power(rejected: bool) -> None:
    room, one, _ = fork("11", {BADR: 50})
    # Both states have an event above the power levels, so that these are not tried themselves.
    assert room.put("m.room.name", "", ALI, {"name": "x"}, 9, one)
    two = dict(one)
    assert room.put("m.room.topic", "", BADR, {"topic": "x"}, 10, one)
    levels = one.pop(POWER_LEVELS_KEY)
    del two[POWER_LEVELS_KEY]
    if rejected:
        room.rejected.add(room.nids[levels])
    # Badr's topic cites the power levels on one side only: they are a difference, and judged themselves.
    assert (TOPIC in resolve(room, [one, two])) != rejected


def test_a_deep_auth_chain_needs_no_recursion() -> None:
    room = open_room("10")
    for number in range(3_000):
        room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100}, "invite": number % 50}, 10 + number)
    one, two = dict(room.state), dict(room.state)
    room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100, BADR: 1}}, 5_000, one)
    last = room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100, BADR: 2}}, 5_001, two)
    assert last
    assert resolve(room, [one, two])[POWER_LEVELS_KEY] == last.event_id


def test_auth_events_in_a_circle_end() -> None:
    """In room versions 1 and 2 event IDs are no hashes, so two events can cite each other."""
    room, one, two = fork("2", {BADR: 50})
    first = room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100, CHAMS: 1}}, 10, one)
    second = room.put("m.room.power_levels", "", ALI, {"users": {ALI: 100, CHAMS: 2}}, 11, two)
    assert first and second
    for event, other in ((first, second), (second, first)):
        cited = [[event_id, {}] for event_id in (*event.auth_event_ids, other.event_id)]
        circular = Event(room.rules, event.event_id, pdu={**event.pdu, "auth_events": cited})
        room.events[event.event_id] = room.by_nid[room.nids[event.event_id]] = circular
    topic = room.put("m.room.topic", "", ALI, {"topic": "x"}, 12, one)
    assert topic
    resolved = resolve(room, [one, two])
    assert resolved[TOPIC] == topic.event_id
    assert resolve(room, [two, one]) == resolved


def test_what_is_asked_for() -> None:
    room = open_room("11")
    other = dict(room.state)
    event = room.put("m.room.topic", "", ALI, {"topic": "x"}, 10, other)
    assert event
    caller = Caller(room)
    states = [room.build_roots(room.state), room.build_roots(other)]
    resolution = resolve_states(states, room.nids[room.create_id], room.rules, caller.known)
    asked: list[object] = []
    with pytest.raises(StopIteration):
        while True:
            asked.append(next(resolution))
            caller.answer(asked[-1])
    topic = frozenset({room.nids[event.event_id]})
    assert NeedLinks(topic) in asked
    # What the topic cites is part of both states: nobody needs to know what else cites it.
    assert not any(isinstance(need, NeedCiting) for need in asked)
    assert sum(isinstance(need, NeedEvents) for need in asked) == 1


# Limits


def build_wide_fork(version: str) -> tuple[Room, list[StateRoots]]:
    """Sixty members, of whom one branch removes one half and another branch the other, after they took new names."""
    room = open_room(version)
    users = [f"@user{number}:example.org" for number in range(60)]
    for user in users:
        assert room.put("m.room.member", user, user, {"membership": "join"}, 5)
    states = (dict(room.state), dict(room.state))
    for number, user in enumerate(users):
        state = states[number % 2]
        assert room.put("m.room.member", user, user, {"membership": "join", "displayname": "x"}, 100, state)
        assert room.put("m.room.member", user, ALI, {"membership": "leave"}, 110, state)
    return room, [room.build_roots(state) for state in states]


@pytest.mark.parametrize("version", VERSIONS)
def test_limits_refuse_and_what_stays_below_is_resolved(version: str) -> None:
    room, states = build_wide_fork(version)
    judged = 120 if room.rules.state_resolution == "v1" else 180
    enough = Limits(states_max=2, events_max=judged, links_max=1_000, steps_max=60_000, steps_per_slice_max=100)
    assert isinstance(Caller(room, limits=enough).run(states), Resolution)
    assert isinstance(Caller(room, limits=replace(enough, states_max=1)).run(states), ResolutionRefused)
    assert isinstance(Caller(room, limits=replace(enough, events_max=judged - 1)).run(states), ResolutionRefused)
    assert isinstance(Caller(room, limits=replace(enough, steps_max=2_000)).run(states), ResolutionRefused)
    if room.rules.state_resolution != "v1":
        assert isinstance(Caller(room, limits=replace(enough, links_max=100)).run(states), ResolutionRefused)


def watch(caller: Caller, steps: Steps[T], works: list[Work], slices: list[int]) -> T:
    """The result of a resolution, and the steps it made from one yield to the next."""
    before = 0
    while True:
        try:
            need = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            slices.append(works[-1].steps - before)
            before = works[-1].steps
        caller.answer(need)


@pytest.mark.parametrize("version", VERSIONS)
def test_work_comes_in_slices(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Counted in steps, because time depends on the machine; `benchmarks/state_resolution.py` measures it."""
    works: list[Work] = []

    class WatchedWork(Work):
        def __init__(self, known: Known, limits: Limits) -> None:
            super().__init__(known, limits)
            works.append(self)

    monkeypatch.setattr("zajil.core.state_resolution.Work", WatchedWork)
    room, states = build_wide_fork(version)
    caller = Caller(room, limits=Limits(steps_per_slice_max=100))
    slices: list[int] = []
    result = watch(caller, caller.start(states), works, slices)
    assert isinstance(result, Resolution)
    # The last thing in a slice is not halved, and reading some keys from a trie is the largest.
    assert max(slices) < 100 + READ_STEPS * READ_KEYS_MAX
    assert works[0].steps > 3_000
    slices.clear()
    watch(caller, write_resolution(result, caller.known, caller.limits), works, slices)
    assert max(slices) < 100 + WRITE_STEPS * WRITE_KEYS_MAX
    assert works[1].steps > 1_000


# Known conflicts


def fork(version: str, levels: dict[str, int]) -> tuple[Room, State, State]:
    """A room of four users with these power levels, and two branches of it."""
    room = open_room(version)
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
    room = open_room(version)
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
    a, b, c, d, x, y = range(6)
    graph = {a: (), b: (a,), c: (b,), d: (c, x), x: (y,), y: ()}

    def find(conflicted: set[int]) -> set[int]:
        steps = find_conflicted_subgraph(conflicted, graph, Work(Known(), Limits()))
        with pytest.raises(StopIteration) as stop:
            next(steps)
        found: set[int] = stop.value.value
        return found

    assert find({a, d}) == {a, b, c, d}
    assert find({d}) == {d}
