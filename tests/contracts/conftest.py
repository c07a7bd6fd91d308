"""The database of the contract suites, on every engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from zajil.ports.database import Database
from zajil.storage.sqlite.engine import SqliteDatabase


@pytest.fixture(params=["sqlite"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database, started."""
    opened = SqliteDatabase(tmp_path / "zajil.db")
    opened.start()
    yield opened
    await opened.close()
