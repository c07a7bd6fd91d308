"""The kill -9 tests are not fooled by a machine that stands still for a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.conversations.patience import Patience
from tests.servers import ROOT

WAITING = """
import asyncio, sys
from tests.conversations.patience import Patience

async def wait():
    patience = Patience(1.5)
    sys.stdin.readline()
    done = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print("waiting", flush=True)
    while not done.done():
        await patience.pause(0.01)
        assert not patience.is_over, f"gave up after {patience.spent:.1f} s"

asyncio.run(wait())
"""


def test_a_pause_of_all_processes_is_not_counted_as_waiting() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("begin\n")
    process.stdin.flush()
    assert process.stdout.readline() == "waiting\n"
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2.5)  # more than it has patience for
    process.stdin.write("done\n")
    process.stdin.flush()
    os.kill(process.pid, signal.SIGCONT)
    process.stdin.close()
    assert process.wait(20) == 0


async def test_waiting_for_nothing_comes_to_an_end() -> None:
    patience = Patience(0.2)
    began = time.monotonic()
    while not patience.is_over:
        await patience.pause(0.01)
    assert time.monotonic() - began >= 0.2
