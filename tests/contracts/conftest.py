"""The database of the contract suites, on every engine."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.postgres_server import PostgresServer, run_postgres

from zajil.ports.database import Database
from zajil.storage.postgres.engine import PostgresDatabase
from zajil.storage.sqlite.engine import SqliteDatabase

OpenDatabase = Callable[[], Database]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenDatabase]:
    """Opens one more process' view of the same database."""
    if request.param == "sqlite":
        yield lambda: SqliteDatabase(tmp_path / "zajil.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.make_database()
    yield lambda: PostgresDatabase(url, 6)
    server.drop_database(url)


@pytest.fixture
async def database(open_database: OpenDatabase) -> AsyncIterator[Database]:
    """An empty database, started."""
    opened = open_database()
    opened.start()
    yield opened
    await opened.close()
