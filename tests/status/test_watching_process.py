"""The process that watches, as its supervisor has it: replaced when it hangs, and gone at once when it is told to go."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.servers import find_free_port

from zajil.main.status_process import END_WAIT_S_MAX, SILENT_TICKS_MAX, StatusProcess

START_S_MAX = 120


def build_options(folder: Path, **options: str) -> list[str]:
    """Of a server that is not there."""
    arguments = {"data": str(folder), "bind": f"127.0.0.1:{find_free_port()}", "status_pace_percent": "5", **options}
    return ["--arguments", json.dumps(arguments), "--parent", str(os.getpid())]


def wait_for(holds: Callable[[], object]) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < START_S_MAX
        time.sleep(0.05)


@pytest.fixture
def status(tmp_path: Path) -> Iterator[StatusProcess]:
    status = StatusProcess(lambda: build_options(tmp_path))
    yield status
    status.stop()
    status.wait()


def test_a_watcher_that_hangs_is_replaced(status: StatusProcess, tmp_path: Path) -> None:
    def wait_for_sign() -> None:
        assert select.select([status._alive], [], [], START_S_MAX)[0]

    status.tick(is_wanted=True)
    first = status._process
    assert first is not None
    for _ in range(3):
        wait_for_sign()
        status.tick(is_wanted=True)
        assert status._silent_ticks == 0
    os.kill(first.pid, signal.SIGSTOP)
    for _ in range(SILENT_TICKS_MAX + 2):  # one sign may still be on its way
        status.tick(is_wanted=True)
    first.wait(START_S_MAX)

    def is_replaced() -> bool:
        status.tick(is_wanted=True)
        return status._process not in (None, first)

    wait_for(is_replaced)
    wait_for_sign()


HANGING = """
import asyncio, sys, threading, time
from zajil.main import status, status_watch

def hang():
    print("waiting", flush=True)
    time.sleep(600)

class Silent:
    def __init__(self, *_): pass
    async def announce(self, *_): await asyncio.to_thread(hang)
    async def write(self, *_): await asyncio.to_thread(hang)

if "announcer" in sys.argv: status.AppriseAnnouncer = Silent
if "copy" in sys.argv: status.open_copy = Silent
sys.argv = sys.argv[:1] + sys.argv[2:]
sys.exit(status_watch.main())
"""


def test_a_person_may_watch_too(tmp_path: Path) -> None:
    options = ["--data", str(tmp_path), "--bind", f"127.0.0.1:{find_free_port()}", "--status-pace-percent", "5"]
    command = [sys.executable, "-m", "zajil.main.cli", "status", "watch", *options]
    with subprocess.Popen(command) as process:
        try:
            wait_for((tmp_path / "status" / "watcher.socket").exists)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.wait(END_WAIT_S_MAX)
        finally:
            process.kill()
    assert process.returncode == 0


@pytest.mark.parametrize("what", ["announcer", "copy"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_what_does_not_answer_does_not_hold_up_the_end(tmp_path: Path, what: str, number: signal.Signals) -> None:
    options = build_options(tmp_path, status_announce="json://127.0.0.1/", status_disk_reserve="1000T")
    command = [sys.executable, "-c", HANGING, what, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"waiting\n"
            process.send_signal(number)
            process.wait(END_WAIT_S_MAX)
        finally:
            process.kill()
    assert process.returncode == 0
