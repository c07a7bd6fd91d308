"""Copying a database file under a process that keeps writing to it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from zajil.ports.database import StorageUnavailable
from zajil.storage.sqlite import engine, files, live_copy
from zajil.storage.sqlite.live_copy import check_database, copy_database

HANG_S = 300.0
"""So long nothing takes, on the slowest machine either, but what hangs."""
# Each commit moves one unit between two rows, appends a row and overwrites old ones: a copy of mixed ages shows.
WRITER = """
import asyncio, pathlib, random, sys
from zajil.ports.database import Stream
from zajil.storage.sqlite import checkpoints
from zajil.storage.sqlite.engine import SqliteDatabase
checkpoints.WAL_PAGES_SOFT = int(sys.argv[2]); checkpoints.INTERVAL_S = 0.02

async def item(tx):
    position = await tx.append(Stream.EVENTS, "!r:x")
    await tx.execute("INSERT INTO room_aliases VALUES (?, ?, '@a:x', 0)", f"#{random.random()}", position)
    await tx.execute("UPDATE room_aliases SET creator = creator || '.' WHERE room_nid IN (?, ?)",
        random.randrange(1, position + 1), random.randrange(1, position + 1))
    await tx.execute("INSERT INTO state_nodes VALUES (?, ?)", random.randbytes(16), random.randbytes(random.randrange(6000)))
    for key, change in (("a", 1), ("b", -1)):
        await tx.execute("INSERT INTO current_state VALUES (1, ?, '', ?, 0) ON CONFLICT (room_nid, type, state_key)"
            " DO UPDATE SET event_nid = current_state.event_nid + excluded.event_nid", key, change)

async def client(db):
    while True:
        await db.write(item)
        await asyncio.sleep(0.004)

async def run():
    db = SqliteDatabase(pathlib.Path(sys.argv[1])); db.start()
    for _ in range(200):
        await db.write(item)
    print("ready", flush=True)
    await asyncio.gather(*(client(db) for _ in range(4)))

asyncio.run(run())
"""


@contextmanager
def run_writer(path: Path, pages_soft: int = 300) -> Iterator["subprocess.Popen[bytes]"]:
    env = {**os.environ, "PYTHONPATH": str(Path(engine.__file__).parents[3])}
    command = [sys.executable, "-c", WRITER, str(path), str(pages_soft)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
    try:
        yield writer
    finally:
        writer.kill()
        writer.communicate()


def read_position(path: Path) -> int:
    connection = apsw.Connection(str(path))
    position: int = connection.execute("SELECT position FROM log_head").get
    connection.close()
    return position


def wait_for_writes(path: Path, after: int) -> None:
    """Until the writer has gone on."""
    deadline = time.monotonic() + HANG_S
    while read_position(path) <= after:
        assert time.monotonic() < deadline, "the writer stands still"
        time.sleep(0.01)


def check_copy(path: Path) -> int:
    """The position of a copy in which everything fits together."""
    connection = apsw.Connection(str(path))
    position: int = connection.execute("SELECT position FROM log_head").get
    assert connection.execute("SELECT count(*), max(room_nid) FROM room_aliases").fetchone() == (position, position)
    assert connection.execute("SELECT count(*) FROM state_nodes").get == position
    assert dict(connection.execute("SELECT type, event_nid FROM current_state")) == {"a": position, "b": -position}
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()
    return position


@pytest.mark.parametrize("pages_soft", [50, 2000, 100_000])
def test_a_copy_taken_under_writes_is_consistent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages_soft: int
) -> None:
    monkeypatch.setattr(live_copy, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(live_copy, "CHUNK_PAGES", 16)
    monkeypatch.setattr(live_copy, "CHECKPOINT_PAGES", 200)
    monkeypatch.setattr(live_copy, "SNAPSHOT_PAGES_MAX", 300)
    source = tmp_path / "zajil.db"
    with run_writer(source, pages_soft):
        for number in range(4):
            wait_for_writes(source, read_position(source))
            before = read_position(source)
            target = tmp_path / f"copy{number}.db"
            copy_database(source, target, lambda _done, _all: time.sleep(0.001))
            assert before <= check_copy(target) <= read_position(source)
        wait_for_writes(source, read_position(source))


def test_writers_wait_only_for_moments(tmp_path: Path) -> None:
    source = tmp_path / "zajil.db"
    with run_writer(source):
        target = tmp_path / "copy.db"
        copy_database(source, target, lambda _done, _all: None)
        wait_for_writes(source, read_position(source))
        assert check_copy(target) > 0


def test_a_process_that_copies_can_be_killed(tmp_path: Path) -> None:
    source = tmp_path / "zajil.db"
    script = (
        "import sys, time; from pathlib import Path; from zajil.storage.sqlite import live_copy; live_copy.CHUNK_PAGES = 1\n"
        "live_copy.copy_database(Path(sys.argv[1]), Path(sys.argv[2]), lambda *_: (print('.', flush=True), time.sleep(0.01)))"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(engine.__file__).parents[3])}
    with run_writer(source):
        command = [sys.executable, "-c", script, str(source), str(tmp_path / "copy.db")]
        copier = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
        assert copier.stdout is not None
        copier.stdout.readline()
        copier.kill()
        copier.communicate()
        wait_for_writes(source, read_position(source))
    check_copy(source)


def test_an_idle_database_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "zajil.db"
    connection = files.open_connection(source)
    files.prepare(connection)
    connection.close()
    copy_database(source, tmp_path / "copy.db", lambda _done, _all: None)
    assert read_position(tmp_path / "copy.db") == 0


def test_locks_of_the_same_process_outlive_the_copy(tmp_path: Path) -> None:
    source = tmp_path / "zajil.db"
    connection = files.open_connection(source)
    files.prepare(connection)
    connection.execute("BEGIN")
    connection.execute("SELECT position FROM log_head").fetchall()
    copy_database(source, tmp_path / "copy.db", lambda _done, _all: None)
    other = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('PRAGMA journal_mode = DELETE')"
    attempt = subprocess.run([sys.executable, "-c", other, str(source)], capture_output=True)
    assert b"locked" in attempt.stderr, "this process still holds its lock"
    connection.close()


def test_a_damaged_file_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "zajil.db"
    connection = files.open_connection(path)
    files.prepare(connection)
    connection.close()
    check_database(path)
    data = bytearray(path.read_bytes())
    data[4096:8192] = bytes(4096)
    path.write_bytes(data)
    with pytest.raises(StorageUnavailable):
        check_database(path)
