"""The open write transaction of one batch. Writes without a result wait in a buffer and go out in few round trips."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from zajil.ports.database import Row, Stream, Touch, Value
from zajil.storage.batch_transaction import BatchTransaction, merge_touches
from zajil.storage.group_commit import Item
from zajil.storage.postgres.connections import Connection, translate_error
from zajil.storage.postgres.sql import find_target, find_words, translate
from zajil.storage.values import check_texts

HEADS = "rooms"
"""The table whose rows a batch locks first (DESIGN §3)."""
LOG_CATCH_UP_MAX = 1000
"""Commits of other processes that are told one by one; more are told as "everything"."""

Write = tuple[str, tuple[Value, ...], Item[Any]]
TakeIds = Callable[[int], Awaitable[int]]


class StatementFailed(Exception):
    """A statement failed, and with it the transaction. `culprit` is the item it belongs to, if only one can be meant."""

    def __init__(self, culprit: Item[Any] | None, error: Exception) -> None:
        super().__init__(str(error))
        self.culprit = culprit
        self.error = error


class PostgresTransaction(BatchTransaction):
    """`ports.database.Transaction`.

    Locks are taken in one order everywhere, so that nodes do not deadlock: heads of rooms, then the log, then any other row. Writes to different
    tables commute unless one reads the other's table, and may therefore go out grouped by table.
    """

    def __init__(self, connection: Connection, take_ids: TakeIds) -> None:
        super().__init__()
        self._connection = connection
        self._take_ids = take_ids
        self.announced = 0
        """The position this process has announced when the items begin to run."""
        self._buffer: dict[str, list[Write]] = {}
        self._words: dict[str, set[str]] = {}
        """Every name in the writes that wait, by their table."""
        self.item: Item[Any] | None = None
        """The item that runs now."""
        self.foreign: list[Row] = []
        """What other processes have committed since `announced`, read under the log's lock."""
        self.previous: int | None = None
        """The log's position under the lock; None while the lock is not held."""
        self.failure: StatementFailed | None = None
        self.is_commit_sent = False

    # Reading

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        await self._flush_for(find_words(sql))
        return await self._run(self._connection.fetch, sql, args)  # type: ignore[no-any-return]

    async def fetch_row(self, sql: str, *args: Value) -> Row | None:
        await self._flush_for(find_words(sql))
        return await self._run(self._connection.fetchrow, sql, args)  # type: ignore[no-any-return]

    async def fetch_value(self, sql: str, *args: Value) -> Any:
        row = await self.fetch_row(sql, *args)
        return None if row is None else row[0]

    async def _run(self, method: Callable[..., Awaitable[Any]], sql: str, args: Sequence[Value]) -> Any:
        """One statement now."""
        self._check_usable()
        try:
            check_texts(args)
            return await method(translate(sql), *args)
        except Exception as error:
            raise self._fail(StatementFailed(self.item, error)) from error

    def _check_usable(self) -> None:
        """After a failure PostgreSQL takes no more statements in this transaction."""
        if self.failure is not None:
            raise translate_error(self.failure.error)

    def _fail(self, failure: StatementFailed) -> Exception:
        """Spoil the transaction; returns what the item is told."""
        self.failure = failure
        return translate_error(failure.error)

    # Writing

    async def execute(self, sql: str, *args: Value) -> None:
        await self._buffer_writes(sql, [args])

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        await self._buffer_writes(sql, [tuple(row) for row in rows])

    async def execute_counting(self, sql: str, *args: Value) -> int:
        await self._flush_for(find_words(sql))
        if find_target(sql) != HEADS:
            await self.lock_log()
        # "UPDATE 3", "INSERT 0 3"
        status: str = await self._run(self._connection.execute, sql, args)
        count = int(status.rpartition(" ")[2])
        self.writes += count
        return count

    async def _buffer_writes(self, sql: str, rows: list[tuple[Value, ...]]) -> None:
        self._check_usable()
        assert self.item is not None
        if not rows:
            return
        self.writes += len(rows)
        try:
            for row in rows:
                check_texts(row)
        except Exception as error:
            raise self._fail(StatementFailed(self.item, error)) from None
        target = find_target(sql)
        if not target or self._depends(sql, target):
            await self._flush(list(self._buffer))
        self._words.setdefault(target, set()).update(find_words(sql))
        self._buffer.setdefault(target, []).extend((sql, row, self.item) for row in rows)
        if not target:
            await self._flush([target])

    def _depends(self, sql: str, target: str) -> bool:
        """Whether this write must not change places with one to another table that waits."""
        words = find_words(sql)
        return any(table != target and (table in words or target in others) for table, others in self._words.items())

    async def _flush_for(self, words: frozenset[str]) -> None:
        """Send what a statement with these names may want to see."""
        if tables := [table for table in self._buffer if table in words]:
            await self._flush(tables)

    async def _flush(self, tables: list[str]) -> None:
        if not tables:
            return
        await self.lock_log()
        try:
            await self._send(tables)
        except StatementFailed as failure:
            raise self._fail(failure) from failure

    async def _send(self, tables: Iterable[str]) -> None:
        """Send the writes to these tables, equal statements together. Raises `StatementFailed`."""
        for table in tables:
            del self._words[table]
            for sql, group in groupby(self._buffer.pop(table), key=itemgetter(0)):
                writes = list(group)
                try:
                    if len(writes) == 1:
                        await self._connection.execute(translate(sql), *writes[0][1])
                    else:
                        await self._connection.executemany(translate(sql), [write[1] for write in writes])
                except Exception as error:
                    items = {id(write[2]): write[2] for write in writes}
                    culprit = next(iter(items.values())) if len(items) == 1 else None
                    raise StatementFailed(culprit, error) from error

    # The log

    async def lock_log(self) -> None:
        """From here to the commit no other process takes a position."""
        if self.previous is not None:
            return
        self.foreign = await self._run(
            self._connection.fetch, "SELECT position, previous, touches FROM zajil_lock_log(?)", (self.announced,)
        )
        self.previous = self.foreign[-1][0] if self.foreign else self.announced
        self.position = self.previous

    async def new_ids(self, count: int) -> int:
        self.writes += 1
        return await self._take_ids(count)

    async def append(self, stream: Stream, key: str) -> int:
        await self.lock_log()
        return await super().append(stream, key)

    async def commit(self) -> None:
        """Send what waits, and commit together with the entry of the log: one round trip. Raises `StatementFailed`."""
        await self._send(list(self._buffer))
        self.is_commit_sent = True
        if self.previous is None or self.position == self.previous:
            await self._connection.execute("COMMIT")
            return
        # Of marks of delivery processes tell each other over the bus.
        told = [each for each in dict.fromkeys(self.touches) if each[0] is not Stream.DELIVERED]
        touches = orjson.dumps(told).hex()
        await self._connection.execute(
            f"INSERT INTO log_commits (position, previous, touches) VALUES ({self.position}, {self.previous}, '\\x{touches}'); COMMIT"
        )


def build_touches(rows: Sequence[Row], announced: int) -> list[Touch]:
    """What rows of `log_commits` touched; nothing (which means everything) when there is a gap or too much."""
    if len(rows) > LOG_CATCH_UP_MAX:
        return []
    for position, previous, _ in rows:
        if previous > announced:
            return []
        announced = position
    return merge_touches(touched for _, _, touched in rows) or []
