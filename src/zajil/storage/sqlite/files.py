"""Opening the database file, and bringing its tables up to date."""

from importlib import resources
from pathlib import Path

import apsw

from zajil.storage.schema import load_statements

STATEMENTS_CACHED_MAX = 512
PAGE_CACHE_KIB = 32 * 1024


def open_connection(path: Path, *, read_only: bool = False) -> apsw.Connection:
    """A connection in WAL mode. Commits reach the disk before they return (`synchronous=FULL`); checkpoints are somebody else's work."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=STATEMENTS_CACHED_MAX)
    connection.set_busy_timeout(5000 if read_only else 0)
    if not read_only:
        connection.set_busy_timeout(5000)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.wal_autocheckpoint(0)
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.set_busy_timeout(0)
    return connection


def prepare(connection: apsw.Connection) -> int:
    """Create what is missing; returns the log's epoch. Every statement is idempotent, so this costs the same whatever the amount of data."""
    connection.set_busy_timeout(5000)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in load_statements(resources.files("zajil.storage.schema"), engine="sqlite"):
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.set_busy_timeout(0)
    epoch: int = connection.execute("SELECT epoch FROM log_head").fetchone()[0]
    return epoch
