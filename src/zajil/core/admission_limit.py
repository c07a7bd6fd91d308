"""How much may run at once, and whether there is too much: a limit that adapts itself as TCP Vegas' does, and DAGOR's measure of overload."""

import math
from collections.abc import Sequence
from typing import Final

LEAST: Final = 64
"""A group commit needs company: fewer at once would make smaller batches, and so less be done."""
MOST: Final = 1024
BEGIN: Final = 128
WINDOW_S: Final = 0.5
SAMPLES_LEAST: Final = 32
FORGETTING: Final = 1.01
"""The shortest duration ever seen is believed a little less with each window: the server may have become slower for good."""

WAIT_S_MAX: Final = 0.020
OVERLOAD_WINDOW_S: Final = 1.0
DECREASE: Final = 0.05
INCREASE: Final = 0.01
CALM_WAIT_S_MAX: Final = 0.002
CALM_INCREASE: Final = 0.1
"""Where next to nothing waits, what made too much work is over: a minute in which nobody could read older messages would be for nothing."""
CELLS_MAX: Final = 20


class AdaptiveLimit:
    """How many requests may run at once: more while they take as long as one alone, fewer when they only wait for each other."""

    __slots__ = ("_busiest", "_count", "_ends_s", "_shortest_s", "_sum_s", "value")

    def __init__(self) -> None:
        self.value = BEGIN
        self._shortest_s = math.inf
        self._ends_s = 0.0
        self._count = 0
        self._sum_s = 0.0
        self._busiest = 0

    def note(self, duration_s: float, running: int, now_s: float) -> None:
        """A request took so long while so many ran."""
        self._count += 1
        self._sum_s += duration_s
        if running > self._busiest:
            self._busiest = running
        if now_s >= self._ends_s and self._count >= SAMPLES_LEAST:
            self._adapt()
            self._ends_s = now_s + WINDOW_S
            self._count, self._sum_s, self._busiest = 0, 0.0, 0

    def _adapt(self) -> None:
        mean_s = max(self._sum_s / self._count, 1e-9)
        self._shortest_s = min(self._shortest_s * FORGETTING, mean_s)
        # Of those that run, so many only wait for the others (Vegas' estimate of the queue).
        queued = self._busiest * (1 - self._shortest_s / mean_s)
        step = max(1, round(math.sqrt(self.value)))
        if queued > self.value / 2:
            self.value = max(LEAST, self.value - step)
        elif queued < self.value / 4 and self._busiest >= self.value * 3 // 4:
            # A limit that nobody reaches has no reason to grow.
            self.value = min(MOST, self.value + step)


class Overload:
    """Which share of the sheddable work is taken: 5 % less for each second in which requests waited too long, then 1 % more, or 10 % if they hardly waited.

    The work is laid out in cells, the least valuable first; what lies below `level` is refused. After DAGOR (Zhou et al., 2018), where
    each cell is a kind of work and a share of the users, so that it is the same users who get through, whole conversations and not halves.
    """

    __slots__ = ("_arrived", "_others", "_waited_s", "_waits", "ends_s", "is_overloaded", "level", "prompt")

    def __init__(self, cells: int) -> None:
        self.level = 0
        self.prompt = 0
        """Requests that began at once, since the window began."""
        self.is_overloaded = False
        self._arrived = [0] * cells
        self._others = 0
        self._waits = 0
        self._waited_s = 0.0
        self.ends_s = 0.0
        """When the window ends, and there is something to adapt."""

    def count_cell(self, cell: int) -> bool:
        """A request of this cell has come; says whether it is taken."""
        self._arrived[cell] += 1
        return cell >= self.level

    def note_wait(self, wait_s: float) -> None:
        """A request has begun that waited so long."""
        self._waits += 1
        self._waited_s += wait_s

    def count_other(self) -> None:
        """A request has come that is never shed."""
        self._others += 1

    def adapt(self, now_s: float, oldest_wait_s: float) -> None:
        """To be called once a window, at `ends_s` or later. `oldest_wait_s` is how long the first of those that wait has waited."""
        self.ends_s = now_s + OVERLOAD_WINDOW_S
        # When nothing begins at all, those that wait are the measure.
        waits = self._waits + self.prompt
        mean_s = self._waited_s / waits if waits else oldest_wait_s
        self.is_overloaded = mean_s > WAIT_S_MAX
        admitted = self._others + sum(self._arrived[self.level :])
        if self.is_overloaded:
            self.level = _move(self._arrived, self.level, 1, admitted * DECREASE)
        elif self.level:
            share = CALM_INCREASE if max(mean_s, oldest_wait_s) < CALM_WAIT_S_MAX else INCREASE
            self.level = _move(self._arrived, self.level, -1, admitted * share)
        self._arrived = [0] * len(self._arrived)
        self._others = self._waits = self.prompt = 0
        self._waited_s = 0.0


def _move(arrived: Sequence[int], level: int, direction: int, amount: float) -> int:
    """The level moved over so many arrivals, at least over one cell that had any, and never past the end.

    Upwards not over more than `CELLS_MAX`: where little of what is shed first comes in, that is no reason to shed all the rest.
    """
    moved, end = 0.0, level + CELLS_MAX if direction > 0 else 0
    while moved < max(amount, 1) and level != end and 0 <= level + direction <= len(arrived):
        moved += arrived[level if direction > 0 else level - 1]
        level += direction
    return level
