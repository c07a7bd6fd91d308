"""What is remembered of how the server did: cells of a minute for a day and of an hour for ninety days. Pure.

A cell counts the canary's rounds, how long they took (in buckets, so that cells can be added up), and for how many seconds each component was degraded
or out. Time that nobody watched is not counted at all: it is shown as unknown, neither good nor bad.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from zajil.core.health import Component, State

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
MINUTES_KEPT: Final = 24 * 60
DAYS_KEPT: Final = 90
BUCKETS_MS: Final = (
    2,
    3,
    5,
    7,
    10,
    15,
    20,
    30,
    50,
    70,
    100,
    150,
    200,
    300,
    500,
    700,
    1000,
    1500,
    2000,
    3000,
    5000,
    10_000,
)


def _no_times() -> list[int]:
    return [0] * (len(BUCKETS_MS) + 1)


@dataclass(slots=True)
class Cell:
    """A stretch of time, from `start_ts_ms`."""

    start_ts_ms: int
    watched_s: float = 0.0
    rounds: int = 0
    failed: int = 0
    send: list[int] = field(default_factory=_no_times)
    delivery: list[int] = field(default_factory=_no_times)
    degraded_s: dict[Component, float] = field(default_factory=dict)
    outage_s: dict[Component, float] = field(default_factory=dict)

    def note_time(self, seconds: float, states: Mapping[Component, State]) -> None:
        """So many seconds passed in these states."""
        self.watched_s += seconds
        for component, state in states.items():
            if state is not State.OPERATIONAL:
                kept = self.degraded_s if state is State.DEGRADED else self.outage_s
                kept[component] = kept.get(component, 0.0) + seconds

    def note_round(self, send_ms: float | None, delivery_ms: float | None) -> None:
        """The canary finished a round; None where it did not get so far."""
        self.rounds += 1
        self.failed += delivery_ms is None
        for times, value in ((self.send, send_ms), (self.delivery, delivery_ms)):
            if value is not None:
                times[bisect_left(BUCKETS_MS, value)] += 1

    def add(self, other: "Cell") -> None:
        self.watched_s += other.watched_s
        self.rounds += other.rounds
        self.failed += other.failed
        self.send = [mine + its for mine, its in zip(self.send, other.send, strict=True)]
        self.delivery = [mine + its for mine, its in zip(self.delivery, other.delivery, strict=True)]
        for kept, more in ((self.degraded_s, other.degraded_s), (self.outage_s, other.outage_s)):
            for component, seconds in more.items():
                kept[component] = kept.get(component, 0.0) + seconds


def read_percentile(times: Sequence[int], share: float) -> float | None:
    """The time that `share` of the rounds stayed below, in ms; None without any."""
    total = sum(times)
    if not total:
        return None
    wanted, seen = share * total, 0
    for index, count in enumerate(times):
        if count and seen + count >= wanted:
            low = BUCKETS_MS[index - 1] if index else 0
            high = BUCKETS_MS[index] if index < len(BUCKETS_MS) else BUCKETS_MS[-1] * 2
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return None


def add_up(cells: Iterable[Cell], start_ts_ms: int) -> Cell:
    """One cell with all that is in `cells`."""
    total = Cell(start_ts_ms)
    for cell in cells:
        total.add(cell)
    return total


def read_uptime(cell: Cell, component: Component | None = None) -> float | None:
    """The share of the watched time without an outage (of the component, or of any); None when nobody watched."""
    if cell.watched_s <= 0:
        return None
    lost = max(cell.outage_s.values(), default=0.0) if component is None else cell.outage_s.get(component, 0.0)
    return max(0.0, 1.0 - lost / cell.watched_s)


class History:
    """The cells of one node, in order of time. What is older than is kept goes by itself."""

    def __init__(self, minutes: Iterable[Cell] = (), hours: Iterable[Cell] = ()) -> None:
        self.minutes = {cell.start_ts_ms: cell for cell in minutes}
        self.hours = {cell.start_ts_ms: cell for cell in hours}

    def find_cells(self, now_ms: int) -> tuple[Cell, Cell]:
        """The minute and the hour that `now_ms` lies in."""
        found = []
        for cells, length_ms, kept_ms in (
            (self.minutes, MINUTE_MS, MINUTES_KEPT * MINUTE_MS),
            (self.hours, HOUR_MS, DAYS_KEPT * DAY_MS),
        ):
            start = now_ms - now_ms % length_ms
            if start not in cells:
                for old in [each for each in cells if each <= start - kept_ms]:
                    del cells[old]
                cells[start] = Cell(start)
            found.append(cells[start])
        return found[0], found[1]

    def note_time(self, now_ms: int, seconds: float, states: Mapping[Component, State]) -> None:
        for cell in self.find_cells(now_ms):
            cell.note_time(seconds, states)

    def note_round(self, now_ms: int, send_ms: float | None, delivery_ms: float | None) -> None:
        for cell in self.find_cells(now_ms):
            cell.note_round(send_ms, delivery_ms)

    def days(self, now_ms: int) -> list[Cell]:
        """The last ninety days, in UTC, the oldest first; empty cells for those of which nothing is known."""
        today = now_ms - now_ms % DAY_MS
        days = {start: Cell(start) for start in range(today - (DAYS_KEPT - 1) * DAY_MS, today + DAY_MS, DAY_MS)}
        for start, cell in self.hours.items():
            day = days.get(start - start % DAY_MS)
            if day is not None:
                day.add(cell)
        return list(days.values())

    def stretches(self, now_ms: int, length_ms: int, count: int) -> list[Cell]:
        """The last `count` stretches of that length from the minutes, the oldest first."""
        last = now_ms - now_ms % length_ms
        cells = {start: Cell(start) for start in range(last - (count - 1) * length_ms, last + 1, length_ms)}
        for start, cell in self.minutes.items():
            stretch = cells.get(start - start % length_ms)
            if stretch is not None:
                stretch.add(cell)
        return list(cells.values())


def dump_cell(cell: Cell) -> dict[str, Any]:
    """As JSON objects; `load_cell` reads it back."""
    return {
        "start_ts_ms": cell.start_ts_ms,
        "watched_s": round(cell.watched_s, 3),
        "rounds": cell.rounds,
        "failed": cell.failed,
        "send": cell.send,
        "delivery": cell.delivery,
        "degraded_s": {component.value: round(seconds, 3) for component, seconds in sorted(cell.degraded_s.items())},
        "outage_s": {component.value: round(seconds, 3) for component, seconds in sorted(cell.outage_s.items())},
    }


def load_cell(value: Mapping[str, Any]) -> Cell:
    """From what `dump_cell` made. Raises KeyError, ValueError or TypeError for anything else."""
    cell = Cell(value["start_ts_ms"], value["watched_s"], value["rounds"], value["failed"])
    cell.send, cell.delivery = list(value["send"]), list(value["delivery"])
    if len(cell.send) != len(BUCKETS_MS) + 1 or len(cell.delivery) != len(BUCKETS_MS) + 1:
        raise ValueError("the buckets are not ours")
    cell.degraded_s = {Component(name): seconds for name, seconds in value["degraded_s"].items()}
    cell.outage_s = {Component(name): seconds for name, seconds in value["outage_s"].items()}
    return cell
