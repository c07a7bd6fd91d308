"""Random rooms with forks, nested and wide: people who join, leave, ban, promote and demote each other at the same time.

Everything follows from the version and the seed. Randomness comes from `Random.random` alone, which gives the same numbers on every
version of Python, because recorded results depend on it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.core.forked_room_events import AuthCase, Choice, EventMaker, build_auth_list_cases, build_create_cases
from tests.core.state_resolution_rooms import Caller, Room, State, resolve

T = TypeVar("T")
CREATOR = "@ali:a.example"
USERS = (
    CREATOR,
    "@badr:a.example",
    "@chams:b.example",
    "@dina:b.example",
    "@emir:c.example",
    "@farah:c.example",
    "@ghani:a.example",
    "@huda:d.example",
)
AUTH_CASES_MAX = 60


@dataclass
class Tip:
    """The end of a branch: what the next event there has before it."""

    events: tuple[str, ...]
    state: State
    older: State
    """A state from earlier, whose events careless servers cite."""


@dataclass
class ForkedRoom:
    room: Room
    cases: list[list[State]]
    """States to resolve together."""
    auth_cases: list[AuthCase] = field(default_factory=list)


@dataclass(frozen=True)
class Shape:
    steps: int
    tips_max: int
    fork: float
    merge: float
    careless: float


def build_forked_room(version: str, seed: int, *, with_auth_cases: bool = True) -> ForkedRoom:
    """A room grown for some steps, and sets of its states that call for resolution."""
    choice = Choice(random.Random(f"{version}/{seed}"))
    shape = Shape(
        steps=choice.number(30, 150),
        tips_max=choice.pick((2, 2, 3, 4, 8)),
        fork=choice.pick((0.05, 0.1, 0.3)),
        merge=choice.pick((0.02, 0.08)),
        careless=choice.pick((0.0, 0.1)),
    )
    grown = ForkedRoom(_open_room(version, choice), [])
    room = grown.room
    maker = EventMaker(room, USERS, choice)
    tips = [Tip((_find_last(room, room.state),), dict(room.state), dict(room.state))]
    for _ in range(shape.steps):
        _grow(grown, maker, tips, shape, choice, with_auth_cases)
    if with_auth_cases:
        del grown.auth_cases[AUTH_CASES_MAX:]
        grown.auth_cases += build_auth_list_cases(room, choice) + build_create_cases(room, choice)
    cases = _choose_cases(room, [tip.state for tip in tips], choice)
    grown.cases = [states for states in cases if any(state != states[0] for state in states)]
    return grown


def _open_room(version: str, choice: Choice) -> Room:
    content: dict[str, Any] = {}
    if choice.chance(0.15):
        content["m.federate"] = choice.chance(0.5)
    if version == "12" and choice.chance(0.5):
        content["additional_creators"] = [choice.pick(USERS[1:])]
    room = Room(version, CREATOR, content)
    creators = {CREATOR, *content.get("additional_creators", ())} if version == "12" else set()
    room.put("m.room.member", CREATOR, CREATOR, {"membership": "join"}, 2)
    if choice.chance(0.9):
        levels: dict[str, Any] = {} if version == "12" else {CREATOR: 100}
        for user in USERS[1:4]:
            if user not in creators and choice.chance(0.6):
                levels[user] = choice.pick((50, 50, 75, 100))
        room.put("m.room.power_levels", "", CREATOR, {"users": levels}, 3)
    if choice.chance(0.9):
        room.put("m.room.join_rules", "", CREATOR, {"join_rule": choice.pick(("public", "public", "invite"))}, 4)
    for user in USERS[1 : choice.number(2, len(USERS))]:
        room.put("m.room.member", user, user, {"membership": "join"}, choice.number(5, 9))
    return room


def _find_last(room: Room, state: State) -> str:
    return max((room.events[event_id] for event_id in state.values()), key=lambda event: event.depth).event_id


def _grow(
    grown: ForkedRoom, maker: EventMaker, tips: list[Tip], shape: Shape, choice: Choice, with_auth_cases: bool
) -> None:
    room = grown.room
    tip = choice.pick(tips)
    if len(tips) < shape.tips_max and choice.chance(shape.fork):
        tips.append(Tip(tip.events, dict(tip.state), dict(tip.state)))
        return
    if len(tips) > 1 and choice.chance(shape.merge):
        other = choice.pick([one for one in tips if one is not tip])
        tip.state = resolve(room, [tip.state, other.state], Caller(room))
        tip.events = tuple(dict.fromkeys((*tip.events, *other.events)))[:10]
        if choice.chance(0.5):
            tips.remove(other)
        return
    cited = tip.older if choice.chance(shape.careless) else tip.state
    event = maker.make(tip.state, cited, tip.events)
    if with_auth_cases:
        grown.auth_cases.append(AuthCase(event, tuple(tip.state.values())))
    if room.judges(event, tip.state) is not None or room.judges(event, room.read_cited(event)) is not None:
        return
    room.add(event)
    tip.events = (event.event_id,)
    if choice.chance(0.2):
        tip.older = dict(tip.state)
    if event.is_state:
        tip.state[event.key] = event.event_id


def _choose_cases(room: Room, states: Sequence[State], choice: Choice) -> list[list[State]]:
    """All branches at once, two of them, and one beside what a server might claim that lies."""
    cases = [list(states)] if len(states) > 1 else []
    if len(states) > 2:
        first = choice.pick(states)
        cases.append([first, choice.pick([state for state in states if state is not first])])
    state = choice.pick(states)
    lie = dict(state)
    for _ in range(choice.number(1, 4)):
        key = choice.pick(sorted(lie))
        earlier = [event.event_id for event in room.events.values() if event.is_state and event.key == key]
        if choice.chance(0.6):
            lie[key] = choice.pick(earlier)
        elif key[0] != "m.room.create":
            del lie[key]
    cases.append([state, lie])
    return cases
