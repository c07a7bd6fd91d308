"""The workers of this machine as the watcher sees them: who is connected, what each measured last, who died."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zajil.core.health import DEATHS_WINDOW_S
from zajil.status.link import Line

STARTING_S_MAX: Final = 20.0
"""So long a server may take to start before its absence is one."""

_LARGEST: Final = ("loop_lag_ms", "queue_wait_ms", "edge_wait_ms", "commit_ms")
_ADDED: Final = ("requests", "errors", "shed", "pushers_tried", "pushers_failing")
_ALL: Final = ("database_answers", "media_answers")
_ANY: Final = ("disk_is_full",)


@dataclass(slots=True, eq=False)
class WorkerView:
    """One connected worker."""

    pid: int
    line: Line
    heard_s: float
    sample: dict[str, Any] = field(default_factory=dict)


class Workers:
    """All workers of this machine. Times are seconds of the monotonic clock."""

    def __init__(self, now_s: float, pace: float) -> None:
        self.views: list[WorkerView] = []
        self._pace = pace
        self._absent_since_s = now_s + STARTING_S_MAX * pace
        self._deaths: deque[float] = deque(maxlen=100)

    def arrive(self, view: WorkerView) -> None:
        self.views.append(view)

    def leave(self, view: WorkerView, now_s: float, *, is_meant: bool) -> None:
        """A worker is gone; `is_meant` when it said so before."""
        if view not in self.views:
            return
        self.views.remove(view)
        if not is_meant:
            self._deaths.append(now_s)
        if not self.views:
            self._absent_since_s = now_s

    @property
    def pids(self) -> list[int]:
        return [each.pid for each in self.views]

    def read(self, now_s: float) -> dict[str, Any]:
        """Fields of a `Sample`: of several workers the worst, of those that know."""
        values: dict[str, Any] = {
            "worker_is_up": True if self.views else False if now_s >= self._absent_since_s else None,
            "worker_silent_s": max((now_s - each.heard_s for each in self.views), default=None),
            "worker_deaths": sum(now_s - each <= DEATHS_WINDOW_S * self._pace for each in self._deaths),
        }
        for names, join in ((_LARGEST, max), (_ADDED, sum), (_ALL, all), (_ANY, any)):
            for name in names:
                known = [each.sample[name] for each in self.views if each.sample.get(name) is not None]
                values[name] = join(known) if known else None
        return values

    def tell(self, message: Mapping[str, Any]) -> None:
        """Tell every worker; who does not listen is dropped by its own line."""
        for each in self.views:
            self.tell_one(each, message)

    @staticmethod
    def tell_one(view: WorkerView, message: Mapping[str, Any]) -> bool:
        try:
            view.line.send(message)
        except OSError:
            view.line.close()
            return False
        return True
