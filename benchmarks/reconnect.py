"""Everybody comes back at once after a cut: `python -m benchmarks.reconnect --clients 5000`.

Clients that were in sync ask again in the same instant, each on a connection of its own, as after a break of the network. Each has missed one
message. Those who are refused wait as they are told. Meanwhile conversations go on. Published: the time until all are in sync
again, what was refused, what the conversations saw, and the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop
from benchmarks.flood_client import Connection, Pool, build_request, build_send
from benchmarks.flood_load import Live
from benchmarks.flood_people import People, Person, prepare
from tests.servers import Server, build_zajil

TALKERS = 40
TALK_RATE = 20.0
BACK_S_MAX = 300.0
PREPARING_AT_ONCE = 16
FILTER = (
    '{"room":{"timeline":{"limit":10}},"presence":{"types":[]}}'.replace('"', "%22")
    .replace("{", "%7B")
    .replace("}", "%7D")
)


@dataclass
class Return:
    """What became of the reconnection."""

    clients: int
    seconds: float = 0.0
    refusals: int = 0
    told_s_max: float = 0.0
    refused_twice: int = 0
    """Clients that were refused although they came when they were told to."""
    missed: int = 0
    sends: dict[int, int] = field(default_factory=dict)
    send_p99_ms: float = 0.0
    memory_before_mib: float = 0.0
    memory_after_mib: float = 0.0

    def describe(self) -> str:
        return (
            f"{self.clients:,} clients at once: all in sync again after {self.seconds:.1f} s; {self.refusals:,} refusals, longest told "
            f"{self.told_s_max:.1f} s, again refused {self.refused_twice:,}; missed messages {self.missed}; sends meanwhile {self.sends}, "
            f"p99 {self.send_p99_ms:.1f} ms; memory {self.memory_before_mib:.0f} → {self.memory_after_mib:.0f} MiB"
        )


def read_memory_mib(server: Server) -> float:
    supervisor = psutil.Process(server.pid)
    return sum(each.memory_info().rss for each in [supervisor, *supervisor.children(recursive=True)]) / 2**20


async def sync_first(pool: Pool, person: Person) -> str:
    while True:
        answer = await pool.ask(build_request("GET", f"/_matrix/client/v3/sync?filter={FILTER}", person.token))
        if answer.status == 200:
            return str(answer.json()["next_batch"])
        await asyncio.sleep(answer.retry_after_ms / 1000)


async def come_back(port: int, person: Person, since: str, expected: str, result: Return) -> None:
    """Sync until the message that was missed is there; then the client is in sync again."""
    loop = asyncio.get_running_loop()
    was_refused = False
    path = f"/_matrix/client/v3/sync?filter={FILTER}&timeout=30000&set_presence=offline&since={since}"
    while True:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        answer = await connection.ask(build_request("GET", path, person.token))
        assert connection.transport is not None
        connection.transport.close()
        if answer.status == 429:
            result.refusals += 1
            result.refused_twice += was_refused
            was_refused = True
            result.told_s_max = max(result.told_s_max, answer.retry_after_ms / 1000)
            await asyncio.sleep(answer.retry_after_ms / 1000)
            continue
        if answer.status != 200:
            raise SystemExit(f"a sync was answered {answer.status}: {answer.body[:300]!r}")
        result.missed += expected.encode() not in answer.body
        return


async def reconnect(server: Server, people: People, clients: int, seed: int) -> Return:
    """Bring everybody in sync, let each miss a message, and let all come back at once."""
    result = Return(clients)
    pool = Pool(server.port)
    talkers, returning = people.live[:TALKERS], people.chain[:clients]
    since: dict[str, str] = {}
    for at in range(0, clients, PREPARING_AT_ONCE):
        some = returning[at : at + PREPARING_AT_ONCE]
        for person, token in zip(some, await asyncio.gather(*(sync_first(pool, each) for each in some)), strict=True):
            since[person.user_id] = token
    expected: dict[str, str] = {}
    for number, person in enumerate(returning[::2]):
        answer = await pool.ask(build_send(person.token, person.direct, f"missed{number}.{time.time_ns()}"))
        while answer.status == 429:
            await asyncio.sleep(answer.retry_after_ms / 1000)
            answer = await pool.ask(build_send(person.token, person.direct, f"missed{number}.{time.time_ns()}"))
        expected[person.direct] = answer.json()["event_id"]
    live = Live(server.port, talkers, seed, listens=False)
    await live.begin()
    result.memory_before_mib = read_memory_mib(server)
    talking = asyncio.ensure_future(live.run(TALK_RATE, time.monotonic(), time.monotonic() + BACK_S_MAX))
    mixed = random.Random(seed).sample(returning, clients)
    began_s = time.monotonic()
    async with asyncio.timeout(BACK_S_MAX):
        await asyncio.gather(
            *(come_back(server.port, each, since[each.user_id], expected[each.direct], result) for each in mixed)
        )
    result.seconds = time.monotonic() - began_s
    result.memory_after_mib = read_memory_mib(server)
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    result.sends = dict(Counter(live.statuses))
    ordered = sorted(live.figures.latencies_ms)
    result.send_p99_ms = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
    pool.close()
    return result


def measure(template: Path, people: People, clients: int, *, capacity: int = 0, seed: int = 1) -> Return:
    with tempfile.TemporaryDirectory(prefix="zajil-return-") as folder:
        shutil.copytree(template / "data", Path(folder) / "data")
        server = build_zajil(Path(folder), capacity_max=str(capacity), connections_max="20000").start()
        try:
            return uvloop.run(reconnect(server, people, clients, seed))
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument(
        "--capacity", type=int, default=0, help="requests per second; 0 is as many as the machine can do"
    )
    parser.add_argument("--folder", type=Path, help="keep the people here, for further runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zajil-people-") as folder:
        template = options.folder or Path(folder)
        people = prepare(template, live=TALKERS, chain=options.clients)
        print(measure(template, people, options.clients, capacity=options.capacity).describe())


if __name__ == "__main__":
    main()
