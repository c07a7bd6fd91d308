"""The process that watches, as its supervisor has it: replaced when it hangs, and gone at once when it is told to go."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.servers import find_free_port

from zajil.main.status_process import SILENT_TICKS_MAX, StatusProcess

START_S_MAX = 120


def build_options(folder: Path) -> list[str]:
    """Of a server that is not there."""
    arguments = {"data": str(folder), "bind": f"127.0.0.1:{find_free_port()}", "status_pace_percent": "5"}
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
