"""SQLite: reads and inserts on the event loop, where they cost microseconds; the fsync of a commit in a thread.

Statements run on the loop's own thread because handing each to another thread costs more in lock hand-overs than the statement itself.
Only COMMIT waits for the disk, so only COMMIT leaves the loop; what arrives meanwhile forms the next batch (DESIGN §3, group commit).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

import apsw

from zajil.ports.database import Busy, Read, Row, StorageUnavailable, Stream, Touch, Transaction, Value
from zajil.storage.sqlite import checkpoints, files

T = TypeVar("T")

BATCH_ITEMS_MAX = 256
QUEUE_ITEMS_MAX = 8192
BUSY_RETRIES_MAX = 4000
BUSY_PAUSE_S = 0.001
FOREIGN_POLL_S = 0.1
SLOW_READERS_MAX = 2


def run_to_end(coroutine: Any) -> Any:
    """Drive a store coroutine that cannot suspend, because on SQLite nothing it awaits does."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("a store coroutine awaited something other than its transaction")


class SqliteRead:
    """Queries on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        return self._connection.execute(sql, args).fetchall()

    async def fetch_row(self, sql: str, *args: Value) -> Row | None:
        cursor = self._connection.execute(sql, args)
        row = cursor.fetchone()
        cursor.close()
        return row

    async def fetch_value(self, sql: str, *args: Value) -> Any:
        cursor = self._connection.execute(sql, args)
        row = cursor.fetchone()
        cursor.close()
        return None if row is None else row[0]


class SqliteTransaction(SqliteRead):
    """The open write transaction, shared by the items of one batch."""

    def __init__(self, connection: apsw.Connection, position: int, next_id: int) -> None:
        super().__init__(connection)
        self.position = position
        self.next_id = next_id
        self.touches: list[Touch] = []
        self.callbacks: list[Callable[[], None]] = []
        self.writes = 0
        self._scratch: dict[Any, Any] = {}

    async def execute(self, sql: str, *args: Value) -> None:
        self.writes += 1
        self._connection.execute(sql, args)

    async def execute_counting(self, sql: str, *args: Value) -> int:
        self._connection.execute(sql, args)
        count = self._connection.changes()
        self.writes += count
        return count

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        self.writes += 1
        self._connection.executemany(sql, [tuple(row) for row in rows])

    async def new_ids(self, count: int) -> int:
        self.writes += 1
        first = self.next_id
        self.next_id += count
        return first

    async def append(self, stream: Stream, key: str) -> int:
        self.writes += 1
        self.position += 1
        self.touches.append((stream, key))
        return self.position

    def touch(self, stream: Stream, key: str) -> None:
        self.touches.append((stream, key))

    def on_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    @property
    def scratch(self) -> dict[Any, Any]:
        return self._scratch


class _Item(Generic[T]):
    __slots__ = ("function", "future", "outcome")

    def __init__(self, function: Callable[[Transaction], Awaitable[T]], future: "asyncio.Future[T]") -> None:
        self.function = function
        self.future = future
        self.outcome: Any = None


class SqliteDatabase:
    """`ports.database.Database` on one SQLite file in WAL mode with `synchronous=FULL`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = files.open_connection(path)
        self.epoch = files.prepare(self._writer)
        self._read_connection = files.open_connection(path, read_only=True)
        self.reader: Read = SqliteRead(self._read_connection)
        self.position: int = self._writer.execute("SELECT position FROM log_head").fetchone()[0]
        self._queue: deque[_Item[Any]] = deque()
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._slow = ThreadPoolExecutor(SLOW_READERS_MAX, thread_name_prefix="slow-read")
        self._slow_connections: list[apsw.Connection] = []
        self._listeners: list[Callable[[int, Sequence[Touch]], None]] = []
        self._running: asyncio.Task[None] | None = None
        self._background: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self) -> None:
        """Begin checkpointing and watching for other processes' commits; needs a running loop."""
        self._background.append(asyncio.create_task(checkpoints.run(self._path)))
        self._background.append(asyncio.create_task(self._watch_foreign_commits()))

    def subscribe(self, listener: Callable[[int, Sequence[Touch]], None]) -> None:
        self._listeners.append(listener)

    async def write(self, item: Callable[[Transaction], Awaitable[T]], *, rooms: Sequence[str] = ()) -> T:
        if self._closed:
            raise StorageUnavailable("the database is closed")
        if len(self._queue) >= QUEUE_ITEMS_MAX:
            raise Busy(retry_after_ms=1000)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.append(_Item(item, future))
        if self._running is None:
            self._running = loop.create_task(self._drain())
        return await future

    async def read_slowly(self, query: Callable[[Read], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._slow, self._query_on_snapshot, query)

    def _query_on_snapshot(self, query: Callable[[Read], Awaitable[T]]) -> T:
        connection = (
            self._slow_connections.pop()
            if self._slow_connections
            else files.open_connection(self._path, read_only=True)
        )
        try:
            connection.execute("BEGIN")
            result: T = run_to_end(query(SqliteRead(connection)))
            return result
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._slow_connections.append(connection)

    async def close(self) -> None:
        self._closed = True
        while self._running is not None:
            await asyncio.wait([self._running])
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._committer.shutdown()
        self._slow.shutdown()
        for connection in (*self._slow_connections, self._read_connection, self._writer):
            connection.close()

    async def _drain(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH_ITEMS_MAX, len(self._queue)))]
                try:
                    if not await self._commit(batch, alone=len(batch) == 1):
                        for item in batch:
                            await self._commit([item], alone=True)
                except Exception as error:
                    cause = StorageUnavailable(str(error)) if isinstance(error, apsw.Error) else error
                    for item in batch:
                        if not item.future.done():
                            item.future.set_exception(cause)
        finally:
            self._running = None

    async def _commit(self, batch: list[_Item[Any]], *, alone: bool) -> bool:
        """Run and commit one batch. Returns False when it was rolled back and its items must run one by one."""
        await self._begin()
        position, next_id = self._writer.execute("SELECT position, next_id FROM log_head").fetchone()
        tx = SqliteTransaction(self._writer, position, next_id)
        failed: list[tuple[_Item[Any], BaseException]] = []
        for item in batch:
            writes = tx.writes
            try:
                item.outcome = run_to_end(item.function(tx))
            except Exception as error:
                if tx.writes != writes and not alone:
                    self._writer.execute("ROLLBACK")
                    return False
                if tx.writes != writes:
                    self._writer.execute("ROLLBACK")
                    item.future.set_exception(error)
                    return True
                failed.append((item, error))
        if tx.writes:
            try:
                self._writer.execute("UPDATE log_head SET position = ?, next_id = ?", (tx.position, tx.next_id))
                await asyncio.get_running_loop().run_in_executor(self._committer, self._writer.execute, "COMMIT")
            except apsw.Error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._announce(tx)
        else:
            self._writer.execute("ROLLBACK")
        for item, error in failed:
            if not item.future.done():
                item.future.set_exception(error)
            item.outcome = None
        for item in batch:
            if not item.future.done():
                item.future.set_result(item.outcome)
        return True

    def _announce(self, tx: SqliteTransaction) -> None:
        for callback in tx.callbacks:
            callback()
        if tx.position > self.position or tx.touches:
            self.position = max(self.position, tx.position)
            for listener in self._listeners:
                listener(self.position, tx.touches)

    async def _begin(self) -> None:
        for _ in range(BUSY_RETRIES_MAX):
            with contextlib.suppress(apsw.BusyError):
                self._writer.execute("BEGIN IMMEDIATE")
                return
            await asyncio.sleep(BUSY_PAUSE_S)
        raise StorageUnavailable("another process holds the write lock")

    async def _watch_foreign_commits(self) -> None:
        """Another process (the command line, a worker that takes over) may commit: notice it and wake everybody."""
        while True:
            await asyncio.sleep(FOREIGN_POLL_S)
            if self._running is None:
                position = self._read_connection.execute("SELECT position FROM log_head").fetchone()[0]
                if position > self.position:
                    self.position = position
                    for listener in self._listeners:
                        listener(position, ())
