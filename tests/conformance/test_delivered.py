"""The delivered signal (`org.zajil.delivered`): senders learn that a device of the recipient has their message."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server
from tests.conformance.syncer import Syncer, meet, meet_two

V3 = "/_matrix/client/v3"


async def send(client: Client, room_id: str, txn_id: str) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{txn_id}"
    return (await client.put(path, {"msgtype": "m.text", "body": txn_id})).ok()["event_id"]


def deliveries(answer: dict[str, Any], room_id: str) -> dict[str, str]:
    """Event IDs by recipient."""
    events = answer.get("rooms", {}).get("join", {}).get(room_id, {}).get("ephemeral", {}).get("events", [])
    found = [event["content"] for event in events if event["type"] == "org.zajil.delivered"]
    assert len(found) <= 1
    for content in found:
        for entry in content.values():
            assert set(entry) == {"event_id", "ts"}
            assert isinstance(entry["ts"], int)
    return {user_id: entry["event_id"] for user_id, entry in (found[0] if found else {}).items()}


async def settle(server: InProcessServer) -> None:
    await server.app.delivered.tell()


async def catch_up(server: InProcessServer, *syncers: Syncer) -> None:
    """Everybody has everything, and has said so."""
    for _ in range(3):
        for syncer in syncers:
            await syncer.sync(set_presence="offline")
        await settle(server)


async def test_the_sender_hears_when_the_next_sync_passes_the_message(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room_id, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await catch_up(server, a, b)
        await send(anna, room_id, "one")
        last = await send(anna, room_id, "two")
        await a.sync(set_presence="offline")
        await b.sync(set_presence="offline")  # ben's device receives both
        await settle(server)
        assert deliveries(await a.sync(set_presence="offline"), room_id) == {}
        parked = asyncio.create_task(a.sync(timeout=5000, set_presence="offline"))
        await asyncio.sleep(0.01)
        answer = await b.sync(set_presence="offline")  # and confirms them
        assert deliveries(answer, room_id) == {}
        assert deliveries(await asyncio.wait_for(parked, 2), room_id) == {ben.user_id: last}
        assert deliveries(await a.sync(set_presence="offline"), room_id) == {}
        assert deliveries(await Syncer(anna).sync(), room_id) == {ben.user_id: last}


async def test_only_senders_are_woken(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await meet(anna, ben, carl)
        a, b, c = Syncer(anna), Syncer(ben), Syncer(carl)
        await catch_up(server, a, b, c)
        event_id = await send(anna, room_id, "one")
        for _ in range(2):
            await b.sync(set_presence="offline")
        await c.sync(set_presence="offline")
        await settle(server)
        assert deliveries(await c.sync(set_presence="offline"), room_id) == {}
        assert deliveries(await a.sync(set_presence="offline"), room_id) == {ben.user_id: event_id}
        await settle(server)
        assert deliveries(await a.sync(set_presence="offline"), room_id) == {carl.user_id: event_id}


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with running_server(tmp_path / "off", delivered_signal=False) as server:
        room_id, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await send(anna, room_id, "one")
        await catch_up(server, a, b)
        assert deliveries(await Syncer(anna).sync(), room_id) == {}
    async with running_server(tmp_path / "on") as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await meet(anna, ben)
        a, b = Syncer(anna), Syncer(ben)
        await catch_up(server, a, b)
        first = await send(anna, room_id, "one")
        await catch_up(server, b)
        assert deliveries(await a.sync(), room_id) == {ben.user_id: first}
        path = f"{V3}/user/{q(ben.user_id)}/account_data/org.zajil.privacy"
        (await ben.put(path, {"delivered": False})).ok()
        await send(anna, room_id, "two")
        await catch_up(server, b)
        assert deliveries(await a.sync(), room_id) == {}
        assert deliveries(await Syncer(anna).sync(), room_id) == {}
        (await ben.put(path, {"delivered": True})).ok()
        third = await send(anna, room_id, "three")
        await catch_up(server, b)
        assert deliveries(await a.sync(), room_id) == {ben.user_id: third}


async def test_who_is_ignored_learns_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room_id, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await catch_up(server, a, b)
        path = f"{V3}/user/{q(ben.user_id)}/account_data/m.ignored_user_list"
        (await ben.put(path, {"ignored_users": {anna.user_id: {}}})).ok()
        await send(anna, room_id, "one")
        await catch_up(server, b)
        assert deliveries(await a.sync(), room_id) == {}


async def test_large_rooms_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.services.signals.delivered.ROOM_MEMBERS_MAX", 1)
    async with running_server(tmp_path) as server:
        room_id, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await catch_up(server, a, b)
        await send(anna, room_id, "one")
        assert server.app.notifier.find(ben.user_id).undelivered == {}
        await catch_up(server, b)
        assert deliveries(await a.sync(), room_id) == {}


async def test_marks_survive_a_restart(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room_id, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await catch_up(server, a, b)
        event_id = await send(anna, room_id, "one")
        await a.sync()
        await catch_up(server, b)
    async with running_server(tmp_path) as server:
        a.client.server = b.client.server = server
        assert deliveries(await a.sync(), room_id) == {ben.user_id: event_id}  # a's token is older than the mark
        assert deliveries(await a.sync(), room_id) == {}
        assert deliveries(await Syncer(anna).sync(), room_id) == {ben.user_id: event_id}


async def test_what_was_lost_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server:
        room_id, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await catch_up(server, a, b)
        event_id = await send(anna, room_id, "one")
        await a.sync()
        await catch_up(server, b)

        async def lose() -> None:
            """As when the process is killed."""

        monkeypatch.setattr(server.app.delivered, "write", lose)
    async with running_server(tmp_path) as server:
        a.client.server = b.client.server = server
        await a.sync()
        await b.sync()
        await settle(server)
        assert deliveries(await a.sync(), room_id) == {ben.user_id: event_id}


async def test_an_acknowledgement_with_nothing_to_tell_costs_next_to_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        await meet(anna)
        a = Syncer(anna)
        await catch_up(server, a)
        loop, acknowledge, best_us = asyncio.get_running_loop(), server.app.delivered.acknowledge, float("inf")
        for _ in range(5):
            started = loop.time()
            for _ in range(2000):
                acknowledge(anna.user_id, 1)
            best_us = min(best_us, (loop.time() - started) * 1e6 / 2000)
        assert best_us < 3
