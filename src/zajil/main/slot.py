"""The place of one worker in the supervisor: who serves in it, who is about to, and when the next may start."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from zajil.main.console import warn
from zajil.main.worker_process import WorkerProcess, start_worker

BACK_OFF_FIRST_S = 0.1
BACK_OFF_S_MAX = 10.0


@dataclass(slots=True)
class Slot:
    """One of the places side by side."""

    number: int
    current: WorkerProcess | None = None
    coming: WorkerProcess | None = None
    failures: int = 0
    start_at: float = 0.0
    refusals: int = 0
    """So many times in a row the system has refused a process."""
    retry_at: float = 0.0
    """It is not asked again before that."""

    @property
    def due_at(self) -> float:
        """When a worker starts here, if there is none."""
        return max(self.start_at, self.retry_at)

    def start(self, sockets: Sequence[socket.socket], lock: int, options: Sequence[str]) -> None:
        """Start a worker, beside the one that serves if one does. When the system refuses (no memory, processes, files), later."""
        now = time.monotonic()
        if now < self.retry_at:
            return
        try:
            self.coming = start_worker(self.number, sockets, lock, options, replaces=self.current is not None)
        except OSError as error:
            self.refusals += 1
            delay_s = build_back_off_s(self.refusals)
            self.retry_at = now + delay_s
            reason = error.strerror or str(error)
            warn(
                f"zajil: ERROR: the system starts no process for a worker: {reason}. The next try is in {delay_s:.1f} s."
            )
        else:
            self.forget_refusals()

    def forget_refusals(self) -> None:
        self.refusals, self.retry_at = 0, 0.0


@dataclass(slots=True)
class Reload:
    """A replacement of all workers under way."""

    left: list[int]
    """Slots that still have their former worker, the next one last."""
    askers: list[socket.socket] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)


def build_back_off_s(failures: int) -> float:
    """Seconds to wait after that many failures in a row: none at first, then doubling up to a bound."""
    return 0.0 if failures == 0 else min(BACK_OFF_S_MAX, BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 10))
