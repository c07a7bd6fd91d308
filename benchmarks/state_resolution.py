"""State resolution of a big room's fork beside Synapse's: `python -m benchmarks.state_resolution` (10,000 members, two branches).

Both get the same events and answer the same question in alternating rounds; the results must be equal. Times are of the processor, so
that what else the machine does matters little. Synapse's events lie in memory and its index of auth chains in an SQLite database in memory; making these,
and Zajil's tries, is not measured. Both times include handing over what is asked for, out of memory; building the tries of the result, which
Synapse has no part like, is stated apart.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from dataclasses import dataclass, field

from tests.core.state_resolution_rooms import Caller, Room, State
from tests.core.synapse_resolver import SynapseResolver

from zajil.core.events import Event
from zajil.core.state_resolution import Known, Resolution, StateRoots

CREATOR = "@ali:a.example"
MODERATORS = [f"@moderator{number}:b.example" for number in range(20)]
VERSIONS = ("10", "12")
BAR_RATIO = 5.0
BAR_SLICE_MS = 2.0


@dataclass
class Builder:
    """Appends to one branch after another, without looking for the newest event."""

    room: Room
    last: str
    ts: int = 10

    def put(self, type_: str, state_key: str, sender: str, content: dict[str, object], state: State) -> Event:
        self.ts += 1
        event = self.room.put(type_, state_key, sender, content, self.ts, state, (self.last,))
        assert event is not None, (type_, state_key, sender, content)
        self.last = event.event_id
        return event


def build_fork(version: str, members: int, changes: int) -> tuple[Room, list[State]]:
    """A room, and two branches in which moderators change things at the same time: members join, rename themselves, leave, are removed
    and banned, and the power levels change on both sides."""
    room = Room(version, CREATOR)
    builder = Builder(room, room.create_id)
    levels = {} if room.rules.creators_have_infinite_power else {CREATOR: 100}
    levels |= dict.fromkeys(MODERATORS, 50)
    builder.put("m.room.member", CREATOR, CREATOR, {"membership": "join"}, room.state)
    builder.put("m.room.power_levels", "", CREATOR, {"users": levels}, room.state)
    builder.put("m.room.join_rules", "", CREATOR, {"join_rule": "public"}, room.state)
    users = [f"@member{number}:{'cde'[number % 3]}.example" for number in range(members - len(MODERATORS) - 1)]
    for user in (*MODERATORS, *users):
        builder.put("m.room.member", user, user, {"membership": "join"}, room.state)
    fork = builder.last
    states = [dict(room.state), dict(room.state)]
    for side, state in enumerate(states):
        builder.last, builder.ts = fork, 50_000
        for number in range(changes):
            change(builder, state, side, number, users, levels)
    return room, states


def change(builder: Builder, state: State, side: int, number: int, users: list[str], levels: dict[str, int]) -> None:
    moderator = MODERATORS[(number + side) % len(MODERATORS)]
    # Every other member is changed on both sides, the rest on one.
    user = users[(number * 2 + (side if number % 2 else 0)) % len(users)]
    kind = number % 10
    if kind in (0, 1, 2):
        builder.put("m.room.member", user, user, {"membership": "join", "displayname": f"{side}/{number}"}, state)
    elif kind in (3, 4):
        newcomer = f"@new{number}{side if kind == 3 else ''}:f.example"
        builder.put("m.room.member", newcomer, newcomer, {"membership": "join"}, state)
    elif kind in (5, 6):
        builder.put("m.room.member", user, moderator, {"membership": "leave"}, state)
    elif kind == 7:
        builder.put("m.room.member", user, moderator, {"membership": "ban"}, state)
    elif kind == 8:
        builder.put("m.room.topic", "", moderator, {"topic": f"{side}/{number}"}, state)
    else:
        content = {"users": {**levels, users[-1 - number]: 25 + side}, "invite": 25 * side}
        builder.put("m.room.power_levels", "", CREATOR, content, state)


@dataclass
class Figures:
    seconds: list[float] = field(default_factory=list)
    slices: list[list[float]] = field(default_factory=list)
    """Of each round."""
    database_seconds: list[float] = field(default_factory=list)
    write_seconds: list[float] = field(default_factory=list)


def resolve_in_slices(caller: Caller, states: list[StateRoots], figures: Figures) -> Resolution:
    """One resolution with nothing loaded before, timed as a whole and slice by slice."""
    caller.known = Known()
    began = time.process_time()
    resolution = caller.start(states)
    slices: list[float] = []
    while True:
        slice_began = time.process_time()
        try:
            need = next(resolution)
        except StopIteration as stop:
            slices.append(time.process_time() - slice_began)
            figures.slices.append(slices)
            assert isinstance(stop.value, Resolution)
            figures.seconds.append(time.process_time() - began)
            return stop.value
        slices.append(time.process_time() - slice_began)
        caller.answer(need)


def measure(version: str, members: int, changes: int, rounds: int) -> tuple[Figures, Figures, str]:
    room, states = build_fork(version, members, changes)
    roots = [room.build_roots(state) for state in states]
    caller = Caller(room, whole_chains=True)
    # As a running server does: what is there for good is not looked through for garbage.
    gc.collect()
    gc.freeze()
    zajil, synapse = Figures(), Figures()
    with SynapseResolver() as peer:
        for _ in range(rounds):
            result = resolve_in_slices(caller, roots, zajil)
            answer = peer.ask(room, [states])
            synapse.seconds += answer["seconds"]
            synapse.database_seconds += answer["database_seconds"]
            began = time.process_time()
            written = caller.write(result)
            zajil.write_seconds.append(time.process_time() - began)
    assert sorted(room.read_roots(written.state).values()) == answer["resolved"][0], "the results differ"
    conflicts = sum(states[0].get(key) != states[1].get(key) for key in states[0].keys() | states[1].keys())
    return zajil, synapse, f"{len(room.events):,} events, {conflicts} keys in conflict"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=400, help="state events in each branch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    passed = True
    for version in VERSIONS:
        zajil, synapse, what = measure(version, options.members, options.changes, options.rounds)
        ours, theirs = statistics.median(zajil.seconds), statistics.median(synapse.seconds)
        without = theirs - statistics.median(synapse.database_seconds)
        # What disturbs a slice lies in one round or another, but not in the same slice of each.
        longest = max(min(times) for times in zip(*zajil.slices, strict=True))
        verdict = theirs / ours >= BAR_RATIO
        in_slices = longest * 1000 <= BAR_SLICE_MS
        passed &= verdict and in_slices
        print(f"room version {version}, {options.members:,} members, {what}:")
        print(
            f"  Zajil {ours * 1000:.1f} ms, Synapse {theirs * 1000:.1f} ms ({without * 1000:.1f} ms without its database)"
        )
        writing = statistics.median(zajil.write_seconds)
        print(f"  Zajil's tries of the result: {writing * 1000:.1f} ms more")
        print(f"  {theirs / ours:.1f} × faster; bar ≥ {BAR_RATIO:g} ×: {'pass' if verdict else 'FAIL'}")
        print(
            f"  {len(zajil.slices[0])} slices, the longest {longest * 1000:.2f} ms; bar ≤ {BAR_SLICE_MS:g} ms: "
            f"{'pass' if in_slices else 'FAIL'}"
        )
    if options.strict and not passed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
