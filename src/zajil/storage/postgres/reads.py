"""Queries on pools of connections."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from zajil.ports.database import Busy, Read, Row, TooSlow, Value
from zajil.storage.postgres import connections
from zajil.storage.postgres.connections import translate_error
from zajil.storage.postgres.sql import translate
from zajil.storage.values import check_texts

T = TypeVar("T")

READS_WAITING_MAX = 4096
SLOW_READERS_MAX = 2
SLOW_WAITING_MAX = 64
SLOW_READ_S_MAX = 5.0
POOL_WAIT_S_MAX = 10.0
BUSY_RETRY_MS = 1000


async def _keep(_connection: Any) -> None:
    """Nothing to clear when a connection goes back to its pool: no statement here leaves anything behind."""


class Pool:
    """A pool that connects when it is first needed, and again after a loss."""

    def __init__(self, url: str, connections_max: int, waiting_max: int) -> None:
        self._url = url
        self._connections_max = connections_max
        self._users_max = connections_max + waiting_max
        self._users = 0
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def use(self, query: Callable[[Any], Awaitable[T]]) -> T:
        """Run `query` with a connection; again, once, when the connection turns out to be lost. Raises `Busy` when too many wait."""
        if self._users >= self._users_max:
            raise Busy(BUSY_RETRY_MS)
        self._users += 1
        try:
            try:
                return await self._use_once(query)
            except (*connections.CONNECTION_LOST, asyncpg.InterfaceError) as error:
                if isinstance(error, TimeoutError):
                    raise
                return await self._use_once(query)
        except Exception as error:
            translated = translate_error(error)
            raise translated from (None if translated is error else error)
        finally:
            self._users -= 1

    async def _use_once(self, query: Callable[[Any], Awaitable[T]]) -> T:
        pool = self._pool or await self._open()
        async with pool.acquire(timeout=POOL_WAIT_S_MAX) as connection:
            try:
                return await query(connection)
            except (*connections.CONNECTION_LOST, asyncpg.InterfaceError):
                connection.terminate()  # so that the pool does not give it to anybody else
                raise

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._connections_max,
                    timeout=connections.CONNECT_S_MAX,
                    command_timeout=connections.COMMAND_S_MAX,
                    statement_cache_size=connections.STATEMENTS_CACHED_MAX,
                    server_settings=connections.SETTINGS,
                    init=connections.set_up,
                    reset=_keep,
                )
            return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None


class PostgresRead:
    """`ports.database.Read`: every statement on any connection of the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        check_texts(args)
        rows: list[Row] = await self._pool.use(lambda connection: connection.fetch(translate(sql), *args))
        return rows

    async def fetch_row(self, sql: str, *args: Value) -> Row | None:
        check_texts(args)
        row: Row | None = await self._pool.use(lambda connection: connection.fetchrow(translate(sql), *args))
        return row

    async def fetch_value(self, sql: str, *args: Value) -> Any:
        check_texts(args)
        return await self._pool.use(lambda connection: connection.fetchval(translate(sql), *args))


class SnapshotRead:
    """`ports.database.Read` on the snapshot of one connection's transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        check_texts(args)
        rows: list[Row] = await self._connection.fetch(translate(sql), *args)
        return rows

    async def fetch_row(self, sql: str, *args: Value) -> Row | None:
        check_texts(args)
        row: Row | None = await self._connection.fetchrow(translate(sql), *args)
        return row

    async def fetch_value(self, sql: str, *args: Value) -> Any:
        check_texts(args)
        return await self._connection.fetchval(translate(sql), *args)


async def read_slowly(pool: Pool, query: Callable[[Read], Awaitable[T]]) -> T:
    """Run a query on one snapshot, no longer than `SLOW_READ_S_MAX`. Raises `TooSlow`."""

    async def run(connection: Any) -> T:
        try:
            async with (
                asyncio.timeout(SLOW_READ_S_MAX),
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                return await query(SnapshotRead(connection))
        except TimeoutError:
            raise TooSlow(connections.SLOW_RETRY_MS) from None

    return await pool.use(run)
