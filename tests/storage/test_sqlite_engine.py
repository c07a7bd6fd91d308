"""What only SQLite has: locks of other processes, the write-ahead log, a full disk, threads."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import pytest

from zajil.ports.database import (
    Busy,
    Pace,
    Read,
    StorageFull,
    StorageUnavailable,
    Stream,
    TooSlow,
    Touch,
    Transaction,
    set_pace,
)
from zajil.storage import group_commit
from zajil.storage.sqlite import checkpoints, engine, files, slow_reads
from zajil.storage.sqlite.engine import SqliteDatabase

INSERT = "INSERT INTO room_aliases (room_alias, room_nid, creator, created_ts_ms) VALUES (?, ?, ?, ?)"
HANG_S = 300.0
"""So long nothing takes, on the slowest machine either, but what hangs."""
ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def insert(alias: str) -> Callable[[Transaction], Any]:
    return lambda tx: tx.execute(INSERT, alias, 1, "@anna:x", 0)


async def append(tx: Transaction) -> int:
    return await tx.append(Stream.EVENTS, "!r:x")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "zajil.db")
    opened.start()
    yield opened
    await opened.close()


async def test_another_process_that_holds_the_lock_does_not_stop_the_event_loop(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is let go of only after the event loop has gone on: one that stops would wait for ever."""
    monkeypatch.setattr(engine, "LOCK_WAIT_S_MAX", 600.0)
    script = (
        "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print('locked', flush=True);"
        "sys.stdin.readline(); c.execute('ROLLBACK')"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "zajil.db")]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
    write = asyncio.create_task(database.write(insert("#a:x")))
    for _ in range(50):
        await asyncio.sleep(0.005)
        assert not write.done()
    holder.communicate(b"go on\n")
    await write
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 1


async def test_a_lock_held_for_too_long_is_reported_and_writes_go_on_after_it(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT_S_MAX", 0.05)
    other = apsw.Connection(str(tmp_path / "zajil.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable):
        await database.write(insert("#a:x"))
    other.execute("ROLLBACK")
    other.close()
    await database.write(insert("#a:x"))


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_commits_of_another_process_are_noticed(database: SqliteDatabase, tmp_path: Path) -> None:
    heard: list[tuple[int, Sequence[Touch]]] = []
    database.subscribe(lambda position, touches: heard.append((position, touches)))
    other = SqliteDatabase(tmp_path / "zajil.db")
    assert await other.write(append) == 1
    await eventually(lambda: heard == [(1, ())])
    await other.write(insert("#a:x"))  # appends nothing, but what others remember may be out of date
    await eventually(lambda: heard == [(1, ()), (1, ())])
    await database.write(append)
    await asyncio.sleep(3 * group_commit.FOREIGN_POLL_S)
    assert heard[2:] == [(2, [(Stream.EVENTS, "!r:x")])]
    await other.close()


async def test_commits_of_another_process_are_noticed_without_a_pause_between_writes(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "FOREIGN_POLL_S", 1000.0)
    other = SqliteDatabase(tmp_path / "zajil.db")
    heard: list[tuple[int, Sequence[Touch]]] = []
    # Before the other writes: the first look on a busy machine may come at any time.
    database.subscribe(lambda position, touches: heard.append((position, list(touches))))
    await other.write(append)
    assert await database.write(append) == 2
    assert heard == [(1, []), (2, [(Stream.EVENTS, "!r:x")])]
    await other.close()


async def test_two_processes_number_without_gap_or_repetition(database: SqliteDatabase, tmp_path: Path) -> None:
    other = SqliteDatabase(tmp_path / "zajil.db")

    async def one(db: SqliteDatabase) -> list[int]:
        return [await db.write(append) for _ in range(40)]

    lists = await asyncio.gather(one(database), one(other), one(database))
    assert sorted(position for positions in lists for position in positions) == list(range(1, 121))
    await other.close()


async def test_a_full_disk_refuses_writes_and_not_reads(database: SqliteDatabase) -> None:
    await database.write(insert("#a:x"))
    pages = database._writer.pragma("page_count")
    database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    big = b"x" * 100_000
    fill = lambda tx: tx.execute("INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"1", big)  # noqa: E731
    outcomes = await asyncio.gather(
        database.write(insert("#b:x")), database.write(fill), database.write(insert("#c:x")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), StorageFull, type(None)]
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 3
    database._writer.execute("PRAGMA max_page_count = 1000000")
    await database.write(fill)


async def test_a_file_that_cannot_be_written_is_unavailable(database: SqliteDatabase) -> None:
    await database.write(insert("#a:x"))
    database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageUnavailable):
        await database.write(insert("#b:x"))
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 1
    database._writer.execute("PRAGMA query_only = OFF")
    await database.write(insert("#b:x"))


async def test_an_item_that_goes_on_after_the_disk_is_full_writes_nothing(database: SqliteDatabase) -> None:
    pages = database._writer.pragma("page_count")
    database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")

    async def stubborn(tx: Transaction) -> None:
        try:
            await tx.execute("INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"1", b"x" * 100_000)
        except StorageUnavailable:
            await tx.execute(INSERT, "#after:x", 1, "@anna:x", 0)

    with pytest.raises(StorageUnavailable):
        await database.write(stubborn)
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 0


async def test_a_store_that_waits_for_something_else_is_a_bug_of_its_item_only(database: SqliteDatabase) -> None:
    async def wait(_tx: Transaction) -> None:
        await asyncio.sleep(0)

    outcomes = await asyncio.gather(
        database.write(insert("#a:x")), database.write(wait), database.write(insert("#b:x")), return_exceptions=True
    )
    assert isinstance(outcomes[1], RuntimeError)
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 2


async def test_a_batch_leaves_the_event_loop_in_time(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH_S_MAX", 0.02)
    batches: list[int] = []
    database.subscribe(lambda _position, touches: batches.append(len(touches)))

    async def slow(tx: Transaction) -> int:
        time.sleep(0.01)
        return await append(tx)

    assert await asyncio.gather(*(database.write(slow) for _ in range(30))) == list(range(1, 31))
    assert sum(batches) == 30 and max(batches) <= 3


async def test_something_urgent_takes_little_company(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "COMPANY_S_MAX", 0.0)
    monkeypatch.setattr(engine, "BATCH_S_MAX", HANG_S)
    batches: list[int] = []
    database.subscribe(lambda _position, touches: batches.append(len(touches)))
    busy = asyncio.create_task(database.write(append))
    await asyncio.sleep(0)
    others = [asyncio.create_task(database.write(append)) for _ in range(4)]

    async def slow(tx: Transaction) -> int:
        time.sleep(0.05)
        return await append(tx)

    async def write_urgently() -> int:
        set_pace(Pace.URGENT)
        return await database.write(slow)

    urgent = [asyncio.create_task(write_urgently()) for _ in range(2)]
    await asyncio.gather(busy, *others, *urgent)
    assert batches == [1, 3, 3]


async def test_each_commit_is_flushed_to_disk(tmp_path: Path) -> None:
    """Counted by a VFS that passes everything on."""
    flushes: list[str] = []
    default = apsw.vfs_names()[0]

    class CountingFile(apsw.VFSFile):
        def __init__(self, inherit: str, name: Any, flags: list[int]) -> None:
            super().__init__(inherit, name, flags)
            self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

        def xSync(self, flags: int) -> None:
            flushes.append(self._name)
            super().xSync(flags)

    class CountingVfs(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("counting", default, maxpathname=512, makedefault=True)

        def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
            return CountingFile(default, name, flags)

    vfs = CountingVfs()
    try:
        database = SqliteDatabase(tmp_path / "zajil.db")
        before = len(flushes)
        for number in range(5):
            await database.write(insert(f"#{number}:x"))
        assert len(flushes) - before >= 5
        assert all(name.endswith("-wal") for name in flushes[before:])
        await database.close()
    finally:
        apsw.set_default_vfs(default)
        vfs.unregister()


async def test_the_log_is_emptied_while_writes_go_on(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "WAL_PAGES_SOFT", 200)
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 0.01)
    before = emptied = 0

    async def write(number: int) -> None:
        nonlocal before, emptied
        await database.write(
            lambda tx: tx.execute("INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"%d" % number, b"x" * 20_000)
        )
        emptied += database._wal_pages < before
        before = database._wal_pages

    async with asyncio.timeout(HANG_S):
        for start in count(0, 4):
            await asyncio.gather(*(write(number) for number in range(start, start + 4)))
            if emptied == 3:
                break


async def test_the_log_stays_short(database: SqliteDatabase) -> None:
    """When it is begun again all commits wait until what it had gathered is on disk."""
    longest = 0

    async def write(number: int, size: int) -> None:
        await database.write(
            lambda tx: tx.execute("INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"%d" % number, b"x" * size)
        )

    async with asyncio.timeout(HANG_S):
        await asyncio.gather(*(write(number, 20_000) for number in range(120)))
        for number in count(1000):
            longest = max(longest, database._wal_pages)
            await write(number, 100)
            if database._wal_pages < longest:
                break
            await asyncio.sleep(0.05)
    assert 2.4e6 / checkpoints.PAGE_BYTES < longest < 8e6 / checkpoints.PAGE_BYTES


async def test_a_long_reader_is_cut_off_before_the_log_passes_its_limit(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WAL_PAGES_SOFT", 100)
    monkeypatch.setattr(checkpoints, "WAL_PAGES_MAX", 500)
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 0.01)
    monkeypatch.setattr(slow_reads, "READ_S_MAX", 600.0)  # so that only the log can be the reason
    is_held = threading.Event()

    async def hold_a_snapshot(read: Read) -> None:
        await read.fetch("SELECT position FROM log_head")
        is_held.set()
        await read.fetch(ENDLESS)

    reader = asyncio.create_task(database.read_slowly(hold_a_snapshot))
    async with asyncio.timeout(HANG_S):
        while not is_held.is_set():
            await asyncio.sleep(0.01)
    for number in range(150):
        await database.write(
            lambda tx, number=number: tx.execute(  # type: ignore[misc]
                "INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"%d" % number, b"x" * 20_000
            )
        )
    with pytest.raises(TooSlow):
        await asyncio.wait_for(reader, HANG_S)


async def test_long_queries_end_at_their_deadline(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    usual_s = slow_reads.READ_S_MAX
    monkeypatch.setattr(slow_reads, "READ_S_MAX", 0.2)
    with pytest.raises(TooSlow):
        await database.read_slowly(lambda read: read.fetch_value(ENDLESS))

    async def many_short(read: Read) -> None:
        while True:
            await read.fetch("SELECT 1")

    with pytest.raises(TooSlow):
        await database.read_slowly(many_short)
    monkeypatch.setattr(slow_reads, "READ_S_MAX", usual_s)
    assert await database.read_slowly(lambda read: read.fetch_value("SELECT 1")) == 1


async def test_long_queries_are_bounded_in_number(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_reads, "READ_S_MAX", 0.2)
    monkeypatch.setattr(slow_reads, "WAITING_MAX", 1)
    queries = [database.read_slowly(lambda read: read.fetch_value(ENDLESS)) for _ in range(5)]
    outcomes = await asyncio.gather(*queries, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TooSlow] * 3 + [Busy] * 2


def test_processes_that_make_the_file_at_once_all_succeed(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, asyncio; from zajil.storage.sqlite.engine import SqliteDatabase;"
        "from zajil.ports.database import Stream\n"
        "async def run():\n"
        "    db = SqliteDatabase(pathlib.Path(sys.argv[1]))\n"
        "    print(db.epoch, await db.write(lambda tx: tx.append(Stream.EVENTS, '!r:x')))\n"
        "    await db.close()\n"
        "asyncio.run(run())"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(engine.__file__).parents[3])}
    command = [sys.executable, "-c", script, str(tmp_path / "zajil.db")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) for _ in range(4)]
    outputs = [process.communicate() for process in started]
    assert sorted(out for out, _ in outputs) == [b"1 1\n", b"1 2\n", b"1 3\n", b"1 4\n"], outputs


def test_a_crash_while_the_tables_are_made_leaves_a_file_that_can_be_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = list(files.load_statements(files.resources.files("zajil.storage.schema"), engine="sqlite"))

    def break_off(*_args: object, **_options: object) -> list[str]:
        return [*statements[:5], "CREATE NONSENSE"]

    connection = files.open_connection(tmp_path / "zajil.db")
    with monkeypatch.context() as patch:
        patch.setattr(files, "load_statements", break_off)
        with pytest.raises(apsw.SQLError):
            files.prepare(connection)
    assert connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    assert files.prepare(connection) == 1
    connection.close()


def refuse_to_wait(_: int) -> bool:
    raise AssertionError("it wants a lock")


def test_a_second_start_takes_no_write_lock(tmp_path: Path) -> None:
    first = files.open_connection(tmp_path / "zajil.db")
    files.prepare(first)
    first.execute("BEGIN IMMEDIATE")
    second = files.open_connection(tmp_path / "zajil.db")
    second.set_busy_timeout(0)
    second.set_busy_handler(refuse_to_wait)
    assert files.prepare(second) == 1
    first.close()
    second.close()


async def test_a_commit_behind_our_own_is_seen_although_ours_has_not_been_heard_of(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers serve side by side during a handover. A token that the other gave out must not seem to be ahead of the log."""
    on_disk, heard = asyncio.Event(), asyncio.Event()
    commit = database._committer.commit

    async def commit_and_tarry(then: Callable[[], object], *, restarts_log: bool) -> None:
        await commit(lambda: None, restarts_log=restarts_log)
        on_disk.set()
        await heard.wait()
        then()

    monkeypatch.setattr(database._committer, "commit", commit_and_tarry)
    other = SqliteDatabase(tmp_path / "zajil.db")
    other.start()
    try:
        ours = asyncio.create_task(database.write(append))
        await on_disk.wait()
        theirs = await other.write(append)
        look = asyncio.create_task(database.catch_up())
        await asyncio.sleep(0)
        heard.set()
        await look
        assert database.position >= theirs
        await ours
    finally:
        await other.close()
