"""Opening the database file, and bringing its tables up to date."""

import os
import time
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import apsw

from zajil.ports.database import StorageUnavailable
from zajil.storage.schema import build_fingerprint, load_statements
from zajil.storage.schema_steps import Kind, explain_too_new, find_pending, find_version, load_steps

ENGINE = "sqlite"
STATEMENTS_CACHED_MAX = 512
PAGE_CACHE_KIB = 32 * 1024
SLOW_PAGE_CACHE_KIB = 4 * 1024
WAL_FILE_BYTES_KEPT = 32 * 1024 * 1024
OPEN_WAIT_S_MAX = 10.0
OPEN_PAUSE_S = 0.01
READ_WAIT_MS_MAX = 5000


def open_connection(
    path: Path, *, read_only: bool = False, page_cache_kib: int = PAGE_CACHE_KIB, wait_ms: int = 0
) -> apsw.Connection:
    """A connection in WAL mode. Commits reach the disk before they return (`synchronous=FULL`); checkpoints are somebody else's work.

    A writer does not wait for another process' lock (`wait_ms`), because waiting would block the event loop.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
    try:
        connection = apsw.Connection(str(path), flags=flags, statementcachesize=STATEMENTS_CACHED_MAX)
        connection.set_busy_timeout(READ_WAIT_MS_MAX)
        if is_on_read_only_disk(path):
            connection = _open_on_read_only_disk(path, connection)
        else:
            _enter_wal_mode(connection)
    except apsw.Error as error:
        raise StorageUnavailable(f"{path} cannot be opened: {error}") from error
    # A plan does not depend on values: else SQLite compiles a join anew each time one of them changes, at several times the cost of running it.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{page_cache_kib}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_FILE_BYTES_KEPT}")
    connection.wal_autocheckpoint(0)
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.set_busy_timeout(wait_ms)
    return connection


def is_on_read_only_disk(path: Path) -> bool:
    """Whether the file is there and its disk takes no writes, as after an error that made the system remount it."""
    return path.exists() and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _open_on_read_only_disk(path: Path, connection: apsw.Connection) -> apsw.Connection:
    """A connection that reads. The write-ahead log is read as far as SQLite can; one that was closed cleanly has left none, and needs none."""
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
    except apsw.Error:
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise
        connection.close()
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_NOMUTEX
        uri = f"file:{quote(str(path.absolute()))}?immutable=1"
        connection = apsw.Connection(uri, flags=flags, statementcachesize=STATEMENTS_CACHED_MAX)
    return connection


def _enter_wal_mode(connection: apsw.Connection) -> None:
    """Two processes that make the file at once get BUSY without the busy handler being asked, so this asks again itself."""
    deadline = time.monotonic() + OPEN_WAIT_S_MAX
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise StorageUnavailable("another process keeps the database locked") from None
            time.sleep(OPEN_PAUSE_S)


def prepare(connection: apsw.Connection) -> int:
    """Create what is missing; returns the log's epoch. Raises `StorageUnavailable` for a database of a newer version.

    The fingerprint of the schema is kept in the file, so that a start with nothing to create takes no write lock and reads one page.
    Every statement is idempotent or done once, and all run in one transaction: a crash leaves the former schema.
    """
    statements = list(load_statements(resources.files("zajil.storage.schema"), engine=ENGINE))
    expanding = [step for step in load_steps(ENGINE) if step.kind is Kind.EXPAND]
    fingerprint = build_fingerprint([*statements, *(text for step in expanding for text in step.statements)])
    if connection.pragma("user_version") != fingerprint:
        connection.set_busy_timeout(int(OPEN_WAIT_S_MAX * 1000))
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(statement)
            _expand(connection)
            connection.execute(f"PRAGMA user_version = {fingerprint}")
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, apsw.FullError | apsw.ReadOnlyError | apsw.IOError | apsw.BusyError):
                raise StorageUnavailable(f"the tables cannot be brought up to date: {error}") from error
            raise
        connection.set_busy_timeout(0)
    minimum: int = connection.execute("SELECT minimum FROM schema_state").get
    if minimum > find_version(ENGINE):
        raise StorageUnavailable(explain_too_new(minimum, ENGINE))
    epoch: int = connection.execute("SELECT epoch FROM log_head").get
    return epoch


def _expand(connection: apsw.Connection) -> None:
    """Do the steps that must be done before this version serves."""
    done = [number for (number,) in connection.execute("SELECT number FROM schema_steps")]
    for step in find_pending(ENGINE, done, Kind.EXPAND):
        for statement in step.statements:
            connection.execute(statement)
        connection.execute("INSERT INTO schema_steps VALUES (?, ?)", (step.number, time.time_ns() // 1_000_000))
        connection.execute("UPDATE schema_state SET version = ? WHERE version < ?", (step.number, step.number))
