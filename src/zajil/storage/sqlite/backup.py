"""Copying a live SQLite database, and making a copy the database of a server again."""

import os
from collections.abc import Callable
from pathlib import Path

import apsw

from zajil.storage.sqlite import files

STEP_PAGES = 2048
RESTORED_STATEMENTS = (
    # Positions are taken again from here on, so tokens from before must not be believed.
    "UPDATE log_head SET epoch = max(epoch + 1, :epoch)",
    # Some of these were handed out after the backup was made; nobody may get one a second time.
    "DELETE FROM one_time_keys",
)


def back_up(source: Path, target: Path, tell: Callable[[int, int], None]) -> tuple[int, int]:
    """Copy the database as it is at this moment; returns the log's epoch and position.

    Writers go on meanwhile: one snapshot is held for the time of the copy (docs/decisions/backup.md has figures), during which the
    write-ahead log grows. `tell` hears of pages copied and pages in all. The copy is on disk when this returns.
    """
    reader = files.open_connection(source, read_only=True, page_cache_kib=files.SLOW_PAGE_CACHE_KIB)
    copy = apsw.Connection(str(target))
    try:
        copy.execute("PRAGMA synchronous = OFF")  # made durable as a whole below
        reader.execute("BEGIN")
        epoch, position = reader.execute("SELECT epoch, position FROM log_head").get
        with copy.backup("main", reader, "main") as progress:
            while not progress.done:
                progress.step(STEP_PAGES)
                tell(progress.page_count - progress.remaining, progress.page_count)
        reader.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
        reader.close()
    make_durable(target)
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
