"""State resolution: one room state out of several (room version specification, "State resolution").

States are tries (`core.state_map`), so what they have in common is never looked at; events are local numbers until they
are judged. Nothing here does I/O or takes long at a stretch: `resolve_states` is a generator that yields what it lacks
and pauses between bounded slices of work.

    resolution = resolve_states(states, create_nid, rules, known)
    try:
        while True:
            match next(resolution):
                case NeedNodes(names=names): known.nodes.update(await ...)
                case NeedLinks(nids): known.links.update(await ...)
                case NeedCiting(nids): known.citing.update(await ...)
                case NeedEvents(nids): known.events.update(await ...)
                case Pause(): await asyncio.sleep(0)
    except StopIteration as stop:
        result = stop.value

`write_resolution`, driven the same way, builds the tries of the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from zajil.core.events import StateKey
from zajil.core.room_rules import RoomRules
from zajil.core.state_map import NeedNodes, child_names, update
from zajil.core.state_resolution.conflicts import Conflicts, StateRoots, find_conflicts, is_member_key
from zajil.core.state_resolution.known import (
    PAUSE,
    WRITE_STEPS,
    Known,
    Limits,
    Links,
    NeedCiting,
    NeedEvents,
    NeedLinks,
    Pause,
    ResolutionRefused,
    ResolutionTooLargeError,
    Steps,
    Work,
)
from zajil.core.state_resolution.v1 import resolve_v1
from zajil.core.state_resolution.v2 import resolve_v2

__all__ = [
    "Known",
    "Limits",
    "Links",
    "NeedCiting",
    "NeedEvents",
    "NeedLinks",
    "NeedNodes",
    "Pause",
    "Resolution",
    "ResolutionRefused",
    "StateRoots",
    "WrittenState",
    "is_member_key",
    "resolve_states",
    "write_resolution",
]

WRITE_KEYS_MAX: Final = 16
"""Changes written into a trie in one go."""
DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Resolution:
    """A resolved state: one of those that were resolved, and what is to change in it."""

    base: StateRoots
    changes: dict[StateKey, int | None]
    """None stands for a key that is gone."""


@dataclass(frozen=True, slots=True)
class WrittenState:
    """A state, and those of its nodes that are to be stored."""

    state: StateRoots
    new_nodes: dict[bytes, bytes]


def resolve_states(
    states: Sequence[StateRoots], create_nid: int, rules: RoomRules, known: Known, limits: Limits = DEFAULT_LIMITS
) -> Steps[Resolution | ResolutionRefused]:
    """Resolve at least one state. `create_nid` is the number of the room's create event."""
    # A state that occurs twice changes nothing, and neither does the order of the states.
    distinct = sorted(set(states), key=lambda state: (state.members, state.rest))
    if len(distinct) == 1:
        return Resolution(distinct[0], {})
    if len(distinct) > limits.states_max:
        return ResolutionRefused(f"There are more than {limits.states_max} different states.")
    work = Work(known, limits)
    try:
        conflicts = yield from find_conflicts(distinct, work)
        if rules.state_resolution == "v1":
            resolved = yield from resolve_v1(conflicts, rules, work)
        else:
            resolved = yield from resolve_v2(conflicts, create_nid, rules, work)
        return Resolution(distinct[0], (yield from _find_changes(conflicts, resolved, work)))
    except ResolutionTooLargeError as error:
        return ResolutionRefused(str(error))


def _find_changes(conflicts: Conflicts, resolved: dict[StateKey, int], work: Work) -> Steps[dict[StateKey, int | None]]:
    """What differs from the first state, given that what was not in conflict stays as it was."""
    changes: dict[StateKey, int | None] = {}
    for key, values in conflicts.values.items():
        nid = resolved.get(key)
        if nid != values[0]:
            changes[key] = nid
        if work.spend():
            yield PAUSE
    agreed = yield from conflicts.read_agreed(resolved, work)
    for key, nid in resolved.items():
        if key not in conflicts.values and key not in agreed:
            changes[key] = nid
        if work.spend():
            yield PAUSE
    return changes


def write_resolution(resolution: Resolution, known: Known, limits: Limits = DEFAULT_LIMITS) -> Steps[WrittenState]:
    """The tries of a resolved state. Asks for nodes only."""
    work = Work(known, limits)
    nodes: dict[bytes, bytes] = {}
    members, rest = resolution.base.members, resolution.base.rest
    todo = iter(resolution.changes.items())
    while part := dict(islice(todo, WRITE_KEYS_MAX)):
        of_members = {key: nid for key, nid in part.items() if is_member_key(key)}
        of_rest = {key: nid for key, nid in part.items() if not is_member_key(key)}
        members = yield from _update(members, of_members, nodes, work)
        rest = yield from _update(rest, of_rest, nodes, work)
        if work.spend(WRITE_STEPS * len(part)):
            yield PAUSE
    # Without the nodes between two writes.
    kept: dict[bytes, bytes] = {}
    names = [members, rest]
    while names:
        name = names.pop()
        if name in nodes and name not in kept:
            kept[name] = nodes[name]
            names += child_names(nodes[name])
        if work.spend():
            yield PAUSE
    return WrittenState(StateRoots(members, rest), kept)


def _update(root: bytes, changes: dict[StateKey, int | None], nodes: dict[bytes, bytes], work: Work) -> Steps[bytes]:
    def load(name: bytes) -> bytes:
        written = nodes.get(name)
        return work.known.nodes.load(name) if written is None else written

    while changes:
        try:
            new_root, new_nodes = update(root, changes, load)
        except NeedNodes as need:
            yield need
        else:
            nodes.update(new_nodes)
            return new_root
    return root
