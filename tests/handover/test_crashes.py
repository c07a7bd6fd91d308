"""A worker or the supervisor is killed, or hangs, under traffic: clients' own retries succeed and nothing is lost (issue 4, bar 2)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.handover.traffic import Traffic
from tests.main.test_serve import find_worker, wait_for
from tests.servers import Server, build_environment, build_zajil

WRITES_BACK_SECONDS_MAX = 1.0
SUPERVISOR_BACK_SECONDS_MAX = 2.0
KILLS, KILLS_SOAK = 2, 3
SILENCE_SECONDS = 2

pytestmark = pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="processes of Zajil")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, worker_silence_s_max=str(SILENCE_SECONDS), status="on").start()
    yield server
    server.kill()


async def kill_under_traffic(server: Server, kills: int, rate: float, clients: int, number: signal.Signals) -> float:
    """The longest time without an acknowledgement after a worker got this signal."""
    traffic = await Traffic.prepare(server.base, server.port, clients, retries=True)
    cuts = []

    async def work() -> None:
        for _ in range(kills):
            worker = wait_for(lambda: find_worker(server), "a worker")
            cuts.append(time.monotonic())
            worker.send_signal(number)
            await asyncio.to_thread(wait_for, lambda old=worker: find_worker(server) not in (old, None), "the next worker")
            await asyncio.sleep(2.0)

    await traffic.run(rate, work)
    back = max(traffic.back_seconds(cut) for cut in cuts)
    print(f"{kills} x {number.name}: writes back in at most {back:.2f} s; {traffic.describe()}")
    traffic.judge()
    return back


async def test_a_killed_worker_loses_nothing(server: Server) -> None:
    await kill_under_traffic(server, KILLS, 60, 40, signal.SIGKILL)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_killed_worker_loses_nothing_at_full_size(server: Server) -> None:
    back = await kill_under_traffic(server, KILLS_SOAK, 200, 200, signal.SIGKILL)
    assert back <= WRITES_BACK_SECONDS_MAX


async def test_a_worker_that_hangs_is_replaced(server: Server) -> None:
    await kill_under_traffic(server, 1, 20, 8, signal.SIGSTOP)
    assert "has given no sign of life" in server.log.read_text()


def test_a_worker_that_hangs_ends_with_its_supervisor(tmp_path: Path) -> None:
    """It would keep the data folder from the next server."""
    server = build_zajil(tmp_path).start()
    worker = find_worker(server)
    assert worker is not None
    worker.suspend()
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "its end")
    server.start()
    server.stop()


def test_where_a_worker_hangs_is_told(tmp_path: Path) -> None:
    """One whose event loop is blocked gets to say where."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, threading, time\n"
        "if '--channel' in sys.argv:\n"
        "    import asyncio\n"
        "    def hang_here():\n"
        "        time.sleep(600)\n"
        "    original = asyncio.create_task\n"
        "    def create_task(coroutine, **options):\n"
        "        if 'Channel._beat' in getattr(coroutine, '__qualname__', ''):\n"
        "            asyncio.get_running_loop().call_later(0.5, hang_here)\n"
        "        return original(coroutine, **options)\n"
        "    asyncio.create_task = create_task\n"
    )
    server = build_zajil(tmp_path, worker_silence_s_max="2")
    server.env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    server.start()
    try:
        for told in ("no sign of life", "hang_here", "was ended by SIGABRT; the next starts now"):
            wait_for(lambda told=told: told in server.log.read_text(), told)
    finally:
        server.kill()


def test_a_worker_that_has_grown_too_large_is_replaced(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, worker_memory_max="16M").start()
    try:
        worker = find_worker(server)
        wait_for(lambda: "MiB and is replaced" in server.log.read_text(), "it")
        wait_for(lambda: find_worker(server) not in (worker, None), "the next one")
        assert server.answers()
        time.sleep(2.5)
        assert server.log.read_text().count("MiB and is replaced") == 1, (
            "the next one is as large, but it is left alone for a while"
        )
    finally:
        server.kill()


class ServiceManager:
    """Starts the server again whenever it has ended, as systemd does."""

    def __init__(self, server: Server) -> None:
        command = f"while true; do {' '.join(server.command)}; done"
        with server.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                env=build_environment(server.env),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(120)


async def kill_supervisor_under_traffic(folder: Path, kills: int, rate: float, clients: int) -> float:
    server = build_zajil(folder, status="on")
    manager = ServiceManager(server)
    try:
        wait_for(server.answers, "an answer")
        traffic = await Traffic.prepare(server.base, server.port, clients, retries=True)
        cuts = []

        async def work() -> None:
            for _ in range(kills):
                pid = int((server.data / "zajil.lock").read_text())
                cuts.append(time.monotonic())
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(3.0)

        await traffic.run(rate, work)
        back = max(traffic.back_seconds(cut) for cut in cuts)
        print(f"{kills} x SIGKILL of the supervisor: back in at most {back:.2f} s; {traffic.describe()}")
        traffic.judge()
        return back
    finally:
        manager.stop()


async def test_a_killed_supervisor_comes_back_and_loses_nothing(tmp_path: Path) -> None:
    await kill_supervisor_under_traffic(tmp_path, 1, 40, 20)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_killed_supervisor_is_back_soon_at_full_size(tmp_path: Path) -> None:
    assert await kill_supervisor_under_traffic(tmp_path, 5, 200, 200) <= SUPERVISOR_BACK_SECONDS_MAX
