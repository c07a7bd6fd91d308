"""What a worker takes in from another server: events verified, authorised and on disk, a second.

    python -m benchmarks.federation [--events 5000] [--batch 50]

Two servers in one process without sockets: the one that is measured, and one in whose name events were made beforehand, each following the last.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tests.client import Client, q
from tests.simulation.network import Link, Network, running_network

from zajil.core.events import Event, build_event
from zajil.ports.federation import FederationRequest

V3 = "/_matrix/client/v3"
HERE, THERE = "here.test", "there.test"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000, help="events in all")
    parser.add_argument("--batch", type=int, default=50, help="events in a transaction, at most 50")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with running_network(Path(folder), (HERE, THERE)) as network:
            await measure(network, given.events, given.batch)


async def measure(network: Network, count: int, batch: int) -> None:
    here, there = network.servers[HERE], network.servers[THERE]
    host, guest = await here.register("host"), await there.register("guest")
    room_id = (await host.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
    (await guest.post(f"{V3}/join/{q(room_id)}?via={HERE}")).ok()
    await network.settle()
    events = await build_chain(network, guest, room_id, count)
    link = Link(network, there.app)
    own_room_id = (await host.post(f"{V3}/createRoom", {})).ok()["room_id"]
    alone = await time_sends(host, own_room_id, 200)
    sends: list[float] = []
    sending = asyncio.create_task(send_beside(host, own_room_id, sends))
    began = time.perf_counter()
    for start in range(0, count, batch):
        content = {"pdus": [event.pdu for event in events[start : start + batch]], "edus": []}
        answer = await link.request(
            FederationRequest(HERE, "PUT", f"/_matrix/federation/v1/send/{start}", content=content)
        )
        bad = {event_id: each for event_id, each in answer["pdus"].items() if each}
        assert not bad, bad
    took_s = time.perf_counter() - began
    sending.cancel()
    print(f"{count / took_s:,.0f} events/s in transactions of {batch}, verified, authorised and on disk")
    print(f"local sends: p99 {p99_ms(alone):.1f} ms alone, {p99_ms(sends):.1f} ms meanwhile ({len(sends)} sends)")


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


async def time_sends(person: Client, room_id: str, count: int) -> list[float]:
    times = []
    for number in range(count):
        began = time.perf_counter()
        (await person.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/alone{number}", {"body": "x"})).ok()
        times.append(time.perf_counter() - began)
    return times


async def send_beside(person: Client, room_id: str, times: list[float]) -> None:
    """Twenty a second."""
    while True:
        times += await time_sends_once(person, room_id, len(times))
        await asyncio.sleep(0.05)


async def time_sends_once(person: Client, room_id: str, number: int) -> list[float]:
    began = time.perf_counter()
    (await person.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/beside{number}", {"body": "x"})).ok()
    return [time.perf_counter() - began]


def p99_ms(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1] * 1000


if __name__ == "__main__":
    asyncio.run(main())
