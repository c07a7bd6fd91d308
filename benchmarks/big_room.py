"""What a room's size costs its senders: `python -m benchmarks.big_room` (10,000 joined local members against 10).

Two rooms on one server; one sender alternates between them in blocks. The members are accounts of this server that joined
over the API, as guests, because registering 10,000 passwords would take longer than everything else.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from tests.conversations.account import Account
from tests.servers import start_zajil

JOINS_AT_ONCE = 16
BLOCKS, SENDS_PER_BLOCK = 40, 50
WARM_UP_SENDS = 50
BAR_RATIO = 1.3


@dataclass
class Cost:
    members: int
    p50_ms: float
    mean_ms: float


async def fill_room(base: str, connections: aiohttp.ClientSession, owner: Account, members: int) -> str:
    guest_access = {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "can_join"}}
    room_id = await owner.create_room(preset="public_chat", initial_state=[guest_access])
    gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def join() -> None:
        async with gate:
            guest = Account(base, connections)
            answer = await guest.call("POST", "/register", {}, {"kind": "guest"})
            guest.token = answer["access_token"]
            await guest.join(room_id)

    began = time.monotonic()
    await asyncio.gather(*(join() for _ in range(members - 1)))
    print(f"{members:,} members joined in {time.monotonic() - began:.0f} s", flush=True)
    return room_id


async def measure(base: str, sizes: list[int]) -> list[Cost]:
    """The cost of one send after the other into a room of each size, in alternating blocks."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=JOINS_AT_ONCE * 2)) as connections:
        owner = await Account(base, connections).register("owner")
        rooms = [await fill_room(base, connections, owner, size) for size in sizes]
        for room_id in rooms:
            for _ in range(WARM_UP_SENDS):
                await owner.send_text(room_id, "x" * 700)
        times: list[list[float]] = [[] for _ in sizes]
        for block in range(BLOCKS):
            order = range(len(sizes)) if block % 2 == 0 else reversed(range(len(sizes)))
            for index in order:
                for _ in range(SENDS_PER_BLOCK):
                    began = time.perf_counter()
                    await owner.send_text(rooms[index], "x" * 700)
                    times[index].append((time.perf_counter() - began) * 1000)
    return [
        Cost(size, statistics.median(spent), statistics.fmean(spent)) for size, spent in zip(sizes, times, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zajil-big-room-") as folder:
        server = start_zajil(Path(folder), guest_access="on")
        try:
            small, big = asyncio.run(measure(server.base, [10, options.members]))
        finally:
            server.kill()
    for cost in (small, big):
        print(f"{cost.members:>7,} members: p50 {cost.p50_ms:.2f} ms, mean {cost.mean_ms:.2f} ms")
    ratio = big.p50_ms / small.p50_ms
    verdict = "pass" if ratio <= BAR_RATIO else "FAIL"
    print(
        f"ratio of the medians {ratio:.2f}, of the means {big.mean_ms / small.mean_ms:.2f}; bar ≤ {BAR_RATIO}: {verdict}"
    )


if __name__ == "__main__":
    main()
