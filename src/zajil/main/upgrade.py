"""`zajil upgrade`: what the version on disk would change, and changing to it."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zajil.ports.configuration import Config
from zajil.storage.schema_keeper import UNSEEN_MS
from zajil.storage.schema_steps import FIRST_VERSION, Kind, Step, explain_too_new, find_version, load_steps

COUNT_OLDER = "SELECT count(*) FROM schema_nodes WHERE version < {} AND seen_ts_ms > {}"
ROWS_PER_SECOND = 5_000
"""About what a backfill gets done beside people's traffic."""


class DatabaseUnreadable(Exception):
    """The text is for the operator."""


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """A database against this version of the program."""

    is_new: bool
    version: int
    minimum: int
    known: int
    pending: tuple[tuple[Step, int | None], ...]
    """Steps to be done, with the rows that a backfill has to change."""
    older_nodes: int
    """Processes of a former version that may still run; steps that take something away wait for them."""


def inspect_schema(config: Config) -> SchemaReport:
    """Look, and change nothing. Raises `DatabaseUnreadable`."""
    return asyncio.run(_inspect_postgres(config.database)) if config.is_postgres else _inspect_sqlite(config)


def _inspect_sqlite(config: Config) -> SchemaReport:
    import apsw

    path = config.sqlite_path
    if not path.exists():
        return _new_database("sqlite")
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(5000)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        has_versions = "schema_state" in tables
        state = connection.execute("SELECT version, minimum FROM schema_state").fetchone() if has_versions else None
        done = [row[0] for row in connection.execute("SELECT number FROM schema_steps")] if has_versions else []
        nodes = connection.execute(COUNT_OLDER.format("?", "?"), _older("sqlite")).get if has_versions else 0
        counts: dict[int, int | None] = {}
        for step in _find_pending("sqlite", done):
            if step.estimate is not None:
                with contextlib.suppress(apsw.SQLError):  # asks about what a step before it makes
                    counts[step.number] = connection.execute(step.estimate).get
        connection.close()
    except apsw.Error as error:
        raise DatabaseUnreadable(f"{path} cannot be read: {error}") from None
    return _build_report("sqlite", state, done, counts, nodes)


async def _inspect_postgres(url: str) -> SchemaReport:
    import asyncpg

    from zajil.storage.postgres import connections

    try:
        connection = await asyncpg.connect(url, timeout=connections.CONNECT_S_MAX)
        try:
            if await connection.fetchval("SELECT to_regclass('log_head')") is None:
                return _new_database("postgres")
            has_versions = await connection.fetchval("SELECT to_regclass('schema_state')") is not None
            state = await connection.fetchrow("SELECT version, minimum FROM schema_state") if has_versions else None
            done = [row[0] for row in await connection.fetch("SELECT number FROM schema_steps")] if has_versions else []
            nodes = (
                await connection.fetchval(COUNT_OLDER.format("$1", "$2"), *_older("postgres")) if has_versions else 0
            )
            counts: dict[int, int | None] = {}
            for step in _find_pending("postgres", done):
                if step.estimate is not None:
                    with contextlib.suppress(asyncpg.PostgresError):  # asks about what a step before it makes
                        counts[step.number] = await connection.fetchval(step.estimate)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise DatabaseUnreadable(f"PostgreSQL cannot be asked: {error}") from None
    return _build_report("postgres", tuple(state) if state else None, done, counts, nodes)


def _find_pending(engine: str, done: list[int]) -> list[Step]:
    return [step for step in load_steps(engine) if step.number not in done]


def _older(engine: str) -> tuple[int, int]:
    """What `COUNT_OLDER` asks for: the same sightings for which a contract step waits."""
    return find_version(engine), time.time_ns() // 1_000_000 - UNSEEN_MS


def _new_database(engine: str) -> SchemaReport:
    return SchemaReport(True, find_version(engine), FIRST_VERSION, find_version(engine), (), 0)


def _build_report(
    engine: str, state: Sequence[Any] | None, done: list[int], counts: dict[int, int | None], older: int
) -> SchemaReport:
    version, minimum = (FIRST_VERSION, FIRST_VERSION) if state is None else (state[0], state[1])
    pending = tuple((step, counts.get(step.number)) for step in _find_pending(engine, done))
    return SchemaReport(False, version, minimum, find_version(engine), pending, older)


def describe_report(report: SchemaReport) -> Iterator[str]:
    """Sentences for the operator."""
    if report.is_new:
        yield "There is no database yet; it is made at the first start."
        return
    yield f"The database is at schema {report.version}; this version of Zajil knows {report.known}."
    if report.minimum > report.known:
        yield f"It cannot be used: {explain_too_new(report.minimum, 'sqlite')}."
        return
    if not report.pending:
        yield "Nothing in it has to change."
    for step, rows in report.pending:
        yield f"{step.number:04} {step.kind.value:8} {step.name.replace('_', ' ')}: {describe_work(step, rows)}"
    if any(step.kind is Kind.CONTRACT for step, _ in report.pending):
        yield "After a contract step the version before this one cannot use the database any more."
    if report.older_nodes:
        yield f"{report.older_nodes} processes of a former version have used the database in the last {UNSEEN_MS // 60_000} minutes."


def describe_work(step: Step, rows: int | None) -> str:
    """What a step costs, and when it is done."""
    if step.kind is Kind.EXPAND:
        return "before the new version serves, while the former one does; takes no noticeable time"
    if step.kind is Kind.CONTRACT:
        return "in the background, ten minutes after the last process of a former version was seen"
    if rows is None:
        return "in the background, while the server serves"
    return f"in the background, while the server serves: {rows} rows, about {max(1, rows // ROWS_PER_SECOND)} s"
