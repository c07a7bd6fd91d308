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
from tests.servers import start_zajil

DELAY_MS = 20
SENDS = 40
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


async def measure_p50_ms(folder: Path, shim: Path, delay_ms: int) -> float:
    server = start_zajil(folder, env={"LD_PRELOAD": str(shim), "SLOW_FSYNC_MS": str(delay_ms)})
    try:
        async with aiohttp.ClientSession() as connections:
            account = await Account(server.base, connections).register("syncer")
            room_id = await account.create_room(preset="private_chat")
            durations = []
            for number in range(SENDS):
                began = time.perf_counter()
                await account.send_text(room_id, f"message {number}")
                durations.append((time.perf_counter() - began) * 1000)
        return statistics.median(durations)
    finally:
        server.stop()


async def test_a_slower_disk_makes_every_reply_slower(tmp_path: Path, shim: Path) -> None:
    normal = await measure_p50_ms(tmp_path / "normal", shim, 0)
    slow = await measure_p50_ms(tmp_path / "slow", shim, DELAY_MS)
    print(f"p50 of one client: {normal:.2f} ms; with fsync and fdatasync {DELAY_MS} ms slower: {slow:.2f} ms")
    assert slow - normal >= DELAY_MS, f"only {slow - normal:.2f} ms slower: it answers before the message is on disk"
