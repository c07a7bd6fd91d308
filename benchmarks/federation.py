"""What a worker takes in from another server, and what its own users notice of it.

    python -m benchmarks.federation [--events 10000] [--batch 50] [--rate 0]

Two servers in one process without sockets: the one that is measured, and one in whose name transactions were made and signed beforehand, each event
following the last. The other server sends one transaction after the other, as fast as they are taken or `--rate` events a second. Meanwhile four
people of this server write to a room of their own, as they did before, when there was nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import orjson
from tests.client import Client, q
from tests.simulation.network import Network, running_network

from zajil.core.events import Event, build_event
from zajil.core.request_signing import build_request_header
from zajil.main.garbage import GarbageSearch

V3 = "/_matrix/client/v3"
HERE, THERE = "here.test", "there.test"
PEOPLE = 4
PAUSE_S = 0.02
ALONE_S = 5.0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000, help="events in all")
    parser.add_argument("--batch", type=int, default=50, help="events in a transaction, at most 50")
    parser.add_argument("--rate", type=int, default=0, help="events a second; 0: as fast as they are taken")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with running_network(Path(folder), (HERE, THERE)) as network:
            await measure(network, given.events, given.batch, given.rate)


async def measure(network: Network, count: int, batch: int, rate: int) -> None:
    here, there = network.servers[HERE], network.servers[THERE]
    host, guest = await here.register("host"), await there.register("guest")
    room_id = (await host.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
    (await guest.post(f"{V3}/join/{q(room_id)}?via={HERE}")).ok()
    await network.settle()
    events = await build_chain(network, guest, room_id, count)
    transactions = [build_transaction(network, events[start : start + batch]) for start in range(0, count, batch)]
    own_room_id = (await host.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
    people = [await here.register(f"person{number}") for number in range(PEOPLE)]
    for person in people:
        (await person.post(f"{V3}/join/{q(own_room_id)}")).ok()

    # As a worker does: searches among what is old have times of their own.
    GarbageSearch(time.monotonic, lambda: True).begin()
    alone, beside = Writing(people, own_room_id), Writing(people, own_room_id)
    async with alone:
        await asyncio.sleep(ALONE_S)
    async with beside:
        began = time.perf_counter()
        for number, (client, path, body) in enumerate(transactions):
            answer = (await client.call("PUT", path, body)).ok()
            bad = {event_id: each for event_id, each in answer["pdus"].items() if each}
            assert not bad, bad
            if rate:
                due_s = began + (number + 1) * batch / rate
                await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        took_s = time.perf_counter() - began
    print(f"{count / took_s:,.0f} events/s in transactions of {batch}, verified, authorised and on disk")
    print(f"local sends alone:     {alone.describe()}")
    print(f"local sends meanwhile: {beside.describe()}")


async def build_chain(network: Network, guest: Client, room_id: str, count: int) -> list[Event]:
    """Messages of the guest, made by the other server's own hand."""
    app = network.servers[THERE].app
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    assert head is not None
    member = await app.rooms.member(app.db.reader, head, guest.user_id)
    levels = head.rest["m.room.power_levels", ""]
    assert member is not None
    prev, depth = list(head.row.extremities), head.row.depth
    events = []
    for number in range(count):
        depth += 1
        event = build_event(
            head.rules,
            room_id=room_id,
            type="m.room.message",
            sender=guest.user_id,
            content={"msgtype": "m.text", "body": f"message {number} " + "x" * 100},
            prev_events=prev,
            auth_events=[levels.event.event_id, member.event.event_id],
            depth=depth,
            origin_server_ts=app.clock.now_ms(),
            sign=app.sign_event,
        )
        prev = [event.event_id]
        events.append(event)
    return events


def build_transaction(network: Network, events: list[Event]) -> tuple[Client, str, bytes]:
    """Who sends it, where, and what."""
    app = network.servers[THERE].app
    content = {"origin": THERE, "origin_server_ts": app.clock.now_ms(), "pdus": [each.pdu for each in events], "edus": []}
    path = f"/_matrix/federation/v1/send/{events[0].event_id[1:]}"
    client = Client(network.servers[HERE])
    client.headers["authorization"] = build_request_header("PUT", path, THERE, HERE, content, app.signing_key)
    return client, path, orjson.dumps(content)


class Writing:
    """People who write for as long as the block runs, each with a pause after every message."""

    def __init__(self, people: list[Client], room_id: str) -> None:
        self._people = people
        self._room_id = room_id
        self._tasks: list[asyncio.Task[None]] = []
        self.times: list[float] = []

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(self._write(person)) for person in self._people]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self, person: Client) -> None:
        while True:
            path = f"{V3}/rooms/{q(self._room_id)}/send/m.room.message/{id(self)}_{len(self.times)}_{person.user_id}"
            began = time.perf_counter()
            (await person.put(path, {"msgtype": "m.text", "body": "x"})).ok()
            self.times.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_S)

    def describe(self) -> str:
        parts = statistics.quantiles(self.times, n=100)
        return f"p50 {parts[49] * 1000:.2f} ms, p99 {parts[98] * 1000:.2f} ms, {len(self.times)} sends"


if __name__ == "__main__":
    asyncio.run(main())
