"""When somebody who was refused may come back: promises that are kept, so that `retry_after_ms` is true."""

from collections import OrderedDict
from typing import Final

PROMISES_MAX: Final = 65_536
KEPT_S: Final = 30.0
"""Who comes later than that after the time told has no privilege any more."""


class Promises:
    """Who was told to come back, and when. One for each account and kind of work; asking again does not move it."""

    __slots__ = ("_due", "_last_due_s")

    def __init__(self) -> None:
        self._due: OrderedDict[str, float] = OrderedDict()
        self._last_due_s = 0.0

    def __len__(self) -> int:
        return len(self._due)

    def find_wait_s(self, key: str, now_s: float) -> float | None:
        """How long until this one's time, 0 when it is there; None for somebody who was promised nothing."""
        due_s = self._due.get(key)
        if due_s is None or due_s < now_s - KEPT_S:
            return None
        return max(0.0, due_s - now_s)

    def leave(self) -> dict[str, float]:
        """What is still to be kept, for a successor."""
        return dict(self._due)

    def inherit(self, left: dict[str, float]) -> None:
        """Keep what a predecessor has promised."""
        for key, due_s in left.items():
            if key not in self._due and len(self._due) < PROMISES_MAX:
                self._due[key] = due_s
                self._last_due_s = max(self._last_due_s, due_s)

    def keep(self, key: str) -> None:
        """This one gets what was promised."""
        self._due.pop(key, None)

    def has_backlog(self, now_s: float) -> bool:
        """Whether some of those who were promised something are still to come."""
        return self._last_due_s > now_s

    def promise_next(self, key: str, now_s: float, rate: float) -> float:
        """Promise the next free time, when they come back at `rate` a second; returns the seconds until then."""
        return self.promise(key, now_s, max(self._last_due_s, now_s) + 1 / rate - now_s)

    def promise(self, key: str, now_s: float, wait_s: float) -> float:
        """Promise a time in so many seconds."""
        while self._due:
            oldest, due_s = next(iter(self._due.items()))
            if len(self._due) < PROMISES_MAX and due_s >= now_s - KEPT_S:
                break
            del self._due[oldest]
        self._due[key] = now_s + wait_s
        self._due.move_to_end(key)
        self._last_due_s = max(self._last_due_s, now_s + wait_s)
        return wait_s
