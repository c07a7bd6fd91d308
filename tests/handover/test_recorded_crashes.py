"""The power cuts of test_crash_points.py, played on whole servers: Zajil and Synapse, each in its own process, with the same harness (issue 4, bar 6).

What a server does to the files of its database is recorded by a library that is loaded before the system's own (recorder.c), so the server
needs to know nothing of it. The same journal without its syncs, which is what a disk does that lies, must show losses.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import apsw
import pytest
from tests.handover.crashing_disk import Acknowledged, Delete, Disk, Entry, Sync, Truncate, Write
from tests.handover.test_crash_points import choose_seed
from tests.servers import Server, build_synapse, build_zajil, find_synapse_python

COMPILE_SECONDS_MAX = 900
SOURCE = Path(__file__).with_name("recorder.c")
HEAD = struct.Struct("<BBHIQ")
SENDERS = 4
MESSAGES = 200
POINTS = 200
V3 = "/_matrix/client/v3"

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        bool({"ZAJIL_TEST_SERVER", "ZAJIL_TEST_DATABASE"} & set(os.environ)), reason="chooses its servers itself"
    ),
]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX)
    assert done.returncode == 0, done.stderr
    return library


class Recording:
    """A server under the recorder."""

    def __init__(self, kind: str, folder: Path, recorder: Path) -> None:
        self.journal = folder / "journal"
        self.file = {"zajil": "zajil.db", "synapse": "homeserver.db"}[kind]
        env = {"LD_PRELOAD": str(recorder), "RECORD_JOURNAL": str(self.journal), "RECORD_FILES": self.file}
        build = {"zajil": build_zajil, "synapse": build_synapse}[kind]
        self.server: Server = build(folder, env=env)

    def acknowledge(self, event_id: str) -> None:
        name = event_id.encode()
        with self.journal.open("ab", buffering=0) as journal:
            journal.write(HEAD.pack(ord("a"), 0, len(name), 0, 0) + name)

    def read(self) -> Iterator[Entry]:
        with self.journal.open("rb") as journal:
            while head := journal.read(HEAD.size):
                what, _, name_length, size, offset = HEAD.unpack(head)
                name = journal.read(name_length).decode()
                data = journal.read(size)
                assert len(data) == size
                entries: dict[str, Entry] = {
                    "w": Write(name, offset, data),
                    "t": Truncate(name, offset),
                    "s": Sync(name),
                    "d": Delete(name),
                    "a": Acknowledged(name),
                }
                yield entries[chr(what)]


async def call(session: aiohttp.ClientSession, server: Server, method: str, path: str, body: Any = None) -> Any:
    async with session.request(method, f"{server.base}{V3}/{path}", json=body) as answer:
        assert answer.status == 200, (path, answer.status, await answer.text())
        return await answer.json()


async def send_messages(recording: Recording) -> tuple[str, str]:
    """Several senders at once, each acknowledgement noted as it comes; returns access token and room."""
    server = recording.server
    timeout = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        account = {"username": "anna", "password": "correct horse battery", "auth": {"type": "m.login.dummy"}}
        token = (await call(session, server, "POST", "register", account))["access_token"]
        session.headers["authorization"] = f"Bearer {token}"
        room_id: str = (await call(session, server, "POST", "createRoom", {}))["room_id"]

        async def send(numbers: Sequence[int]) -> None:
            for number in numbers:
                path = f"rooms/{quote(room_id)}/send/m.room.message/m{number}"
                answer = await call(session, server, "PUT", path, {"msgtype": "m.text", "body": f"message {number}"})
                recording.acknowledge(answer["event_id"])

        await asyncio.gather(*(send(range(first, MESSAGES, SENDERS)) for first in range(SENDERS)))
    return token, room_id


async def read_served_events(server: Server, token: str, room_id: str) -> set[str]:
    """What the sender, still logged in, gets to see."""
    found: set[str] = set()
    position = ""
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {token}"}) as session:
        while True:
            page = await call(session, server, "GET", f"rooms/{quote(room_id)}/messages?dir=b&limit=500{position}")
            found |= {event["event_id"] for event in page["chunk"]}
            if "end" not in page or not page["chunk"]:
                return found
            position = f"&from={quote(page['end'])}"


def read_events(path: Path) -> set[str]:
    """Both servers have a table of that name. Opening recovers what the cut left."""
    try:
        with apsw.Connection(str(path)) as connection:
            assert connection.execute("PRAGMA quick_check").get == "ok"
            return {row[0] for row in connection.execute("SELECT event_id FROM events")}
    except (apsw.Error, AssertionError) as error:  # a database that cannot be read has lost everything
        print(repr(error))
        return set()


def cut_at_points(folder: Path, recording: Recording, entries: Sequence[Entry], seed: int) -> tuple[int, int, Path]:
    """Points after which something acknowledged was missing, the most that was missing at one, and what the last cut left."""
    first = next(index for index, entry in enumerate(entries) if isinstance(entry, Acknowledged))
    chance = random.Random(seed)
    chosen = sorted(chance.choices(range(first, len(entries) + 1), k=POINTS))
    disk, played, broken, most = Disk(), 0, 0, 0
    left = folder
    for number, point in enumerate(chosen):
        for entry in entries[played:point]:
            disk.play(entry)
        played = point
        left = Path(tempfile.mkdtemp(dir=folder))
        disk.cut(left, random.Random(f"{seed} {number}"))
        missing = len(set(disk.acknowledged) - read_events(left / recording.file))
        broken += missing > 0
        most = max(most, missing)
        if number < POINTS - 1:
            shutil.rmtree(left)
    print(f"{POINTS} cuts in a journal of {len(entries)} entries: something missing after {broken}, at most {most}")
    return broken, most, left


@pytest.mark.parametrize("kind", ["zajil", "synapse"])
def test_power_cuts_of_a_whole_server(kind: str, tmp_path: Path, recorder: Path) -> None:
    if kind == "synapse" and find_synapse_python() is None:
        pytest.skip("matrix-synapse is not installed: make bench installs it")
    recording = Recording(kind, tmp_path, recorder)
    server = recording.server
    server.start()
    try:
        token, room_id = asyncio.run(send_messages(recording))
    finally:
        server.kill()
    entries = list(recording.read())
    acknowledged = {entry.event_id for entry in entries if isinstance(entry, Acknowledged)}
    syncs = sum(isinstance(entry, Sync) for entry in entries)
    print(f"{kind}: {len(acknowledged)} acknowledged, {syncs} syncs")
    assert len(acknowledged) == MESSAGES
    seed = choose_seed()
    broken, _, left = cut_at_points(tmp_path, recording, entries, seed)
    assert broken == 0
    # The server itself goes on from what the last cut left: everything acknowledged until then is served.
    for each in server.data.glob(f"{recording.file}*"):
        each.unlink()
    for each in left.iterdir():
        shutil.copy(each, server.data)
    before = read_events(left / recording.file)
    server.env = {name: value for name, value in server.env.items() if name != "LD_PRELOAD"}
    server.start()
    try:
        assert acknowledged & before <= asyncio.run(read_served_events(server, token, room_id))
    finally:
        server.kill()
    # And a disk that only says that it has synced: the harness must notice.
    lying = [entry for entry in entries if not isinstance(entry, Sync)]
    broken, most, _ = cut_at_points(tmp_path, recording, lying, seed)
    assert broken > POINTS // 20 and most > 0
