"""`kill -9` of the whole server at random instants under load: nothing acknowledged is lost, doubled or out of order.

The seed is printed; ZAJIL_KILL_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.conversations.load import READER_VARIANTS, Load
from tests.conversations.patience import Patience
from tests.conversations.synced_client import SyncedClient
from tests.postgres_server import shared_postgres
from tests.servers import (
    Server,
    build_environment,
    build_zajil,
    build_zajil_command,
    build_zajil_env,
    find_place,
    start_synapse,
)

SENDERS, ROOMS = 6, 3
ROUNDS, ROUNDS_SOAK = 4, 50
LOAD_SECONDS_MAX = 1.2
BACK_SECONDS_MAX = 30.0
BACKUP_SECONDS_MAX = 120.0
ENGINES = ["sqlite"] if os.environ.get("ZAJIL_TEST_SERVER") == "synapse" else ["sqlite", "postgres"]


def choose_seed() -> int:
    seed = int(os.environ.get("ZAJIL_KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"ZAJIL_KILL_SEED={seed}")
    return seed


@pytest.fixture
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    """A server of this test alone; parametrised with "postgres" it keeps its data there."""
    if getattr(request, "param", "") == "postgres":
        return build_zajil(tmp_path, database=shared_postgres().make_database()).start()
    if os.environ.get("ZAJIL_TEST_SERVER") == "synapse":
        return start_synapse(tmp_path)
    return build_zajil(tmp_path).start()


@pytest_asyncio.fixture
async def load(own_server: Server) -> AsyncIterator[Load]:
    connector = aiohttp.TCPConnector(limit=0, force_close=False)
    async with aiohttp.ClientSession(connector=connector) as connections:
        yield await Load.prepare(own_server.base, connections, SENDERS, ROOMS)
    own_server.kill()


async def wait_until_back(server: Server, load: Load) -> None:
    """Until a send made since the restart is accepted; what everybody was doing is told when that takes too long."""
    patience = Patience(BACK_SECONDS_MAX)
    while not load.first_ack_at:
        load.check_running()
        assert server.process is not None and server.process.poll() is None, f"it ended:\n{server.log_tail()}"
        if patience.is_over:
            pytest.fail(f"no send accepted again:\n{describe_standstill(server, load)}")
        await patience.pause(0.005)


def describe_standstill(server: Server, load: Load) -> str:
    parts = [f"log of the server:\n{server.log_tail()}", f"senders:\n{load.describe_senders()}"]
    if "--database" in server.command:
        url = server.command[server.command.index("--database") + 1]
        parts.append(f"PostgreSQL:\n{shared_postgres().describe_activity(url)}")
    return "\n\n".join(parts)


async def run_rounds(server: Server, load: Load, chance: random.Random, rounds: int) -> list[float]:
    """Kill and restart under load; return the seconds from each start to the first send accepted."""
    load.start()
    restarts = []
    for number in range(rounds):
        await asyncio.sleep(chance.uniform(0.05, LOAD_SECONDS_MAX))
        server.kill()
        began = time.monotonic()
        load.reset_first_acknowledgement()
        server.launch()
        await wait_until_back(server, load)
        restarts.append(load.first_ack_at - began)
        print(f"round {number}: {load.count_acknowledged()} acknowledged, back in {restarts[-1]:.2f} s")
    await load.finish()
    return restarts


@pytest.mark.parametrize("own_server", ENGINES, indirect=True)
async def test_kill_at_random_instants_loses_nothing(own_server: Server, load: Load) -> None:
    await run_rounds(own_server, load, random.Random(choose_seed()), ROUNDS)
    assert load.count_acknowledged() > ROUNDS * SENDERS, "hardly anything was sent: the test proves nothing"
    await load.check()


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("own_server", ENGINES, indirect=True)
async def test_kill_at_random_instants_loses_nothing_in_many_rounds(own_server: Server, load: Load) -> None:
    restarts = await run_rounds(own_server, load, random.Random(choose_seed()), ROUNDS_SOAK)
    print(f"slowest restart to the first accepted send: {max(restarts):.2f} s")
    await load.check()


def launch_backup(server: Server, target: Path) -> subprocess.Popen[bytes]:
    command = build_zajil_command("backup", str(target), *find_place(server))
    return subprocess.Popen(
        command,
        env=build_environment(build_zajil_env()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="backup is a command of Zajil")
async def test_kill_during_a_backup_loses_nothing(own_server: Server, load: Load, tmp_path: Path) -> None:
    chance = random.Random(choose_seed())
    load.start()
    await asyncio.sleep(0.5)
    backup = launch_backup(own_server, tmp_path / "broken")
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    backup.kill()
    own_server.kill()
    backup.wait()
    own_server.launch()

    # After the crash a backup of the running server works, and what it holds can be served.
    load.reset_first_acknowledgement()
    await wait_until_back(own_server, load)
    promised = {sent.event_id: sent for sender in load.senders for sent in sender.sent if sent.event_id}
    backup = launch_backup(own_server, tmp_path / "good")
    output, _ = await asyncio.to_thread(backup.communicate, None, BACKUP_SECONDS_MAX)
    assert backup.returncode == 0, f"zajil backup failed:\n{output.decode()}"
    await load.finish()
    await load.check()
    own_server.kill()
    await check_restored(load, promised, tmp_path)


async def check_restored(load: Load, promised: dict[str, object], folder: Path) -> None:
    """What was acknowledged before the backup began is in the server restored from it; its clients stay logged in."""
    restored = build_zajil(folder / "restored")
    command = build_zajil_command("restore", str(folder / "good"), *find_place(restored))
    done = subprocess.run(
        command, env=build_environment(build_zajil_env()), capture_output=True, text=True, timeout=BACKUP_SECONDS_MAX
    )
    assert done.returncode == 0, f"zajil restore failed:\n{done.stdout}\n{done.stderr}"
    restored.start()
    try:
        account = load.senders[0].account
        account.base = restored.base
        client = SyncedClient(account, READER_VARIANTS[0])
        await client.sync()
        found: set[str] = set()
        for room_id in load.rooms:
            room = client.rooms[room_id]
            assert room.prev_batch is not None
            older = await client.load_older(room_id, room.prev_batch, room.timeline, set())
            found |= {event["event_id"] for event in [*older, *room.timeline]}
        lost = set(promised) - found
        assert not lost, f"{len(lost)} of {len(promised)} events acknowledged before the backup are not in it"
    finally:
        restored.kill()
