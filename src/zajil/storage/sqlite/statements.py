"""Reading and writing through one connection, with errors in the port's words."""

import time
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar, cast

import apsw

from zajil.ports.database import (
    Conflict,
    Row,
    StorageFull,
    StorageUnavailable,
    TooSlow,
    UnfitValue,
    Value,
)
from zajil.storage.batch_transaction import BatchTransaction
from zajil.storage.values import check_texts

T = TypeVar("T")

SLOW_RETRY_MS = 5000

_UNAVAILABLE = (
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
    apsw.ConnectionClosedError,
)


def run_to_end(awaitable: Awaitable[T]) -> T:
    """Drive a store coroutine that cannot suspend, because on SQLite nothing it awaits does."""
    coroutine = cast(Coroutine[Any, Any, T], awaitable)
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a store coroutine awaited something other than its transaction")


def translate_error(error: Exception) -> Exception:
    """The port's exception for one of SQLite's or of the binding's; what is a bug stays as it is."""
    if isinstance(error, apsw.ConstraintError):
        return Conflict(str(error))
    if isinstance(error, apsw.InterruptError):
        return TooSlow(SLOW_RETRY_MS)
    if isinstance(error, apsw.FullError):
        return StorageFull(str(error))
    if isinstance(error, _UNAVAILABLE):
        return StorageUnavailable(str(error))
    if isinstance(error, OverflowError | UnicodeEncodeError | apsw.TooBigError | apsw.MismatchError):
        return UnfitValue(str(error))
    return error


class SqliteRead:
    """Queries on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        try:
            self._check(args)
            return cast(list[Row], self._connection.execute(sql, args).fetchall())
        except Exception as error:
            raise self._failed(error) from None

    async def fetch_row(self, sql: str, *args: Value) -> Row | None:
        # The cursor dies with this expression, and with it the read lock.
        try:
            self._check(args)
            return self._connection.execute(sql, args).fetchone()
        except Exception as error:
            raise self._failed(error) from None

    async def fetch_value(self, sql: str, *args: Value) -> Any:
        try:
            self._check(args)
            row = self._connection.execute(sql, args).fetchone()
        except Exception as error:
            raise self._failed(error) from None
        return None if row is None else row[0]

    def _check(self, args: Sequence[Value]) -> None:
        check_texts(args)

    def _failed(self, error: Exception) -> Exception:
        return translate_error(error)


class SlowRead(SqliteRead):
    """Queries on a snapshot that must end before a deadline (monotonic seconds)."""

    def __init__(self, connection: apsw.Connection, deadline: float) -> None:
        super().__init__(connection)
        self._deadline = deadline

    def _check(self, args: Sequence[Value]) -> None:
        if time.monotonic() > self._deadline:
            raise TooSlow(SLOW_RETRY_MS)
        check_texts(args)


class SqliteTransaction(SqliteRead, BatchTransaction):
    """The open write transaction, shared by the items of one batch."""

    def __init__(self, connection: apsw.Connection, position: int, next_id: int) -> None:
        SqliteRead.__init__(self, connection)
        BatchTransaction.__init__(self, position)
        self.next_id = next_id
        self.failure: Exception | None = None
        """The first statement that failed. SQLite may have rolled back already, so nothing may follow it."""

    def _failed(self, error: Exception) -> Exception:
        self.failure = translate_error(error)
        return self.failure

    def _check(self, args: Sequence[Value]) -> None:
        if self.failure is not None:
            raise self.failure
        check_texts(args)

    async def execute(self, sql: str, *args: Value) -> None:
        try:
            self._check(args)
            self._connection.execute(sql, args)
        except Exception as error:
            raise self._failed(error) from None
        self.writes += 1

    async def execute_counting(self, sql: str, *args: Value) -> int:
        try:
            self._check(args)
            self._connection.execute(sql, args)
        except Exception as error:
            raise self._failed(error) from None
        count = self._connection.changes()
        self.writes += count
        return count

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        values = [tuple(row) for row in rows]
        self.writes += len(values)
        try:
            for row in values:
                self._check(row)
            self._connection.executemany(sql, values)
        except Exception as error:
            raise self._failed(error) from None

    async def new_ids(self, count: int) -> int:
        self.writes += 1
        first = self.next_id
        self.next_id += count
        return first
