"""Long queries in threads, each on a snapshot, bounded in number and time: a snapshot keeps the write-ahead log from being emptied."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from zajil.ports.database import Busy, Read
from zajil.storage.sqlite import files
from zajil.storage.sqlite.statements import SlowRead, run_to_end, translate_error

T = TypeVar("T")

READERS_MAX = 2
WAITING_MAX = 64
READ_S_MAX = 5.0
STEPS_BETWEEN_CHECKS = 20_000
BUSY_RETRY_MS = 1000


class SlowReader:
    """`ports.database.Database.read_slowly`. While `must_end()` holds, running queries are cut off."""

    def __init__(self, path: Path, must_end: Callable[[], bool]) -> None:
        self._path = path
        self._must_end = must_end
        self._threads = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="slow-read")
        self._idle: list[apsw.Connection] = []
        self._waiting = 0

    async def run(self, query: Callable[[Read], Awaitable[T]]) -> T:
        """Raises `Busy` when too many wait, `TooSlow` when the query takes longer than `READ_S_MAX`."""
        if self._waiting >= READERS_MAX + WAITING_MAX:
            raise Busy(BUSY_RETRY_MS)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for connection in self._idle:
            connection.close()

    def _query(self, query: Callable[[Read], Awaitable[T]]) -> T:
        connection = self._open()
        deadline = time.monotonic() + READ_S_MAX
        connection.set_progress_handler(lambda: time.monotonic() > deadline or self._must_end(), STEPS_BETWEEN_CHECKS)
        try:
            connection.execute("BEGIN")
            return run_to_end(query(SlowRead(connection, deadline)))
        except apsw.Error as error:
            raise translate_error(error) from None
        finally:
            connection.set_progress_handler(None)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.append(connection)

    def _open(self) -> apsw.Connection:
        if self._idle:
            return self._idle.pop()
        return files.open_connection(self._path, read_only=True, page_cache_kib=files.SLOW_PAGE_CACHE_KIB)
