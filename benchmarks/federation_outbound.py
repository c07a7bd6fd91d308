"""How long messages take to other servers, while some of these are dead and some are slow.

    python -m benchmarks.federation_outbound [--seconds 20] [--rate 10]

A server as it runs in production, and fifty others over TLS on loopback, in a process of their own, with one user each in one room: 35 that answer at once,
five that take five seconds for each transaction, and ten that are dead (five refuse connections, five accept them and never say a word). Somebody sends
messages at a steady rate. Measured is the time from the moment before a message is sent until a healthy server has it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
from tests.conversations.account import Account
from tests.federation.listening_server import ListeningServer
from tests.federation.peers import Authority, make_authority
from tests.servers import build_zajil

HEALTHY, SLOW, DEAD = 35, 5, 10
SLOW_S = 5.0
VERSION = "11"
SETTLING_S = 3.0
GRACE_S = 10.0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="how long messages are sent")
    parser.add_argument("--rate", type=float, default=10, help="messages a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = make_authority(folder / "authority")
        zajil = build_zajil(folder, federation_ca=str(authority.ca), federation_networks="127.0.0.0/8").start()
        try:
            await measure(zajil.base, authority, given.seconds, given.rate)
        finally:
            zajil.stop()


async def measure(base: str, authority: Authority, seconds: int, rate: float) -> None:
    async with aiohttp.ClientSession() as connections:
        anna = await Account(base, connections).register("anna")
        room_id = await anna.create_room(preset="public_chat", room_version=VERSION)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        others = multiprocessing.get_context("spawn").Process(
            target=run_others, args=(theirs, authority, base, room_id), daemon=True
        )
        others.start()
        await asyncio.to_thread(ours.recv)  # all have joined
        await asyncio.sleep(SETTLING_S)
        sent_s: dict[str, float] = {}
        began_s = time.monotonic()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, began_s + number / rate - time.monotonic()))
            text = f"message {number}"
            sent_s[text] = time.monotonic()
            await anna.send_text(room_id, text)
        ours.send(len(sent_s))
        arrivals: list[list[tuple[str, float]]] = await asyncio.to_thread(ours.recv)
        others.join()
    report(sent_s, arrivals)


def report(sent_s: dict[str, float], arrivals: list[list[tuple[str, float]]]) -> None:
    times = [came_s - sent_s[text] for of_server in arrivals for text, came_s in of_server]
    lost = sum(len(sent_s) - len({text for text, _ in of_server}) for of_server in arrivals)
    parts = statistics.quantiles(times, n=100)
    print(f"{len(sent_s)} messages to {HEALTHY} healthy servers of {HEALTHY + SLOW + DEAD}: {len(times)} arrivals, {lost} missing")
    print(f"from sending to arrival: p50 {parts[49] * 1000:.1f} ms, p99 {parts[98] * 1000:.1f} ms, longest {max(times) * 1000:.1f} ms")


def run_others(connection: Connection, authority: Authority, base: str, room_id: str) -> None:
    """The process of the other servers."""
    asyncio.run(serve_others(connection, authority, base, room_id))


async def serve_others(connection: Connection, authority: Authority, base: str, room_id: str) -> None:
    healthy = [ListeningServer(authority) for _ in range(HEALTHY)]
    slow = [ListeningServer(authority, lambda: asyncio.sleep(SLOW_S)) for _ in range(SLOW)]
    dead = [ListeningServer(authority) for _ in range(DEAD)]
    for each in (*healthy, *slow, *dead):
        await each.start()
        await each.join(base, "localhost", room_id, VERSION)
    silent = []
    for number, each in enumerate(dead):
        await each.stop()
        if number % 2:
            silent.append(await asyncio.start_server(stay_silent, "127.0.0.1", each.port))
    connection.send(None)
    count = await asyncio.to_thread(connection.recv)
    deadline_s = time.monotonic() + GRACE_S
    while time.monotonic() < deadline_s and any(len(set(each.texts())) < count for each in healthy):
        await asyncio.sleep(0.1)
    connection.send(
        [
            [(each.event["content"]["body"], each.came_s) for each in server.arrivals if "body" in each.event["content"]]
            for server in healthy
        ]
    )
    for listener in silent:
        listener.close()
    for each in (*healthy, *slow):
        await each.stop()


async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await reader.read()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
