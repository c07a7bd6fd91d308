"""What some states have in conflict, and what they agree on, read from their tries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from zajil.core.events import StateKey
from zajil.core.state_map import NeedNodes, compare, get_many
from zajil.core.state_resolution.known import COMPARE_STEPS, PAUSE, READ_STEPS, Steps, Work

READ_KEYS_MAX: Final = 32
"""Keys read from a trie in one go."""


@dataclass(frozen=True, slots=True)
class StateRoots:
    """A room state: the trie of the members and the trie of the rest."""

    members: bytes
    rest: bytes


def is_member_key(key: StateKey) -> bool:
    """Which of a state's two tries a key belongs to."""
    return key[0] == "m.room.member"


class Conflicts:
    """Several different states, held together by the first of them and by what differs from it."""

    def __init__(self, states: Sequence[StateRoots], values: dict[StateKey, list[int | None]]) -> None:
        self.first = states[0]
        self.states_count = len(states)
        self.values = values
        """The value in each state, None where a state lacks the key, of every key that is not the same in all."""
        self.masks: dict[int, int] = {}
        """The events in conflict, each with one bit for every state that has it."""
        self._agreed: dict[StateKey, int | None] = {}

    def read_agreed(self, keys: Iterable[StateKey], work: Work) -> Steps[dict[StateKey, int]]:
        """The values of those keys that all states have, with the same value."""
        agreed: dict[StateKey, int] = {}
        unread: dict[bytes, list[StateKey]] = {self.first.members: [], self.first.rest: []}
        for key in keys:
            if work.spend():
                yield PAUSE
            if key in self.values:
                continue
            if key not in self._agreed:
                self._agreed[key] = None
                unread[self.first.members if is_member_key(key) else self.first.rest].append(key)
            elif (nid := self._agreed[key]) is not None:
                agreed[key] = nid
        for root, missing in unread.items():
            for start in range(0, len(missing), READ_KEYS_MAX):
                part = missing[start : start + READ_KEYS_MAX]
                found = yield from _read(root, part, work)
                self._agreed.update(found)
                agreed.update(found)
                if work.spend(len(part) * READ_STEPS):
                    yield PAUSE
        return agreed


def find_conflicts(states: Sequence[StateRoots], work: Work) -> Steps[Conflicts]:
    """Compare at least two different states. Subtrees that are the same everywhere are not looked at."""
    first = states[0]
    conflicts = Conflicts(states, {})
    for index, other in enumerate(states[1:], 1):
        for old, new in ((first.members, other.members), (first.rest, other.rest)):
            for step in compare(old, new, work.known.nodes.load):
                if isinstance(step, NeedNodes):
                    yield step
                    continue
                for key, in_first, in_other in step:
                    conflicts.values.setdefault(key, [in_first] * len(states))[index] = in_other
                if work.spend(COMPARE_STEPS):
                    yield PAUSE
    for values in conflicts.values.values():
        for index, nid in enumerate(values):
            if nid is not None:
                conflicts.masks[nid] = conflicts.masks.get(nid, 0) | 1 << index
        if work.spend(len(states)):
            yield PAUSE
    return conflicts


def _read(root: bytes, keys: list[StateKey], work: Work) -> Steps[dict[StateKey, int]]:
    while True:
        try:
            return get_many(root, keys, work.known.nodes.load)
        except NeedNodes as need:
            yield need
