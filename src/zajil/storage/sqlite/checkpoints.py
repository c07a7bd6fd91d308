"""Moving the write-ahead log into the database file, off the write path, so that recovery stays short (invariant 4)."""

import asyncio
from pathlib import Path

import apsw

from zajil.storage.sqlite import files

INTERVAL_S = 1.0
WAL_BYTES_SOFT = 16 * 1024 * 1024
WAL_BYTES_MAX = 128 * 1024 * 1024


async def run(path: Path) -> None:
    """Checkpoint for as long as the task lives."""
    connection = await asyncio.to_thread(files.open_connection, path)
    try:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await asyncio.to_thread(checkpoint, connection, path)
    finally:
        connection.close()


def checkpoint(connection: apsw.Connection, path: Path) -> None:
    """One step: passive while the log is small; from the limit on, wait for readers so that the log starts again from its beginning."""
    wal = path.with_name(path.name + "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    if size < WAL_BYTES_SOFT:
        return
    mode = apsw.SQLITE_CHECKPOINT_PASSIVE
    if size >= WAL_BYTES_MAX:
        connection.set_busy_timeout(200)
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE
    try:
        connection.wal_checkpoint(mode=mode)
    except apsw.BusyError:
        return
