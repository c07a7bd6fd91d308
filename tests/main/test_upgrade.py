"""What `zajil upgrade --check` reads off a database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import asyncpg
import pytest
from tests.postgres_server import shared_postgres
from tests.servers import ROOT

from zajil.main.upgrade import describe_report, inspect_schema
from zajil.ports.configuration import Config
from zajil.storage.schema_steps import find_version

MINUTE_MS = 60_000
SEEN_BEFORE_MINUTES = {"running": 1, "stopped": 60}


def build_rows(engine: str) -> list[tuple[str, int, int]]:
    """Two processes of a former version, of which one runs, and one of this version."""
    now_ms, version = time.time_ns() // 1_000_000, find_version(engine)
    older = [(node, version - 1, now_ms - ago * MINUTE_MS) for node, ago in SEEN_BEFORE_MINUTES.items()]
    return [*older, ("this", version, now_ms)]


def make_sqlite(folder: Path) -> Config:
    config = Config(data=folder)
    connection = apsw.Connection(str(config.sqlite_path))
    connection.execute((ROOT / "src/zajil/storage/schema/02_versions.sql").read_text())
    connection.executemany("INSERT INTO schema_nodes VALUES (?, ?, ?)", build_rows("sqlite"))
    connection.close()
    return config


def make_postgres(folder: Path) -> Config:
    config = Config(data=folder, database=shared_postgres().make_database())

    async def insert() -> None:
        connection = await asyncpg.connect(config.database)
        await connection.executemany("INSERT INTO schema_nodes VALUES ($1, $2, $3)", build_rows("postgres"))
        await connection.close()

    asyncio.run(insert())
    return config


@pytest.mark.parametrize("make", [make_sqlite, make_postgres])
def test_a_process_not_seen_for_an_hour_does_not_use_the_database(
    tmp_path: Path, make: Callable[[Path], Config]
) -> None:
    report = inspect_schema(make(tmp_path))
    assert report.older_nodes == 1
    said = [line for line in describe_report(report) if "former version" in line]
    assert said == ["1 processes of a former version have used the database in the last 10 minutes."]
