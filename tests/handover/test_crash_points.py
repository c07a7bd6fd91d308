"""A power cut at any point: whatever was acknowledged before it is there after it (issue 4, bar 6).

The real server writes through a recording disk; then the cut is played at many points of the journal, and the real code recovers from what is
left. The same with two configurations that answer before the disk has it must show losses, or the harness would prove nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.client import Client, q, running_server
from tests.handover.crashing_disk import Acknowledged, Disk, Entry, RecordingVfs
from tests.servers import find_synapse_python

from zajil.storage.sqlite import checkpoints, files
from zajil.storage.sqlite.engine import SqliteDatabase

SENDERS = 4
MESSAGES, MESSAGES_SOAK = 150, 1500
POINTS, POINTS_SOAK = 60, 1000
SERVED_EVERY = 25
"""At every so many points a whole server is started on what is left."""
WAL_PAGES_SOFT = 48  # so that the log is emptied and begun again many times on the way

pytestmark = pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="a property of Zajil")


def choose_seed() -> int:
    seed = int(os.environ.get("ZAJIL_CRASH_SEED") or random.SystemRandom().randrange(2**32))
    print(f"ZAJIL_CRASH_SEED={seed}")
    return seed


@pytest.fixture
def pragmas(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Statements run on every connection of the server after its own; checkpoints come early."""
    statements: list[str] = []
    original = files.open_connection

    def open_connection(path: Path, **options: Any) -> apsw.Connection:
        connection = original(path, **options)
        for statement in statements:
            connection.execute(statement)
        return connection

    monkeypatch.setattr(files, "open_connection", open_connection)
    monkeypatch.setattr(checkpoints, "WAL_PAGES_SOFT", WAL_PAGES_SOFT)
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 0.01)
    yield statements


async def send_messages(client: Client, room_id: str, first: int, count: int, journal: list[Entry]) -> None:
    for number in range(first, first + count):
        path = f"/_matrix/client/v3/rooms/{q(room_id)}/send/m.room.message/m{number}"
        answer = (await client.put(path, {"msgtype": "m.text", "body": f"message {number}"})).ok()
        journal.append(Acknowledged(answer["event_id"]))


async def record(folder: Path, messages: int) -> tuple[list[Entry], Client, str]:
    """What a disk goes through while a server takes messages: the journal, who sent, and where."""
    vfs = RecordingVfs()
    try:
        async with running_server(folder) as server:
            anna = await server.register("anna")
            room_id = (await anna.post("/_matrix/client/v3/createRoom", {})).ok()["room_id"]
            share = messages // SENDERS
            await asyncio.gather(
                *(send_messages(anna, room_id, number * share, share, vfs.journal) for number in range(SENDERS))
            )
            return list(vfs.journal), anna, room_id
    finally:
        vfs.unregister()


async def find_events(path: Path) -> set[str]:
    """What the real code finds after it has recovered the database."""
    database = SqliteDatabase(path)
    try:
        assert await database.reader.fetch_value("PRAGMA quick_check") == "ok"
        return {row[0] for row in await database.reader.fetch("SELECT event_id FROM events")}
    finally:
        await database.close()


async def find_served_events(folder: Path, anna: Client, room_id: str) -> set[str]:
    """What the sender, still logged in, gets to see from a server started on what is left."""
    async with running_server(folder) as server:
        client = Client(server, anna.access_token, anna.user_id, anna.device_id)
        found: set[str] = set()
        token = ""
        while True:
            page = (await client.get(f"/_matrix/client/v3/rooms/{q(room_id)}/messages?dir=b&limit=1000{token}")).ok()
            found |= {event["event_id"] for event in page["chunk"]}
            if "end" not in page:
                return found
            token = f"&from={page['end']}"


async def cut_at_points(folder: Path, messages: int, points: int) -> tuple[int, int]:
    """Points after which something acknowledged was missing (or nothing could be read), and the most that was missing at one."""
    journal, anna, room_id = await record(folder / "live", messages)
    first = next(index for index, entry in enumerate(journal) if isinstance(entry, Acknowledged))
    seed = choose_seed()
    chance = random.Random(seed)
    chosen = sorted(chance.choices(range(first, len(journal) + 1), k=points))
    disk, played, broken, missing_most = Disk(), 0, 0, 0
    began = time.monotonic()
    for number, point in enumerate(chosen):
        while played < point:
            disk.play(journal[played])
            played += 1
        with tempfile.TemporaryDirectory(dir=folder) as left:
            disk.cut(Path(left), random.Random(f"{seed} {number}"))
            try:
                found = await find_events(Path(left) / "zajil.db")
                if number % SERVED_EVERY == 0 and not set(disk.acknowledged) - found:
                    (Path(left) / "signing.key").write_bytes((folder / "live" / "signing.key").read_bytes())
                    found &= await find_served_events(Path(left), anna, room_id)
            except Exception as error:  # a database that cannot be read has lost everything
                print(f"point {point}: {error!r}")
                found = set()
        missing = len(set(disk.acknowledged) - found)
        broken += missing > 0
        missing_most = max(missing_most, missing)
    print(
        f"{points} cuts in a journal of {len(journal)} entries with {len(disk.acknowledged)} acknowledged events, "
        f"{time.monotonic() - began:.0f} s: something missing after {broken}, at most {missing_most}"
    )
    return broken, missing_most


async def test_nothing_acknowledged_is_missing_after_a_power_cut(tmp_path: Path, pragmas: list[str]) -> None:
    assert await cut_at_points(tmp_path, MESSAGES, POINTS) == (0, 0)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_nothing_acknowledged_is_missing_after_a_thousand_power_cuts(tmp_path: Path, pragmas: list[str]) -> None:
    assert await cut_at_points(tmp_path, MESSAGES_SOAK, POINTS_SOAK) == (0, 0)


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
async def test_answering_before_the_disk_has_it_is_found_out(
    tmp_path: Path, pragmas: list[str], synchronous: str
) -> None:
    """NORMAL is the reply before the fsync: the log is only synced when it is emptied. OFF never waits for the disk at all."""
    pragmas.append(f"PRAGMA synchronous = {synchronous}")
    broken, missing_most = await cut_at_points(tmp_path, MESSAGES, POINTS // 2)
    assert broken > POINTS // 20 and missing_most > 0


@pytest.mark.soak
async def test_the_settings_that_synapse_runs_with(tmp_path: Path, pragmas: list[str]) -> None:
    """What its SQLite connections are set to is asked of its own interpreter; the outcome must be what SQLite promises for that."""
    python = find_synapse_python()
    if python is None:
        pytest.skip("matrix-synapse is not installed: make bench installs it")
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode = WAL');"
        "print(c.execute('PRAGMA synchronous').fetchone()[0], c.execute('PRAGMA wal_autocheckpoint').fetchone()[0])"
    )
    asked = subprocess.run([python, "-c", code, str(tmp_path / "asked.db")], capture_output=True, text=True, check=True)
    synchronous, pages = map(int, asked.stdout.split())
    pragmas += [f"PRAGMA synchronous = {synchronous}", f"PRAGMA wal_autocheckpoint = {pages}"]
    broken, _ = await cut_at_points(tmp_path, MESSAGES, POINTS // 2)
    print(f"Synapse: synchronous = {synchronous}, wal_autocheckpoint = {pages}")
    assert (broken == 0) == (synchronous >= 2)
