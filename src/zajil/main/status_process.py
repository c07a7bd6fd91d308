"""The supervisor's end of the process that watches the server (docs/decisions/status.md): starts it, and again when it ends.

It is no worker: it holds no socket, and while it is away nothing is missing but news.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from zajil.main.console import warn

BACK_OFF_FIRST_S = 1.0
BACK_OFF_S_MAX = 60.0
HEALTHY_AFTER_S = 60.0
START_TICKS_MAX = 120
SILENT_TICKS_MAX = 30
"""Ticks without a sign of life, of which it gives one a second. Ticks, not times, so that a pause of the whole machine counts as one."""
END_WAIT_S_MAX = 8.0
HAND_OVER_WAIT_S_MAX = 2.0
KILL_WAIT_S_MAX = 1.0


class StatusProcess:
    """At most one child."""

    def __init__(self, build_options: Callable[[], list[str]]) -> None:
        """`build_options` is asked before each start: by then the sockets are known."""
        self._build_options = build_options
        self._process: subprocess.Popen[bytes] | None = None
        self._alive = -1
        """Where its signs of life arrive."""
        self._silent_ticks_max = START_TICKS_MAX
        self._silent_ticks = 0
        self._started_at = 0.0
        self._start_at = 0.0
        self._failures = 0

    def tick(self, *, is_wanted: bool) -> None:
        """Notice its end, or that it hangs, and start it when its time has come. To be called once a second."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            if now - self._started_at > HEALTHY_AFTER_S:
                self._failures = 0
            delay_s = min(BACK_OFF_S_MAX, BACK_OFF_FIRST_S * 2.0 ** min(self._failures, 10))
            warn(
                f"zajil: the status process ended with code {self._process.returncode}; the next starts in {delay_s:.0f} s."
            )
            self._process, self._start_at = None, now + delay_s
            self._failures += 1
        if is_wanted and self._process is not None:
            self._listen(self._process)
        if is_wanted and self._process is None and now >= self._start_at:
            self._start()
            self._started_at, self._start_at = now, now + BACK_OFF_FIRST_S

    def _start(self) -> None:
        self._close()
        try:
            self._alive, given = os.pipe()
        except OSError:  # no files: later
            return
        os.set_blocking(self._alive, False)
        options = [*self._build_options(), "--alive", str(given)]
        command = [sys.executable, "-P", "-m", "zajil.main.status_watch", *options]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[given])  # noqa: S603  our own interpreter and module
        except OSError:  # no memory, no processes: later
            self._close()
        finally:
            os.close(given)
        self._silent_ticks, self._silent_ticks_max = 0, START_TICKS_MAX

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        """A watcher that hangs shows the last that was well for ever; it is killed, and the next tick sees its end."""
        try:
            is_alive = bool(os.read(self._alive, 4096))
        except BlockingIOError:
            is_alive = False
        if is_alive:
            self._silent_ticks, self._silent_ticks_max = 0, SILENT_TICKS_MAX
            return
        self._silent_ticks += 1
        if self._silent_ticks == self._silent_ticks_max + 1:
            warn(f"zajil: the status process has given no sign of life for {self._silent_ticks_max} s and is replaced.")
            process.kill()

    def _close(self) -> None:
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1

    def stop(self) -> None:
        """Tell it that the server stops because somebody wants that."""
        self._signal(signal.SIGTERM)

    def wait(self) -> None:
        """Until it has written down how it ended."""
        self._wait(END_WAIT_S_MAX)

    def hand_over(self) -> None:
        """End it without a word: the next version of the supervisor starts the next one."""
        self._signal(signal.SIGUSR1)
        self._wait(HAND_OVER_WAIT_S_MAX)
        self._start_at = 0.0

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _wait(self, wait_s: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # a disk that does not answer lets nobody go
                self._process.wait(KILL_WAIT_S_MAX)
        self._process = None
        self._close()
