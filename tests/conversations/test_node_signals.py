"""Typing, presence and the delivered signal between two nodes of one server: nothing of them is in the database they share, but for the marks."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from tests.conversations.account import Account
from tests.conversations.nodes import register_pair, run_two_nodes
from tests.servers import Server

HEARD_S_MAX = 60.0
"""Far more than anything takes: the machine may be busy."""

pytestmark = pytest.mark.skipif(
    os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="the processes of Synapse are of several kinds"
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with run_two_nodes(tmp_path_factory.mktemp("nodes"), with_bus=True) as servers:
        yield servers


@pytest.fixture
async def connections() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Follower:
    """A client that syncs until it hears something."""

    def __init__(self, account: Account, **query: str) -> None:
        self.account = account
        self.query = query
        self.since = ""

    async def sync(self, timeout_ms: int = 0) -> dict[str, Any]:
        since = {"since": self.since} if self.since else {}
        answer: dict[str, Any] = await self.account.call(
            "GET", "/sync", query={"timeout": timeout_ms, **since, **self.query}
        )
        self.since = answer["next_batch"]
        return answer

    async def wait_for(self, find: Callable[[dict[str, Any]], Any]) -> Any:
        """What `find` finds in an answer, when it finds something."""
        deadline = time.monotonic() + HEARD_S_MAX
        while time.monotonic() < deadline:
            found = find(await self.sync(1000))
            if found is not None:
                return found
        raise AssertionError("it was not heard of")


def ephemeral(room_id: str, kind: str) -> Callable[[dict[str, Any]], Any]:
    def find(answer: dict[str, Any]) -> Any:
        room = answer.get("rooms", {}).get("join", {}).get(room_id, {})
        events = room.get("ephemeral", {}).get("events", [])
        return next((event["content"] for event in events if event["type"] == kind), None)

    return find


def presence(user_id: str, state: str) -> Callable[[dict[str, Any]], Any]:
    def find(answer: dict[str, Any]) -> Any:
        events = answer.get("presence", {}).get("events", [])
        said = [event["content"] for event in events if event["sender"] == user_id]
        return next((content for content in said if content["presence"] == state), None)

    return find


async def meet(anna: Account, badr: Account) -> str:
    room_id = await anna.create_room(preset="public_chat")
    await badr.join(room_id)
    return room_id


async def set_typing(account: Account, room_id: str, *, typing: bool, timeout_ms: int = 30_000) -> None:
    path = f"/rooms/{quote(room_id)}/typing/{quote(account.user_id)}"
    await account.call("PUT", path, {"typing": typing, "timeout": timeout_ms})


async def test_typing_is_seen_on_the_other_node(nodes: list[Server], connections: aiohttp.ClientSession) -> None:
    anna, badr = await register_pair(nodes, connections, "typing")
    room_id = await meet(anna, badr)
    follower = Follower(badr, set_presence="offline")
    await follower.sync()
    await set_typing(anna, room_id, typing=True)
    assert await follower.wait_for(ephemeral(room_id, "m.typing")) == {"user_ids": [anna.user_id]}
    await set_typing(anna, room_id, typing=False)
    assert await follower.wait_for(ephemeral(room_id, "m.typing")) == {"user_ids": []}
    await set_typing(anna, room_id, typing=True, timeout_ms=500)
    assert await follower.wait_for(ephemeral(room_id, "m.typing")) == {"user_ids": [anna.user_id]}
    assert await follower.wait_for(ephemeral(room_id, "m.typing")) == {"user_ids": []}, "the time ends there as well"


async def test_typing_is_not_lost_among_the_commits_of_the_other_node(
    nodes: list[Server], connections: aiohttp.ClientSession
) -> None:
    """Every commit of another node empties memory, also between a touch and the sync that is to tell of it."""
    anna, badr = await register_pair(nodes, connections, "busy")
    room_id = await meet(anna, badr)
    follower = Follower(badr, set_presence="offline")
    await follower.sync()
    for number in range(10):
        await anna.send_text(room_id, f"before {number}")
        await set_typing(anna, room_id, typing=True)
        await anna.create_room()
        assert await follower.wait_for(ephemeral(room_id, "m.typing")) == {"user_ids": [anna.user_id]}
        await set_typing(anna, room_id, typing=False)
        assert await follower.wait_for(ephemeral(room_id, "m.typing")) == {"user_ids": []}


async def test_presence_is_told_on_the_other_node(nodes: list[Server], connections: aiohttp.ClientSession) -> None:
    anna, badr = await register_pair(nodes, connections, "presence")
    await meet(anna, badr)
    quiet = Follower(badr, set_presence="offline")
    await quiet.sync()
    await anna.call("GET", "/sync", query={"timeout": 0})
    assert (await quiet.wait_for(presence(anna.user_id, "online")))["currently_active"] is True
    await anna.call(
        "PUT", f"/presence/{quote(anna.user_id)}/status", {"presence": "unavailable", "status_msg": "بعيدة"}
    )
    assert (await quiet.wait_for(presence(anna.user_id, "unavailable")))["status_msg"] == "بعيدة"
    asked = await badr.call("GET", f"/presence/{quote(anna.user_id)}/status")
    assert (asked["presence"], asked["status_msg"]) == ("unavailable", "بعيدة")
    fresh = await badr.call("GET", "/sync", query={"timeout": 0, "set_presence": "offline"})
    assert presence(anna.user_id, "unavailable")(fresh) is not None, "a first sync has it too"


async def test_newcomers_and_those_they_join_see_each_other(
    nodes: list[Server], connections: aiohttp.ClientSession
) -> None:
    anna, badr = await register_pair(nodes, connections, "joins")
    room_id = await anna.create_room(preset="public_chat")
    followers = [Follower(anna), Follower(badr)]
    for follower in followers:
        await follower.sync()
    await asyncio.sleep(2)  # both are known to be online, to nobody so far
    for follower in followers:
        await follower.sync()
    await badr.join(room_id)
    await asyncio.gather(
        followers[0].wait_for(presence(badr.user_id, "online")),
        followers[1].wait_for(presence(anna.user_id, "online")),
    )


async def test_a_message_delivered_on_one_node_is_told_on_the_other(
    nodes: list[Server], connections: aiohttp.ClientSession
) -> None:
    anna, badr = await register_pair(nodes, connections, "delivered")
    room_id = await meet(anna, badr)
    sender, reader = Follower(anna, set_presence="offline"), Follower(badr, set_presence="offline")
    for _ in range(3):
        await sender.sync()
        await reader.sync()
    for number in range(3):
        sent = await anna.send_text(room_id, f"text {number}")
        heard = asyncio.create_task(
            sender.wait_for(
                lambda answer, sent=sent: (
                    found
                    if (found := ephemeral(room_id, "org.zajil.delivered")(answer))
                    and found.get(badr.user_id, {}).get("event_id") == sent
                    else None
                )
            )
        )
        await reader.wait_for(
            lambda answer, sent=sent: True if sent in str(answer.get("rooms", {}).get("join", {})) else None
        )
        await reader.sync()  # the token of the answer with the message is back
        assert set(await heard) == {badr.user_id}


async def test_a_node_that_begins_learns_who_is_online(nodes: list[Server], connections: aiohttp.ClientSession) -> None:
    anna, badr = await register_pair(nodes, connections, "begins")
    await meet(anna, badr)
    await anna.call("PUT", f"/presence/{quote(anna.user_id)}/status", {"presence": "online", "status_msg": "here"})
    since = (await anna.sync())["next_batch"]
    parked = asyncio.create_task(anna.sync(since, timeout_ms=60_000))
    nodes[1].stop()
    nodes[1].start()
    follower = Follower(badr, set_presence="offline")
    told = await follower.wait_for(presence(anna.user_id, "online"))
    assert told["status_msg"] == "here"
    parked.cancel()
