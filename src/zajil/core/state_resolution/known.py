"""What a resolution knows, what it asks its caller for, and how much it may do.

A resolution is a generator. It yields what it lacks, and `PAUSE` when it has used up a slice of its work.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from zajil.core.events import Event, StateKey
from zajil.core.state_map import LoadedNodes, NeedNodes

# What things cost, in steps of about 1 µs: a link followed from one event to another.
COMPARE_STEPS: Final = 15  # of two nodes of a trie
READ_STEPS: Final = 15  # of a key from a trie
WRITE_STEPS: Final = 40  # of a key into a trie
RANK_STEPS: Final = 15  # of an event's sender, by power
SORT_STEPS: Final = 4  # of an event, into its place
JUDGE_STEPS: Final = 25  # of an event, by the authorisation rules
BYTES_PER_STEP: Final = 200  # of an event that is read or judged
NEED_MAX: Final = 1_000
"""Events asked for at once."""
LOOKS_PER_STEP: Final = 4  # at whether something has been loaded


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one resolution may do."""

    states_max: int = 100
    """Different states."""
    events_max: int = 100_000
    """Events that are judged: the full conflicted set."""
    links_max: int = 500_000
    """Events whose place among the auth events is looked up."""
    steps_max: int = 60_000_000
    """Steps of work, about a minute."""
    steps_per_slice_max: int = 1_000
    """Steps between two pauses; the last thing done is not halved."""


@dataclass(frozen=True, slots=True)
class NeedLinks:
    """Put into `Known.links` what these events are and what they name as auth events.

    Those of their whole auth chains will be asked for next; loading them along saves round trips.
    """

    nids: frozenset[int]


@dataclass(frozen=True, slots=True)
class NeedCiting:
    """Put into `Known.citing` which state events name these among their auth events."""

    nids: frozenset[int]


@dataclass(frozen=True, slots=True)
class NeedEvents:
    """Put these events into `Known.events`, and into `Known.rejected` those that were rejected on receipt."""

    nids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Pause:
    """A slice of work is done; go on when there is time."""


PAUSE: Final = Pause()


@dataclass(frozen=True, slots=True)
class ResolutionRefused:
    """The resolution is beyond the server's limits."""

    reason: str


class ResolutionTooLargeError(Exception):
    """Unwinds a resolution that has reached a limit."""


Need = NeedNodes | NeedLinks | NeedCiting | NeedEvents
_T = TypeVar("_T")
Steps = Generator[Need | Pause, None, _T]


@dataclass(frozen=True, slots=True)
class Links:
    """What there is to know of an event without reading it."""

    key: StateKey
    auth_nids: tuple[int, ...]


NO_LINKS: Final = Links(("", ""), ())


@dataclass(slots=True)
class Known:
    """What the caller has loaded, by local event number. None of it ever changes, so it may be kept for the next
    resolution in the room. What was asked for and is not there cannot be had."""

    nodes: LoadedNodes = field(default_factory=LoadedNodes)
    links: dict[int, Links] = field(default_factory=dict)
    citing: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Changes when a new event arrives: not for keeping."""
    events: dict[int, Event | None] = field(default_factory=dict)
    rejected: set[int] = field(default_factory=set)


class Work:
    """One resolution's view of `Known`, with its limits."""

    __slots__ = ("_asked", "_slice_end", "known", "limits", "steps")

    def __init__(self, known: Known, limits: Limits) -> None:
        self.known = known
        self.limits = limits
        self.steps = 0
        self._slice_end = limits.steps_per_slice_max
        self._asked = 0

    def spend(self, steps: int = 1) -> bool:
        """Count some steps. When it returns True the slice is used up and the caller yields PAUSE."""
        self.steps += steps
        if self.steps < self._slice_end:
            return False
        if self.steps > self.limits.steps_max:
            raise ResolutionTooLargeError(f"It takes more than {self.limits.steps_max} steps.")
        self._slice_end = self.steps + self.limits.steps_per_slice_max
        return True

    def select(self, items: Iterable[_T], is_wanted: Callable[[_T], bool]) -> Steps[list[_T]]:
        """Those of some events, or keys, for which a quick question is answered with yes."""
        selected: list[_T] = []
        for item in items:
            if is_wanted(item):
                selected.append(item)
            if self.spend():
                yield PAUSE
        return selected

    def check_events(self, count: int) -> None:
        """Refuse to judge too many events."""
        if count > self.limits.events_max:
            raise ResolutionTooLargeError(f"More than {self.limits.events_max} events are in conflict.")

    def load_links(self, nids: Iterable[int]) -> Steps[None]:
        links = self.known.links
        for part in _split(nids):
            self._asked += len(part)
            if self._asked > self.limits.links_max:
                raise ResolutionTooLargeError(f"It looks at more than {self.limits.links_max} auth events.")
            if self.spend(len(part) // LOOKS_PER_STEP):
                yield PAUSE
            missing = [nid for nid in part if nid not in links]
            if missing:
                yield NeedLinks(frozenset(missing))
                for nid in missing:
                    links.setdefault(nid, NO_LINKS)

    def load_citing(self, nids: Iterable[int]) -> Steps[None]:
        citing = self.known.citing
        for part in _split(nids):
            if self.spend(len(part) // LOOKS_PER_STEP):
                yield PAUSE
            missing = [nid for nid in part if nid not in citing]
            if missing:
                yield NeedCiting(frozenset(missing))
                for nid in missing:
                    citing.setdefault(nid, ())

    def load_events(self, nids: Iterable[int]) -> Steps[None]:
        events = self.known.events
        for part in _split(nids):
            if self.spend(len(part) // LOOKS_PER_STEP):
                yield PAUSE
            missing = [nid for nid in part if nid not in events]
            if missing:
                yield NeedEvents(frozenset(missing))
                for nid in missing:
                    events.setdefault(nid, None)

    def spend_on(self, event: Event, steps: int) -> bool:
        """`spend`, more of it for a large event."""
        return self.spend(steps + len(event.json) // BYTES_PER_STEP)


def _split(nids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(nids)
    while part := tuple(islice(rest, NEED_MAX)):
        yield part
