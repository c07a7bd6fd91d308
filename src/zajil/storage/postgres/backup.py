"""Copying a PostgreSQL database of any number of nodes in one snapshot, and filling an empty one from such a copy."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from zajil.storage.postgres import connections
from zajil.storage.postgres.connections import Connection

DERIVED_TABLES = frozenset({"schema_fingerprint"})
UNBOUNDED = (
    "SET idle_in_transaction_session_timeout = 0",
    "SET statement_timeout = 0",
    "SET lock_timeout = 0",
)
RESTORED_STATEMENTS = (
    # Positions are taken again from here on, so tokens from before must not be believed.
    "UPDATE log_head SET epoch = greatest(epoch + 1, $1)",
    # Some of these were handed out after the backup was made; nobody may get one a second time.
    "DELETE FROM one_time_keys WHERE $1 > 0",
    "UPDATE fallback_keys SET is_used = 1 WHERE $1 > 0",
)

Columns = Mapping[str, Sequence[str]]
"""Tables and their columns, in the order of the copy."""


class NotEmpty(Exception):
    """The database to restore into has something in it."""


async def back_up(url: str, folder: Path, tell: Callable[[int, int], None]) -> tuple[int, int, Columns]:
    """Write every table into `folder`, one file each, as of one moment; returns the log's epoch and position and what was written.

    Raises `StorageUnavailable`. `tell` hears of tables copied and tables in all.
    """
    connection = await _connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            columns = await _load_columns(connection)
            head = await connection.fetchrow(
                "SELECT epoch, greatest(position, (SELECT max(position) FROM log_commits)) FROM log_head"
            )
            assert head is not None
            for done, (table, names) in enumerate(columns.items()):
                tell(done, len(columns))
                with (folder / table).open("wb") as file:
                    await connection.copy_from_table(table, output=file, columns=list(names), format="binary")
        tell(len(columns), len(columns))
        return head[0], head[1], columns
    finally:
        await connection.close()


async def restore(url: str, folder: Path, columns: Columns, epoch: int) -> None:
    """Fill the tables from such files, all or nothing. Raises `NotEmpty` and `StorageUnavailable`."""
    connection = await _connect(url)
    try:
        await connections.prepare(connection)
        async with connection.transaction():
            if await connection.fetchval("SELECT EXISTS (SELECT 1 FROM rooms) OR EXISTS (SELECT 1 FROM accounts)"):
                raise NotEmpty
            known = await _load_columns(connection)
            await connection.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in known))
            for table, names in columns.items():
                with (folder / table).open("rb") as file:
                    await connection.copy_to_table(table, source=file, columns=list(names), format="binary")
            for statement in RESTORED_STATEMENTS:
                await connection.execute(statement, epoch)
    finally:
        await connection.close()


async def _connect(url: str) -> Connection:
    connection = await connections.connect(url)
    for statement in UNBOUNDED:
        await connection.execute(statement)
    return connection


async def _load_columns(connection: Connection) -> dict[str, list[str]]:
    rows = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables "
        "USING (table_schema, table_name) WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' "
        "ORDER BY table_name, ordinal_position"
    )
    columns: dict[str, list[str]] = {}
    for table, column in rows:
        if table not in DERIVED_TABLES:
            columns.setdefault(table, []).append(column)
    return columns
