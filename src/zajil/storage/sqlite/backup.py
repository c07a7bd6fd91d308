"""Copying a live SQLite database, and making a copy the database of a server again."""

import os
from pathlib import Path

import apsw

from zajil.storage.sqlite.live_copy import Progress, copy_database

READ_ONLY = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
RESTORED_STATEMENTS = (
    # Positions are taken again from here on, so tokens from before must not be believed.
    "UPDATE log_head SET epoch = max(epoch + 1, :epoch)",
    # Some of these were handed out after the backup was made; nobody may get one a second time.
    "DELETE FROM one_time_keys",
    "UPDATE fallback_keys SET is_used = 1",
)


def back_up(source: Path, target: Path, tell: Progress) -> tuple[int, int]:
    """Copy a live database as of the end of the copy; returns the log's epoch and position. Raises `StorageUnavailable`.

    The copy is checked, and on disk, when this returns.
    """
    copy_database(source, target, tell)
    copy = apsw.Connection(f"{target.resolve().as_uri()}?immutable=1", flags=READ_ONLY)
    epoch, position = copy.execute("SELECT epoch, position FROM log_head").get
    copy.close()
    return epoch, position


def restore(source: Path, target: Path, epoch: int) -> None:
    """Make a copy the database at `target`, where there must be none. The log's epoch becomes at least `epoch`."""
    partial = target.with_name(target.name + ".restoring")
    partial.unlink(missing_ok=True)
    with source.open("rb") as backup, partial.open("wb") as database:
        while os.sendfile(database.fileno(), backup.fileno(), None, 1 << 30):
            pass
    connection = apsw.Connection(str(partial))
    try:
        for statement in RESTORED_STATEMENTS:
            connection.execute(statement, {"epoch": epoch})
        connection.execute("PRAGMA journal_mode = DELETE")  # all in the one file; the server switches back
    finally:
        connection.close()
    make_durable(partial)
    partial.rename(target)
    make_durable(target.parent)


def make_durable(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
