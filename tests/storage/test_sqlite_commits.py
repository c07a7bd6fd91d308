"""How SQLite's commits follow each other: who joins a batch that is being written, and when the log is begun again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import apsw
import pytest
from tests.contracts.paces import append, write

from zajil.ports.database import Pace, StorageUnavailable, Transaction
from zajil.storage import group_commit
from zajil.storage.sqlite.engine import SqliteDatabase

PATIENT = 12
HANG_S = 300.0
"""So long nothing takes, on the slowest machine either, but what hangs."""


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteDatabase]:
    monkeypatch.setattr(group_commit, "COMPANY_LEAST", PATIENT)
    monkeypatch.setattr(group_commit, "PATIENCE_S", HANG_S)
    opened = SqliteDatabase(tmp_path / "zajil.db")
    opened.start()
    yield opened
    await opened.close()


class Meanwhile:
    """Patient items, enough of them, and something urgent that comes while the first is being written."""

    def __init__(self, database: SqliteDatabase, item: Callable[[Transaction], Awaitable[int]] = append) -> None:
        self._database = database
        self._item = item
        self.urgent: asyncio.Task[int] | None = None
        self.patient = [write(database, Pace.PATIENT, self._begin)]
        self.patient += [write(database, Pace.PATIENT, append) for _ in range(PATIENT - 1)]

    async def _begin(self, tx: Transaction) -> int:
        if self.urgent is None:
            self.urgent = write(self._database, Pace.URGENT, self._item)
        return await append(tx)

    async def wait(self) -> tuple[int | BaseException, list[int | BaseException]]:
        """What became of what was urgent, and of the others."""
        async with asyncio.timeout(HANG_S):
            patient = await asyncio.gather(*self.patient, return_exceptions=True)
            assert self.urgent is not None
            urgent = await asyncio.gather(self.urgent, return_exceptions=True)
        return urgent[0], patient


async def test_what_is_urgent_does_not_wait_for_a_batch_that_can_wait(database: SqliteDatabase) -> None:
    urgent, patient = await Meanwhile(database).wait()
    positions = [each for each in patient if isinstance(each, int)]
    assert len(positions) == PATIENT
    assert isinstance(urgent, int)
    assert urgent < max(positions)
    assert sorted([urgent, *positions]) == list(range(1, PATIENT + 2))


async def test_who_joined_a_batch_and_breaks_it_is_left_behind(database: SqliteDatabase) -> None:
    async def fail(tx: Transaction) -> int:
        await append(tx)
        raise ValueError("no")

    urgent, patient = await Meanwhile(database, fail).wait()
    assert isinstance(urgent, ValueError)
    assert patient == list(range(1, PATIENT + 1))


async def test_who_joined_a_batch_that_cannot_be_written_is_told(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_then: Callable[[], object], *, restarts_log: bool) -> None:
        raise apsw.IOError("the disk is gone")

    monkeypatch.setattr(database._committer, "commit", refuse)
    urgent, patient = await Meanwhile(database).wait()
    assert all(isinstance(each, StorageUnavailable) for each in (urgent, *patient))


async def test_who_is_answered_does_not_wait_until_the_log_is_begun_again(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Event(), threading.Event()

    def restart() -> None:
        began.set()
        assert may_end.wait(HANG_S)

    monkeypatch.setattr(database._committer, "_restart_log", restart)
    monkeypatch.setattr(database._checkpointer, "_is_restart_due", True)
    assert await database.write(append) == 1
    later = asyncio.create_task(database.write(append))
    assert await asyncio.to_thread(began.wait, HANG_S)
    await asyncio.sleep(0.05)
    assert not later.done()
    may_end.set()
    assert await later == 2


async def test_the_log_is_not_begun_again_behind_a_commit_that_failed(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarts: list[None] = []

    def fail() -> None:
        raise apsw.IOError("the disk is gone")

    monkeypatch.setattr(database._committer, "_restart_log", lambda: restarts.append(None))
    monkeypatch.setattr(database._checkpointer, "_is_restart_due", True)
    with monkeypatch.context() as patch:
        patch.setattr(database._committer, "_commit", fail)
        with pytest.raises(StorageUnavailable):
            await database.write(append)
    assert await database.write(append) == 1
    assert not restarts
