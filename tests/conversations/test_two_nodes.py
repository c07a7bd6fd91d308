"""Two servers' processes on one PostgreSQL, as on two machines: either serves everybody, and each hears of what the other has written."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.conversations.account import Account
from tests.conversations.nodes import register_pair, run_two_nodes
from tests.servers import Server

DELIVERY_S_MAX = 2.0
LOGOUT_S_MAX = 2.0

pytestmark = pytest.mark.skipif(
    os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="the processes of Synapse are of several kinds"
)


@pytest.fixture(scope="module", params=["poll", "nats"])
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with run_two_nodes(tmp_path_factory.mktemp("nodes"), with_bus=request.param == "nats") as servers:
        yield servers


@pytest.fixture
async def connections() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def texts(answer: dict[str, object], room_id: str) -> list[str]:
    room = answer.get("rooms", {}).get("join", {}).get(room_id, {})  # type: ignore[attr-defined]
    events = room.get("timeline", {}).get("events", [])
    return [event["content"]["body"] for event in events if event["type"] == "m.room.message"]


async def hear_room(account: Account, since: str, room_id: str) -> tuple[list[str], str]:
    """The texts of the next answer that has the room, and its token. Presence, which is told when there is time for it, may be an answer of its own."""
    while True:
        answer = await account.sync(since, timeout_ms=30_000)
        since = answer["next_batch"]
        if room_id in answer.get("rooms", {}).get("join", {}):
            return texts(answer, room_id), since
        assert answer.get("presence"), f"an answer with nothing in it: {answer}"


async def test_a_parked_sync_hears_what_the_other_node_stores(
    nodes: list[Server], connections: aiohttp.ClientSession
) -> None:
    anna, badr = await register_pair(nodes, connections, "hear")
    room_id = await anna.create_room(preset="public_chat")
    await badr.join(room_id)
    since = (await badr.sync())["next_batch"]
    for number in range(5):
        parked = asyncio.create_task(hear_room(badr, since, room_id))
        await asyncio.sleep(0.2)
        sent_at = time.monotonic()
        await anna.send_text(room_id, f"text {number}")
        heard, since = await parked
        assert heard == [f"text {number}"]
        assert time.monotonic() - sent_at < DELIVERY_S_MAX


async def test_both_write_to_one_room_and_all_see_one_order(
    nodes: list[Server], connections: aiohttp.ClientSession
) -> None:
    anna, badr = await register_pair(nodes, connections, "write")
    room_id = await anna.create_room(preset="public_chat")
    await badr.join(room_id)
    starts = [(await each.sync())["next_batch"] for each in (anna, badr)]
    await asyncio.gather(*(each.send_text(room_id, f"{each.user_id} {n}") for n in range(20) for each in (anna, badr)))
    seen = []
    for each, since in zip((anna, badr), starts, strict=True):
        found: list[str] = []
        deadline = time.monotonic() + 30
        while len(found) < 40 and time.monotonic() < deadline:
            answer = await each.sync(since, timeout_ms=1000, filter='{"room":{"timeline":{"limit":100}}}')
            since = answer["next_batch"]
            found += texts(answer, room_id)
        seen.append(found)
    assert len(set(seen[0])) == len(seen[0]) == 40
    assert seen[0] == seen[1]


async def test_a_log_out_holds_on_the_other_node(nodes: list[Server], connections: aiohttp.ClientSession) -> None:
    anna, _ = await register_pair(nodes, connections, "out")
    there = Account(nodes[1].base, connections)
    there.token = anna.token
    assert (await there.call("GET", "/account/whoami"))["user_id"] == anna.user_id
    await anna.call("POST", "/logout", {})
    deadline = time.monotonic() + LOGOUT_S_MAX
    while (await there.request("GET", "/account/whoami"))[0] != 401:
        assert time.monotonic() < deadline, "the token still works"
        await asyncio.sleep(0.02)


async def test_the_same_transaction_on_both_nodes_is_one_event(
    nodes: list[Server], connections: aiohttp.ClientSession
) -> None:
    anna, _ = await register_pair(nodes, connections, "once")
    room_id = await anna.create_room()
    there = Account(nodes[1].base, connections)
    there.token = anna.token
    for number in range(10):
        sent = await asyncio.gather(
            *(each.send_text(room_id, "once", transaction_id=f"same{number}") for each in (anna, there))
        )
        assert sent[0] == sent[1]


async def test_messages_go_on_when_a_node_dies(
    nodes: list[Server], connections: aiohttp.ClientSession, tmp_path: Path
) -> None:
    anna, badr = await register_pair(nodes, connections, "dies")
    room_id = await anna.create_room(preset="public_chat")
    await badr.join(room_id)
    await anna.send_text(room_id, "before")
    nodes[0].kill()
    try:
        await badr.send_text(room_id, "during")
        there = Account(nodes[1].base, connections)
        there.token = anna.token
        assert texts(await there.sync(), room_id) == ["before", "during"]
    finally:
        nodes[0].start()
    assert texts(await anna.sync(), room_id) == ["before", "during"]
