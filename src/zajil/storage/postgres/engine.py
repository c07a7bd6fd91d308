"""PostgreSQL: one connection that group-commits, a pool that reads. Any number of processes may write to one database.

A batch locks in this order: its rooms' heads by room ID, the log, everything else. Positions are counted under the log's lock, which is held until
the commit, so they become visible in order (DESIGN §3).
"""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg
import structlog

from zajil.ports.database import Busy, Read, StorageUnavailable
from zajil.storage.group_commit import GroupCommit, Item, RolledBack
from zajil.storage.postgres import connections, reads
from zajil.storage.postgres.connections import Connection, translate_error
from zajil.storage.postgres.reads import Pool, PostgresRead
from zajil.storage.postgres.sql import translate
from zajil.storage.postgres.transaction import LOG_CATCH_UP_MAX, PostgresTransaction, StatementFailed, build_touches

log = structlog.get_logger(__name__)

T = TypeVar("T")

IDS_BLOCK = 10_000
IDS_LOW = 2_000
TRANSIENT_RETRIES_MAX = 4
TRANSIENT_PAUSE_S = 0.005
COMMITS_KEPT = 100_000
"""Positions whose entries in `log_commits` are kept, for processes that were away for a while."""
PRUNE_INTERVAL_POLLS = 600
START_S_MAX = 90.0
NEW_ENTRIES = "SELECT position, previous, touches FROM log_commits WHERE position > ? ORDER BY position LIMIT ?"


class PostgresDatabase(GroupCommit):
    """`ports.database.Database` on PostgreSQL. The constructor prepares the tables; it blocks, and raises `StorageUnavailable`."""

    engine = connections.ENGINE

    def __init__(self, url: str, connections_max: int = 10) -> None:
        super().__init__()
        self._url = url
        self.epoch, self.position = _prepare(url)
        slow_max = reads.SLOW_READERS_MAX
        self._pool = Pool(url, max(1, connections_max - 1 - slow_max), reads.READS_WAITING_MAX)
        self._slow_pool = Pool(url, slow_max, reads.SLOW_WAITING_MAX)
        self.reader: Read = PostgresRead(self._pool)
        self._connection: Connection | None = None
        self._next_id = 0
        self._ids_end = 0
        self._current: PostgresTransaction | None = None
        self._batch_over = asyncio.Event()
        self._batch_over.set()
        self._background: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin watching for other processes' commits; needs a running loop."""
        self._background.append(asyncio.create_task(self._watch_foreign_commits()))

    async def read_slowly(self, query: Callable[[Read], Awaitable[T]]) -> T:
        return await reads.read_slowly(self._slow_pool, query)

    async def close(self) -> None:
        await self._finish_writes()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        await self._pool.close()
        await self._slow_pool.close()

    # Writing

    async def _attempt(self, batch: list[Item[Any]]) -> list[Item[Any]]:
        lost = False
        for attempt in range(TRANSIENT_RETRIES_MAX):
            try:
                return await self._attempt_once(batch)
            except (*connections.TRANSIENT, ConnectionLost) as error:
                log.info("a batch runs again", cause=str(error), attempt=attempt)
                lost = isinstance(error, ConnectionLost)
                await asyncio.sleep(TRANSIENT_PAUSE_S * 2**attempt * (0.5 + random.random()))  # noqa: S311
        if lost:
            raise StorageUnavailable("the connection to PostgreSQL is lost again and again")
        raise RolledBack(None, Busy(connections.RETRY_MS))

    async def _attempt_once(self, batch: list[Item[Any]]) -> list[Item[Any]]:
        """Raises one of `TRANSIENT` when another node was in the way, `ConnectionLost` when that is all that went wrong."""
        connection = await self._connect()
        self._batch_over.clear()
        tx = self._current = PostgresTransaction(connection, self._take_ids)
        try:
            if self._ids_end - self._next_id < IDS_LOW:
                self._keep_ids(IDS_BLOCK, await connections.take_ids(connection, IDS_BLOCK))
            await self._begin(connection, batch)
            tx.announced = tx.position = self.position
            await self._run_items(tx, batch)
            if tx.writes:
                await tx.commit()
            else:
                await connection.execute("ROLLBACK")
        except BaseException as error:
            await self._abandon(connection)
            raise _find_cause(error, is_commit_sent=tx.is_commit_sent) from error
        finally:
            self._current = None
            self._batch_over.set()
            self._announce_entries(tx.foreign)
        if tx.writes:
            self._announce(batch, tx.position, tx.touches, tx.callbacks)
        else:
            for item in batch:
                item.settle()
        return []

    async def _begin(self, connection: Connection, batch: list[Item[Any]]) -> None:
        """Lock the batch's heads. From then on nobody else can append to these rooms, and what was appended before is announced now:
        so an item finds nothing about its room that is newer than `position`, on which what services remember relies.
        """
        await connection.execute("BEGIN")
        rooms = {room for item in batch for room in item.rooms}
        if rooms:
            await connection.execute(
                "SELECT room_nid FROM rooms WHERE room_id = ANY($1::text[]) ORDER BY room_id FOR UPDATE", list(rooms)
            )
            self._announce_entries(await connection.fetch(translate(NEW_ENTRIES), self.position, LOG_CATCH_UP_MAX + 1))

    async def _run_items(self, tx: PostgresTransaction, batch: list[Item[Any]]) -> None:
        for item in batch:
            if item.is_abandoned:
                continue
            item.error = None
            tx.item = item
            writes = tx.writes
            try:
                item.outcome = await item.function(tx)
            except Exception as error:
                item.error = error
            if tx.failure is not None:
                told = translate_error(tx.failure.error)
                if tx.failure.culprit is item and not isinstance(told, StorageUnavailable | Busy):
                    raise RolledBack(item, item.error or told)
                raise tx.failure
            if item.error is not None and tx.writes != writes:
                raise RolledBack(item, item.error)

    async def _connect(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connections.connect(self._url, connections.COMMAND_S_MAX)
        return self._connection

    async def _abandon(self, connection: Connection) -> None:
        """Roll back; a connection on which even that fails is given up."""
        try:
            await connection.execute("ROLLBACK", timeout=1.0)
        except Exception:
            connection.terminate()
            self._connection = None

    async def _take_ids(self, count: int) -> int:
        """Numbers come in blocks, taken outside the batch's transaction: gaps do not matter, waiting for each other would."""
        if self._next_id + count > self._ids_end:
            size = max(count, IDS_BLOCK)
            self._keep_ids(size, await self._pool.use(lambda connection: connections.take_ids(connection, size)))
        first = self._next_id
        self._next_id += count
        return first

    def _keep_ids(self, count: int, end: int) -> None:
        self._next_id, self._ids_end = end - count, end

    # Other processes

    def _announce_entries(self, rows: Sequence[Any]) -> None:
        """Tell what other processes have committed, as the log has it."""
        rows = [row for row in rows if row[0] > self.position]
        if rows:
            touches = build_touches(rows, self.position)
            self._announce_foreign(rows[-1][0], touches)

    async def _watch_foreign_commits(self) -> None:
        for poll in range(1 << 62):
            await self._wait_for_notice()
            try:
                await self._look_for_foreign_commits()
                if poll % PRUNE_INTERVAL_POLLS == PRUNE_INTERVAL_POLLS - 1:
                    await self._prune()
            except (StorageUnavailable, Busy):
                continue  # the next poll finds the same
            except Exception:
                log.exception("cannot look for other processes' commits")

    async def catch_up(self) -> None:
        # What others committed behind the batch under way is not told before this process knows of its own commit.
        await self._batch_over.wait()
        await self._look_for_foreign_commits()

    async def _look_for_foreign_commits(self) -> None:
        rows = await self.reader.fetch(NEW_ENTRIES, self.position, LOG_CATCH_UP_MAX + 1)
        # What lies after the lock that a batch of this process holds is its own entry, and announced when it knows of its commit.
        limit = self._current.previous if self._current is not None else None
        self._announce_entries([row for row in rows if limit is None or row[0] <= limit])

    async def _prune(self) -> None:
        await self._pool.use(
            lambda connection: connection.execute(
                "DELETE FROM log_commits WHERE position < (SELECT max(position) FROM log_commits) - $1", COMMITS_KEPT
            )
        )


class ConnectionLost(Exception):
    """The connection went before COMMIT was sent: nothing has happened, and the batch may run again."""


def _find_cause(error: BaseException, *, is_commit_sent: bool) -> BaseException:
    """What an attempt that failed is reported as."""
    culprit: Item[Any] | None = None
    if isinstance(error, StatementFailed):
        culprit, error = error.culprit, error.error
    elif isinstance(error, RolledBack):
        return error
    if not isinstance(error, Exception) or isinstance(error, connections.TRANSIENT):
        return error
    translated = translate_error(error)
    if not isinstance(translated, StorageUnavailable):
        return RolledBack(culprit, translated)
    is_lost = isinstance(error, (*connections.CONNECTION_LOST, asyncpg.InterfaceError))
    return ConnectionLost(str(translated)) if is_lost and not is_commit_sent else translated


def _prepare(url: str) -> tuple[int, int]:
    """Bring the tables up to date, in a thread with an event loop of its own, as the caller's may be running."""
    outcome: list[Any] = []

    async def run() -> tuple[int, int]:
        connection = await connections.connect(url)
        try:
            return await connections.prepare(connection)
        finally:
            await connection.close()

    def call() -> None:
        try:
            outcome.append(asyncio.run(asyncio.wait_for(run(), START_S_MAX)))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=call, name="prepare")
    thread.start()
    thread.join()
    if isinstance(outcome[0], Exception):
        raise translate_error(outcome[0]) from outcome[0]
    epoch, position = outcome[0]
    return epoch, position
