"""Messages to devices: sending, delivery with /sync, deletion once acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from tests.client import Client, InProcessServer, running_server
from tests.services.key_material import V3

from zajil.services.keys.to_device import MESSAGE_BYTES_MAX, RECIPIENT_DEVICES_MAX
from zajil.services.sync import device_sections


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[InProcessServer]:
    async with running_server(tmp_path) as running:
        yield running


async def send(sender: Client, txn_id: str, messages: dict[str, Any], event_type: str = "m.dummy") -> None:
    (await sender.put(f"{V3}/sendToDevice/{event_type}/{txn_id}", {"messages": messages})).ok()


async def sync(client: Client, since: str | None = None, timeout: int = 0) -> dict[str, Any]:
    query = f"?timeout={timeout}" + (f"&since={since}" if since else "")
    return (await client.get(f"{V3}/sync{query}")).ok()  # type: ignore[no-any-return]


def events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return answer.get("to_device", {}).get("events", [])  # type: ignore[no-any-return]


async def count_waiting(server: InProcessServer) -> int:
    await server.app.acknowledgements.finish()
    return await server.app.db.reader.fetch_value("SELECT COUNT(*) FROM to_device")  # type: ignore[no-any-return]


async def test_a_message_is_delivered_until_acknowledged_and_then_deleted(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    start = (await sync(bert))["next_batch"]
    await send(anna, "1", {bert.user_id: {bert.device_id: {"n": 1}, "NODEVICE": {"n": 2}}, "@no:one.here": {"X": {}}})
    expected = [{"content": {"n": 1}, "sender": anna.user_id, "type": "m.dummy"}]
    answer = await sync(bert, start)
    assert events(answer) == expected
    assert events(await sync(bert, start)) == expected  # the answer may have been lost
    assert await count_waiting(server) == 1
    later = await sync(bert, answer["next_batch"])
    assert events(later) == []
    assert await count_waiting(server) == 0
    assert events(await sync(bert)) == []


async def test_a_transaction_is_delivered_once(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    await asyncio.gather(*(send(anna, "1", {bert.user_id: {"*": {}}}) for _ in range(5)))
    await send(anna, "2", {bert.user_id: {"*": {}}})
    await send(anna, "1", {bert.user_id: {"*": {}}}, event_type="m.other")
    assert len(events(await sync(bert))) == 3


async def test_a_message_to_all_devices(server: InProcessServer) -> None:
    anna = await server.register("anna")
    second = await server.login(anna.user_id)
    await send(second, "1", {anna.user_id: {"*": {"for": "all"}, second.device_id: {"for": "second"}}})
    assert [each["content"] for each in events(await sync(anna))] == [{"for": "all"}]
    assert [each["content"] for each in events(await sync(second))] == [{"for": "second"}]


async def test_a_parked_sync_wakes(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    start = (await sync(bert))["next_batch"]
    parked = asyncio.create_task(sync(bert, start, timeout=20_000))
    await asyncio.sleep(0.05)
    await send(anna, "1", {bert.user_id: {"*": {}}})
    assert len(events(await asyncio.wait_for(parked, 5))) == 1


async def test_a_full_queue_is_delivered_in_order_over_several_syncs(server: InProcessServer, monkeypatch: Any) -> None:
    monkeypatch.setattr(device_sections, "MESSAGES_MAX", 3)
    anna, bert = await server.register("anna"), await server.register("bert")
    start: str | None = (await sync(bert))["next_batch"]
    room = (await bert.post(f"{V3}/createRoom", {})).ok()["room_id"]
    for number in range(8):
        await send(anna, str(number), {bert.user_id: {"*": {"n": number}}})
        await bert.put(f"{V3}/rooms/{room}/send/m.room.message/{number}", {"body": str(number)})
    numbers: list[int] = []
    bodies: list[str] = []
    for _ in range(6):
        answer = await sync(bert, start)
        numbers += [each["content"]["n"] for each in events(answer)]
        timeline = answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {"events": []})
        bodies += [each["content"]["body"] for each in timeline["events"] if each["type"] == "m.room.message"]
        start = answer["next_batch"]
    assert numbers == list(range(8))
    assert bodies == [str(number) for number in range(8)]
    # A first sync is no different.
    fresh: list[int] = []
    second = await server.login(bert.user_id)
    for number in range(8):
        await send(anna, f"again{number}", {bert.user_id: {second.device_id: {"n": number}}})
    start = None
    for _ in range(4):
        answer = await sync(second, start)
        fresh += [each["content"]["n"] for each in events(answer)]
        start = answer["next_batch"]
    assert fresh == list(range(8))


async def test_messages_outlive_the_process(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        await send(anna, "1", {bert.user_id: {"*": {}}})
        token, user_id, device_id = bert.access_token, bert.user_id, bert.device_id
    async with running_server(tmp_path) as server:
        again = Client(server, token, user_id, device_id)
        answer = await sync(again)
        assert len(events(answer)) == 1
        await sync(again, answer["next_batch"])
        assert await count_waiting(server) == 0


async def test_a_device_that_goes_takes_its_messages_along(server: InProcessServer) -> None:
    anna = await server.register("anna")
    second = await server.login(anna.user_id)
    await send(anna, "1", {anna.user_id: {"*": {}}})
    (await second.post(f"{V3}/logout")).ok()
    assert await count_waiting(server) == 1


async def test_limits(server: InProcessServer) -> None:
    anna = await server.register("anna")
    path = f"{V3}/sendToDevice/m.dummy"
    big = {"messages": {anna.user_id: {"*": {"x": "y" * MESSAGE_BYTES_MAX}}}}
    answer = await anna.put(f"{path}/1", big)
    assert (answer.status, answer.errcode) == (413, "M_TOO_LARGE")
    many = {"messages": {anna.user_id: {f"D{number}": {} for number in range(RECIPIENT_DEVICES_MAX + 1)}}}
    assert (await anna.put(f"{path}/2", many)).errcode == "M_TOO_LARGE"
    assert (await anna.put(f"{path}/{'x' * 300}", {"messages": {}})).errcode == "M_INVALID_PARAM"
    assert (await anna.put(f"{V3}/sendToDevice/{'x' * 300}/1", {"messages": {}})).errcode == "M_INVALID_PARAM"
    assert (await anna.put(f"{path}/3", {})).errcode == "M_MISSING_PARAM"
    assert (await anna.put(f"{path}/4", {"messages": {anna.user_id: {"*": "text"}}})).errcode == "M_BAD_JSON"
    assert await count_waiting(server) == 0


async def test_key_counts_come_with_every_answer_and_wake_when_keys_are_claimed(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    body = {"one_time_keys": {"curve25519:A": "a", "curve25519:B": "b"}, "fallback_keys": {"curve25519:F": "f"}}
    first = await sync(anna)
    assert first["device_one_time_keys_count"] == {"signed_curve25519": 0}
    assert first["device_unused_fallback_key_types"] == []
    (await anna.post(f"{V3}/keys/upload", body)).ok()
    answer = await sync(anna, first["next_batch"], timeout=20_000)
    assert answer["device_one_time_keys_count"] == {"curve25519": 2, "signed_curve25519": 0}
    assert answer["device_unused_fallback_key_types"] == ["curve25519"]
    idle = await sync(anna, answer["next_batch"])
    assert idle["device_one_time_keys_count"] == {"curve25519": 2, "signed_curve25519": 0}
    parked = asyncio.create_task(sync(anna, idle["next_batch"], timeout=20_000))
    await asyncio.sleep(0.05)
    claim = {"one_time_keys": {anna.user_id: {anna.device_id: "curve25519"}}}
    (await bert.post(f"{V3}/keys/claim", claim)).ok()
    woken = await asyncio.wait_for(parked, 5)
    assert woken["device_one_time_keys_count"] == {"curve25519": 1, "signed_curve25519": 0}


async def test_an_unused_memory_of_devices_costs_little(server: InProcessServer) -> None:
    """Whole syncs have a budget of their own; this bounds what devices add to one without news (a microsecond or so)."""
    anna = await server.register("anna")
    app = server.app
    await app.device_memory.load_key_counts(anna.user_id, anna.device_id)
    started = app.clock.monotonic_s()
    rounds = 10_000
    for _ in range(rounds):
        await app.device_memory.load_key_counts(anna.user_id, anna.device_id)
    assert (app.clock.monotonic_s() - started) / rounds < 20e-6
