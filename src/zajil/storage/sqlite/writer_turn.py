"""Whose turn it is to write at will: two processes that both write as much as they can delay each other by most of a second.

The turn is a lock on a file of its own beside the database, held by the server's worker and passed on when another takes over; whoever dies
gives it back. It is courtesy, not correctness: that lies in the database's own lock, and processes that write little do without the turn.
"""

import asyncio
import contextlib
import fcntl
import os
import threading
import time
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

TURN_SUFFIX = ".turn"
WAIT_S_MAX = 3.0
"""Then the former holder hangs, and is somebody else's problem."""
COURTESY_S = 5.0
COURTESY_PAUSE_S = 0.002
"""So long, after each batch, the former holder gets its chance to write what its last requests bring."""


class WriterTurn:
    """One process's view of the turn."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + TURN_SUFFIX)
        self._fd = -1
        self._granted: asyncio.Event | None = None
        self._courteous_until = 0.0

    @property
    def is_shared(self) -> bool:
        """Another process is writing too, or was until a moment ago."""
        return self._granted is not None or time.monotonic() < self._courteous_until

    def take(self) -> None:
        """Ask for it, if it is not there at once in a thread; needs a running loop."""
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._granted = asyncio.Event()
            threading.Thread(
                target=self._wait_for_lock, args=(self._fd, asyncio.get_running_loop()), name="writer-turn", daemon=True
            ).start()
        except OSError as error:  # a read-only or full disk: nobody writes much there
            log.info("no turn to write is kept", cause=str(error))

    def _wait_for_lock(self, fd: int, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            fcntl.flock(fd, fcntl.LOCK_EX)
            loop.call_soon_threadsafe(self._grant)

    def _grant(self) -> None:
        if self._granted is not None:
            self._granted.set()

    async def wait(self) -> None:
        """Until the turn has come; at once for who has it, and for who never asked."""
        if self._granted is not None:
            began = time.monotonic()
            try:
                async with asyncio.timeout(WAIT_S_MAX):
                    await self._granted.wait()
            except TimeoutError:
                log.warning("writing without the turn, which the former worker does not pass on")
            self._granted = None
            self._courteous_until = time.monotonic() + COURTESY_S
            log.info("took the turn to write", waited_ms=round((time.monotonic() - began) * 1000))
        elif self._courteous_until and self.is_shared:
            await asyncio.sleep(COURTESY_PAUSE_S)

    def give(self) -> None:
        """Pass it on."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
