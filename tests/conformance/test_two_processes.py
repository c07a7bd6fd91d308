"""Two processes that serve side by side on one database, as during a reload: what the one is told of the other, and what it need not forget."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server
from tests.conformance.syncer import Syncer, meet

from zajil.ports.database import Stream, Touch
from zajil.services.federation.destinations import queue_edu
from zajil.services.federation.senders import CHANGED

V3 = "/_matrix/client/v3"
HANG_S = 300.0
"""So long nothing takes, on the slowest machine either, but what hangs."""


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[tuple[InProcessServer, InProcessServer]]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_server(tmp_path))
        first.app.db.share_turn()
        second = await stack.enter_async_context(running_server(tmp_path))
        second.app.db.share_turn()
        yield first, second


def at(server: InProcessServer, client: Client) -> Client:
    """The same device, which asks this process."""
    return dataclasses.replace(client, server=server)


async def send(client: Client, room_id: str, body: str) -> str:
    answer = await client.put(
        f"{V3}/rooms/{q(room_id)}/send/m.room.message/{body}", {"msgtype": "m.text", "body": body}
    )
    return str(answer.ok()["event_id"])


def events_of(answer: dict[str, Any], room_id: str) -> list[str]:
    timeline = answer.get("rooms", {}).get("join", {}).get(room_id, {}).get("timeline", {})
    return [event["event_id"] for event in timeline.get("events", [])]


def ephemeral_of(answer: dict[str, Any], room_id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = (
        answer.get("rooms", {}).get("join", {}).get(room_id, {}).get("ephemeral", {}).get("events", [])
    )
    return events


def park(syncer: Syncer) -> asyncio.Task[dict[str, Any]]:
    return asyncio.create_task(syncer.sync(timeout=30_000, set_presence="offline"))


async def sync_until(
    syncer: Syncer, holds: Callable[[dict[str, Any]], object], parked: asyncio.Task[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The first answer of which something holds; beginning with a sync that is parked already, if there is one."""
    async with asyncio.timeout(HANG_S):
        answer = await (parked or park(syncer))
        while not holds(answer):
            answer = await park(syncer)
    return answer


async def settle(*syncers: Syncer) -> None:
    """Until nobody has any more news."""
    for _ in range(3):
        for each in syncers:
            await each.sync(set_presence="offline")


async def test_a_message_sent_at_the_one_disturbs_nobody_else_at_the_other(
    processes: tuple[InProcessServer, InProcessServer],
) -> None:
    first, second = processes
    anna, ben, carl = [await first.register(name) for name in ("anna", "ben", "carl")]
    theirs, other = await meet(anna, ben), await meet(carl)
    b, c = Syncer(at(second, ben)), Syncer(at(second, carl))
    await second.app.db.catch_up()
    await settle(b, c)
    kept = second.app.rooms.known(other)
    assert kept is not None
    parked, undisturbed = park(b), park(c)
    await asyncio.sleep(0.05)
    sent = await send(anna, theirs, "hello")
    answer = await asyncio.wait_for(parked, HANG_S)
    assert events_of(answer, theirs) == [sent]
    assert not undisturbed.done()
    assert second.app.rooms.known(other) is kept
    # What is sent here next knows of it.
    reply = await send(at(second, ben), theirs, "and you")
    event = (await at(second, ben).get(f"{V3}/rooms/{q(theirs)}/messages?dir=b&limit=2")).ok()["chunk"]
    assert [each["event_id"] for each in event] == [reply, sent]
    own = await send(carl, other, "mine")
    assert events_of(await asyncio.wait_for(undisturbed, HANG_S), other) == [own]


async def test_who_joined_at_the_one_is_a_member_at_the_other(
    processes: tuple[InProcessServer, InProcessServer],
) -> None:
    first, second = processes
    anna, ben = await first.register("anna"), await first.register("ben")
    room_id = await meet(anna)
    b = Syncer(at(second, ben))
    await settle(b)
    parked = park(b)
    await asyncio.sleep(0.05)
    (await ben.post(f"{V3}/join/{q(room_id)}")).ok()
    sent = await send(anna, room_id, "welcome")
    await sync_until(b, lambda answer: sent in events_of(answer, room_id), parked)


async def test_unread_messages_are_counted_wherever_they_were_sent(
    processes: tuple[InProcessServer, InProcessServer],
) -> None:
    first, second = processes
    anna, ben = await first.register("anna"), await first.register("ben")
    room_id = await meet(anna, ben)
    b = Syncer(at(second, ben))
    await settle(b)
    counts = []
    for number, client in enumerate((anna, at(second, anna), anna)):
        sent = await send(client, room_id, f"m{number}")
        answer = await sync_until(b, lambda answer, sent=sent: sent in events_of(answer, room_id))
        counts.append(answer["rooms"]["join"][room_id]["unread_notifications"]["notification_count"])
    assert counts == [1, 2, 3]


@pytest.mark.skipif(
    os.environ.get("ZAJIL_TEST_DATABASE") == "postgres", reason="there it goes over the bus: test_node_signals.py"
)
async def test_what_was_delivered_at_the_one_is_told_at_the_other(
    processes: tuple[InProcessServer, InProcessServer],
) -> None:
    first, second = processes
    anna, ben = await first.register("anna"), await first.register("ben")
    room_id = await meet(anna, ben)
    a, b = Syncer(at(second, anna)), Syncer(ben)
    await settle(a, b)
    await first.app.delivered.tell()
    sent = await send(at(second, anna), room_id, "hello")
    await settle(a)
    await first.app.db.catch_up()
    parked = park(a)
    for _ in range(2):
        await b.sync(set_presence="offline")  # receives it, and confirms it
    await first.app.delivered.tell()
    await first.app.delivered.write()
    answer = await sync_until(a, lambda answer: ephemeral_of(answer, room_id), parked)
    told = next(each for each in ephemeral_of(answer, room_id) if each["type"] == "org.zajil.delivered")
    assert sent in str(told["content"])


def hear(server: InProcessServer) -> list[Touch]:
    """What this process is told of others' commits, from now on."""
    heard: list[Touch] = []
    server.app.db.subscribe(lambda _position, _touches: None, lambda _position, touches: heard.extend(touches))
    return heard


@pytest.mark.skipif(os.environ.get("ZAJIL_TEST_DATABASE") == "postgres", reason="there it takes until the next look")
async def test_what_a_process_queues_as_it_ends_is_for_the_other_to_send(
    processes: tuple[InProcessServer, InProcessServer],
) -> None:
    first, second = processes
    await second.app.db.catch_up()
    heard = hear(second)
    await first.app.destinations.stop()
    await second.app.db.catch_up()
    heard.clear()
    await first.app.db.write(lambda tx: queue_edu(first.app, tx, "other.test", "m.direct_to_device", {}))
    await second.app.db.catch_up()
    assert (Stream.FEDERATION, CHANGED) in heard


@pytest.mark.skipif(os.environ.get("ZAJIL_TEST_DATABASE") == "postgres", reason="there it takes until the next look")
async def test_the_other_looks_at_once_for_pushes_that_were_broken_off(tmp_path: Path) -> None:
    async with running_server(tmp_path) as stays:
        async with running_server(tmp_path) as goes:
            goes.app.db.share_turn()
            await stays.app.db.catch_up()
            heard = hear(stays)
        await stays.app.db.catch_up()
        assert any(stream is Stream.PUSHERS for stream, _ in heard)


async def test_a_room_published_at_the_one_is_published_at_the_other(
    processes: tuple[InProcessServer, InProcessServer],
) -> None:
    first, second = processes
    anna = await first.register("anna")
    room_id = await meet(anna)
    await second.app.db.catch_up()
    head = await second.app.rooms.find(second.app.db.reader, room_id, second.app.db.position)
    assert head is not None and not head.row.is_public
    (await anna.put(f"{V3}/directory/list/room/{q(room_id)}", {"visibility": "public"})).ok()
    await send(anna, room_id, "and so that the other looks, whatever the engine")
    await second.app.db.catch_up()
    head = await second.app.rooms.find(second.app.db.reader, room_id, second.app.db.position)
    assert head is not None and head.row.is_public
