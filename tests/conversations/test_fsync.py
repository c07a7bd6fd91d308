"""The fsync is real: on a disk that takes 20 ms longer to sync, every message takes at least 20 ms longer."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from tests.conversations.account import Account
from tests.servers import Server, start_zajil

DELAY_MS = 20
SENDS = 40
ATTEMPTS_MAX = 3  # on a busy machine two medians of the same thing differ by more than a little
NOISE_MS = 1.0
"""The rest of a send may be so much quicker after a wait. It is for the medians only: no single reply may come sooner than the disk."""
SOURCE = Path(__file__).with_name("slow_fsync.c")
COMPILE_SECONDS_MAX = 240

pytestmark = pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="a property of Zajil")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim as a shared library, compiled with the compiler that comes as a wheel."""
    library = tmp_path_factory.mktemp("shim") / "slow_fsync.so"
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX)
    assert done.returncode == 0, f"the shim does not compile:\n{done.stderr}"
    return library


async def measure_ms(normal: Server, slow: Server) -> tuple[list[float], list[float]]:
    """Durations of one client's sends to each server, one after the other in turns, so that both meet the same load."""
    async with aiohttp.ClientSession() as connections:
        rooms: list[tuple[Account, str, list[float]]] = []
        for server in (normal, slow):
            account = await Account(server.base, connections).register(f"syncer{time.time_ns()}")
            rooms.append((account, await account.create_room(preset="private_chat"), []))
        for number in range(SENDS):
            for account, room_id, durations in rooms:
                began = time.perf_counter()
                await account.send_text(room_id, f"message {number}")
                durations.append((time.perf_counter() - began) * 1000)
    return rooms[0][2], rooms[1][2]


async def test_a_slower_disk_makes_every_reply_slower(tmp_path: Path, shim: Path) -> None:
    servers = [
        start_zajil(tmp_path / str(delay_ms), env={"LD_PRELOAD": str(shim), "SLOW_FSYNC_MS": str(delay_ms)})
        for delay_ms in (0, DELAY_MS)
    ]
    try:
        rises = []
        for _ in range(ATTEMPTS_MAX):
            normal, slow = await measure_ms(*servers)
            assert min(slow) >= DELAY_MS, f"a reply after {min(slow):.2f} ms: before the message was on disk"
            rises.append(statistics.median(slow) - statistics.median(normal))
            print(
                f"p50 of one client: {statistics.median(normal):.2f} ms; slower disk: {statistics.median(slow):.2f} ms"
            )
            if rises[-1] >= DELAY_MS - NOISE_MS:
                break
        assert max(rises) >= DELAY_MS - NOISE_MS, f"p50 rises by {rises} ms only"
        assert min(normal) < DELAY_MS, "this machine is too slow for the comparison to mean anything"
    finally:
        for server in servers:
            server.stop()
