"""What SQLite's commits touched, for another process that serves beside this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from zajil.ports.database import Stream, Touch, Transaction
from zajil.storage.sqlite import shared_log, writer_turn
from zajil.storage.sqlite.engine import SqliteDatabase

ROOM = (Stream.EVENTS, "!room:x")


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "zajil.db")
    yield opened
    await opened.close()


@pytest.fixture
async def theirs(tmp_path: Path, ours: SqliteDatabase) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "zajil.db")
    yield opened
    await opened.close()


def hear(database: SqliteDatabase) -> list[Sequence[Touch]]:
    """What is told of others' commits, from now on."""
    heard: list[Sequence[Touch]] = []
    database.subscribe(lambda _position, _touches: None, lambda _position, touches: heard.append(list(touches)))
    return heard


async def append(tx: Transaction) -> int:
    return await tx.append(*ROOM)


async def write_nothing_told(tx: Transaction) -> None:
    await tx.execute("UPDATE search_progress SET reached = reached + 1")


async def count_rows(database: SqliteDatabase) -> int:
    count: int = await database.reader.fetch_value("SELECT count(*) FROM log_touches")
    return count


async def test_who_serves_alone_writes_nothing_down(ours: SqliteDatabase) -> None:
    ours.share_turn()
    ours.take_turn()
    await ours.write(append)
    assert await count_rows(ours) == 0
    ours.share_turn()
    await ours.write(append)
    assert await count_rows(ours) == 1


async def test_who_took_the_turn_from_another_writes_it_down_for_a_while(
    ours: SqliteDatabase, theirs: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_turn, "COURTESY_S", 1000.0)
    theirs.take_turn()
    ours.take_turn()
    await theirs.pass_turn()
    await ours.write(append)
    assert await count_rows(ours) > 0


async def test_what_is_no_business_of_others_is_not_told(ours: SqliteDatabase, theirs: SqliteDatabase) -> None:
    heard = hear(theirs)
    ours.share_turn()
    await ours.write(append)
    await ours.write(write_nothing_told)
    await theirs.catch_up()
    await ours.write(write_nothing_told)
    await theirs.catch_up()
    assert heard == [[ROOM]]


async def test_a_commit_that_did_not_say_may_have_touched_everything(
    ours: SqliteDatabase, theirs: SqliteDatabase, tmp_path: Path
) -> None:
    heard = hear(theirs)
    ours.share_turn()
    await ours.write(append)
    silent = SqliteDatabase(tmp_path / "zajil.db")
    await silent.write(write_nothing_told)
    await silent.close()
    await ours.write(append)
    await theirs.catch_up()
    assert heard == [[]]


async def test_a_commit_that_touches_very_much_does_not_say_what(
    ours: SqliteDatabase, theirs: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_log, "TOUCHES_MAX", 2)
    heard = hear(theirs)
    ours.share_turn()

    async def touch(tx: Transaction) -> None:
        for number in range(3):
            await tx.append(Stream.EVENTS, f"!{number}:x")

    await ours.write(touch)
    await theirs.catch_up()
    assert heard == [[]]


async def test_only_the_latest_commits_are_kept(ours: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_log, "COMMITS_KEPT", 5)
    ours.share_turn()
    for _ in range(9):
        await ours.write(append)
    assert await count_rows(ours) == 5


async def test_what_a_later_version_touches_may_be_everything(ours: SqliteDatabase, theirs: SqliteDatabase) -> None:
    heard = hear(theirs)
    ours.share_turn()

    async def touch(tx: Transaction) -> None:
        await append(tx)
        tx.touch("of a later version", "x")  # type: ignore[arg-type]

    await ours.write(touch)
    await theirs.catch_up()
    await theirs.write(append)
    assert heard == [[]]
