"""Connecting to PostgreSQL, bringing its tables up to date, and its errors in the port's words."""

import time
from importlib import resources
from typing import TYPE_CHECKING, Any

import asyncpg

from zajil.ports.database import Busy, Conflict, StorageFull, StorageUnavailable, TooSlow, UnfitValue
from zajil.storage.schema import build_fingerprint, load_statements
from zajil.storage.schema_steps import Kind, explain_too_new, find_pending, find_version, load_steps

ENGINE = "postgres"
CONNECT_S_MAX = 5.0
COMMAND_S_MAX = 15.0
"""A server that has not answered by then has gone without a word: it ends statements itself after `statement_timeout`."""
STATEMENTS_CACHED_MAX = 1024
RETRY_MS = 1000
SLOW_RETRY_MS = 5000
SCHEMA_LOCK = 8053188611
SCHEMA_LOCK_S_MAX = 60

SETTINGS = {
    "application_name": "zajil",
    "default_transaction_isolation": "read committed",
    "idle_in_transaction_session_timeout": "1000",
    "lock_timeout": "1000",
    "statement_timeout": "10000",
    "synchronous_commit": "on",
    "jit": "off",  # compiling costs more than any of these statements
}

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,  # what the driver may say of an operation on a connection that is being lost
    OSError,
    TimeoutError,
)
TRANSIENT = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)


async def connect(url: str, command_s_max: float | None = None) -> Connection:
    """A connection of its own, whose statements take as long as they take unless there is a limit. Raises `StorageUnavailable`."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_S_MAX,
            command_timeout=command_s_max,
            statement_cache_size=STATEMENTS_CACHED_MAX,
            server_settings=SETTINGS,
        )
        await set_up(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, *CONNECTION_LOST) as error:
        raise StorageUnavailable(f"cannot connect to PostgreSQL: {error}") from error
    return connection


async def set_up(connection: Any) -> None:
    """Sums of integers come as `numeric`; here they are integers again."""
    await connection.set_type_codec("numeric", encoder=str, decoder=_parse_numeric, schema="pg_catalog", format="text")


def _parse_numeric(text: str) -> int | float:
    return float(text) if "." in text or "N" in text else int(text)


async def prepare(connection: Connection) -> tuple[int, int]:
    """Create what is missing; returns the log's epoch and last position.

    Nodes that start together take turns. A fingerprint of the schema is kept, so that a start with nothing to create only reads.
    """
    statements = list(load_statements(resources.files("zajil.storage.schema"), engine=ENGINE))
    expanding = [step for step in load_steps(ENGINE) if step.kind is Kind.EXPAND]
    fingerprint = build_fingerprint([*statements, *(text for step in expanding for text in step.statements)])
    if await _load_fingerprint(connection) != fingerprint:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{SCHEMA_LOCK_S_MAX}s'")
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
            if await _load_fingerprint(connection) != fingerprint:
                for statement in statements:
                    await connection.execute(statement)
                await _expand(connection)
                await connection.execute("CREATE TABLE IF NOT EXISTS schema_fingerprint (fingerprint BIGINT NOT NULL)")
                await connection.execute("DELETE FROM schema_fingerprint")
                await connection.execute("INSERT INTO schema_fingerprint VALUES ($1)", fingerprint)
    minimum = await connection.fetchval("SELECT minimum FROM schema_state")
    if minimum > find_version(ENGINE):
        raise StorageUnavailable(explain_too_new(minimum, ENGINE))
    row = await connection.fetchrow(
        "SELECT epoch, greatest(position, (SELECT max(position) FROM log_commits)) FROM log_head"
    )
    assert row is not None
    return row[0], row[1]


async def _expand(connection: Connection) -> None:
    """Do the steps that must be done before this version serves. Their locks are short, but nobody may wait behind them for long."""
    done = [row[0] for row in await connection.fetch("SELECT number FROM schema_steps")]
    for step in find_pending(ENGINE, done, Kind.EXPAND):
        for statement in step.statements:
            await connection.execute(statement)
        await connection.execute("INSERT INTO schema_steps VALUES ($1, $2)", step.number, time.time_ns() // 1_000_000)
        await connection.execute("UPDATE schema_state SET version = $1 WHERE version < $1", step.number)


async def _load_fingerprint(connection: Connection) -> int | None:
    if await connection.fetchval("SELECT to_regclass('schema_fingerprint')") is None:
        return None
    fingerprint: int | None = await connection.fetchval("SELECT fingerprint FROM schema_fingerprint")
    return fingerprint


async def take_ids(connection: Any, count: int) -> int:
    """Reserve the next `count` local numbers; returns the first one after them."""
    end: int = await connection.fetchval("UPDATE log_head SET next_id = next_id + $1 RETURNING next_id", count)
    return end


def translate_error(error: Exception) -> Exception:
    """The port's exception for one of PostgreSQL's; what is a bug stays as it is."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return Conflict(str(error))
    if isinstance(error, asyncpg.QueryCanceledError):
        return TooSlow(SLOW_RETRY_MS)
    if isinstance(error, asyncpg.InterfaceError):
        # The driver also says so of a wrong number of arguments, which is a bug.
        return StorageUnavailable(str(error)) if "connection" in str(error) else error
    if isinstance(error, TRANSIENT):
        return Busy(RETRY_MS)
    if isinstance(error, asyncpg.DataError):
        # The driver says "expected str, got int" of a bug.
        return error if "(expected" in str(error) else UnfitValue(str(error))
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull(str(error))
    if isinstance(
        error,
        (
            *CONNECTION_LOST,
            asyncpg.InsufficientResourcesError,
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.OperatorInterventionError,
            asyncpg.PostgresIOError,
            asyncpg.InvalidAuthorizationSpecificationError,
        ),
    ):
        return StorageUnavailable(str(error) or type(error).__name__)
    return error
