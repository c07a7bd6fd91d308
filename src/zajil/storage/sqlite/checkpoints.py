"""Moving the write-ahead log into the database file, off the write path, so that recovery stays short (invariant 4).

A passive checkpoint disturbs nobody but cannot begin the log again while commits keep coming. So it copies the bulk, and then the writer, behind
a commit, copies the little that has come since and begins the log again. It does so on its own connection: to any other this would look like a
foreign commit, and drop its page cache.

It does so often. SQLite brings to disk what a passive checkpoint has copied only if nothing was committed meanwhile, else with the little that is left:
then all commits wait for it, 3 ms for 2 MiB and 10 to 20 ms for 16. Seldom would save little: nearly every page of the log is another page of the file.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import structlog

from zajil.storage.sqlite import files

log = structlog.get_logger(__name__)

PAGE_BYTES = 4096
INTERVAL_S = 0.05
WAL_PAGES_SOFT = 2 * 1024 * 1024 // PAGE_BYTES
WAL_PAGES_MAX = 128 * 1024 * 1024 // PAGE_BYTES
LEFT_PAGES_MAX = 256
"""What may be left to copy while writers wait."""
PASSES = 2
"""The second has so little to copy that mostly nothing is committed meanwhile, and SQLite brings all to disk that both have copied."""
WARNING_INTERVAL_S = 60.0


class Checkpointer:
    """Checkpoints on a connection and in a thread of its own. `pages` is the log's length after the last commit."""

    def __init__(self, path: Path, pages: Callable[[], int]) -> None:
        self._pages = pages
        self._connection = files.open_connection(path, page_cache_kib=files.SLOW_PAGE_CACHE_KIB)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._warned_at = -WARNING_INTERVAL_S
        self._is_restart_due = False
        """The bulk is copied."""

    @property
    def is_over_limit(self) -> bool:
        """The log is longer than it may be: whoever holds a snapshot must let go of it."""
        return self._pages() > WAL_PAGES_MAX

    async def run(self) -> None:
        """Checkpoint for as long as the task lives."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(INTERVAL_S)
            if self._pages() >= WAL_PAGES_SOFT:
                await loop.run_in_executor(self._thread, self.step)

    def take_restart(self) -> bool:
        """Whether the writer should begin the log again now; it is asked to once."""
        is_due, self._is_restart_due = self._is_restart_due, False
        return is_due

    def step(self) -> None:
        """One round; what it cannot do because of a reader or another checkpoint is left to the next."""
        try:
            for _ in range(PASSES):
                length, copied = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return
        except apsw.Error as error:
            self._warn("checkpoint failed", str(error))
            return
        self._is_restart_due = length - copied <= LEFT_PAGES_MAX
        if self.is_over_limit:
            self._warn("a reader keeps the write-ahead log from being emptied", f"{self._pages()} pages")

    def _warn(self, message: str, cause: str) -> None:
        if time.monotonic() - self._warned_at >= WARNING_INTERVAL_S:
            self._warned_at = time.monotonic()
            log.warning(message, cause=cause)

    def close(self) -> None:
        """Waits for a round under way."""
        self._thread.shutdown()
        self._connection.close()
