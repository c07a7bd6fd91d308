"""Who is told that whose devices changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from tests.client import Client, InProcessServer, running_server
from tests.services.key_material import V3, CrossSigning, DeviceMaterial, public, sign

ENCRYPTION = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[InProcessServer]:
    async with running_server(tmp_path) as running:
        yield running


class Follower:
    """A client that goes on from its last sync, and asks /keys/changes the same question."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.since = ""

    async def start(self) -> Follower:
        self.since = (await self.client.get(f"{V3}/sync")).ok()["next_batch"]
        return self

    async def changes(self) -> tuple[list[str], list[str]]:
        answer = (await self.client.get(f"{V3}/sync?since={self.since}")).ok()
        lists = answer.get("device_lists", {"changed": [], "left": []})
        path = f"{V3}/keys/changes?from={self.since}&to={answer['next_batch']}"
        assert (await self.client.get(path)).ok() == lists
        self.since = answer["next_batch"]
        return lists["changed"], lists["left"]


async def create_room(creator: Client, *others: Client, encrypted: bool = True) -> str:
    body = {"preset": "public_chat", "initial_state": [ENCRYPTION] if encrypted else []}
    room_id: str = (await creator.post(f"{V3}/createRoom", body)).ok()["room_id"]
    for other in others:
        await move(other, room_id, "join")
    return room_id


async def move(client: Client, room_id: str, action: str) -> None:
    content = {"membership": action}
    (await client.put(f"{V3}/rooms/{room_id}/state/m.room.member/{client.user_id}", content)).ok()


async def publish(client: Client, seed: int) -> None:
    await DeviceMaterial(client, seed).upload(device_keys=DeviceMaterial(client, seed).device_keys())


async def test_those_who_share_a_room_are_told(server: InProcessServer) -> None:
    anna, bert, carl, dora = [await server.register(name) for name in ("anna", "bert", "carl", "dora")]
    await create_room(anna, bert)
    await create_room(anna, carl, encrypted=False)
    followers = [await Follower(each).start() for each in (anna, bert, carl, dora)]
    await publish(anna, 1)
    told = [anna.user_id]
    assert [await each.changes() for each in followers] == [(told, []), (told, []), (told, []), ([], [])]
    assert [await each.changes() for each in followers] == [([], [])] * 4
    second = await server.login(anna.user_id)
    assert [(await each.changes())[0] for each in followers] == [[]] * 4  # a device without keys is nobody's business
    await publish(second, 2)
    assert (await followers[1].changes())[0] == told
    name = {"display_name": "Tablet"}
    renamed = await second.put(f"{V3}/devices/{second.device_id}", name)
    if renamed.status == 200:
        assert (await followers[1].changes())[0] == told
    (await second.post(f"{V3}/logout")).ok()
    assert (await followers[1].changes())[0] == told


async def test_who_comes_and_goes(server: InProcessServer) -> None:
    anna, bert, carl = [await server.register(name) for name in ("anna", "bert", "carl")]
    first = await create_room(anna)
    follower, joiner = await Follower(anna).start(), await Follower(bert).start()
    await move(bert, first, "join")
    assert await follower.changes() == ([bert.user_id], [])
    assert await joiner.changes() == ([anna.user_id], [])
    second = await create_room(anna, bert, carl)
    assert await follower.changes() == ([bert.user_id, carl.user_id], [])
    await joiner.changes()
    await move(bert, first, "leave")
    assert await follower.changes() == ([], [])  # still together in the second
    await move(bert, second, "leave")
    assert await follower.changes() == ([], [bert.user_id])
    assert await joiner.changes() == ([], [anna.user_id, carl.user_id])
    await publish(bert, 1)
    assert await follower.changes() == ([], [])
    await move(bert, second, "join")
    assert await follower.changes() == ([bert.user_id], [])


async def test_both_leave_between_two_syncs(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    room_id = await create_room(anna, bert)
    follower = await Follower(anna).start()
    await move(bert, room_id, "leave")
    await move(anna, room_id, "leave")
    assert await follower.changes() == ([], [bert.user_id])


async def test_coming_and_going_between_two_syncs_is_nothing(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    room_id = await create_room(anna)
    follower = await Follower(anna).start()
    await move(bert, room_id, "join")
    await move(bert, room_id, "leave")
    assert await follower.changes() == ([], [])


async def test_a_room_that_becomes_encrypted(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    room_id = await create_room(anna, bert, encrypted=False)
    followers = [await Follower(each).start() for each in (anna, bert)]
    (await anna.put(f"{V3}/rooms/{room_id}/state/m.room.encryption/", ENCRYPTION["content"])).ok()
    assert [await each.changes() for each in followers] == [([bert.user_id], []), ([anna.user_id], [])]


async def test_a_new_display_name_is_no_change_of_devices(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    room_id = await create_room(anna, bert)
    follower = await Follower(anna).start()
    content = {"membership": "join", "displayname": "Bertie"}
    (await bert.put(f"{V3}/rooms/{room_id}/state/m.room.member/{bert.user_id}", content)).ok()
    assert await follower.changes() == ([], [])


async def test_cross_signing_keys_and_signatures(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    await create_room(anna, bert)
    device, keys, berts = DeviceMaterial(anna), CrossSigning(anna.user_id), CrossSigning(bert.user_id, 150)
    await publish(anna, 1)
    (await bert.post(f"{V3}/keys/device_signing/upload", berts.body())).ok()
    annas, follower = await Follower(anna).start(), await Follower(bert).start()
    (await anna.post(f"{V3}/keys/device_signing/upload", keys.body())).ok()
    assert await follower.changes() == ([anna.user_id], [])
    await annas.changes()
    signed = sign(device.device_keys(), anna.user_id, public(keys.self_signing), keys.self_signing)
    (await anna.post(f"{V3}/keys/signatures/upload", {anna.user_id: {anna.device_id: signed}})).ok()
    assert await follower.changes() == ([anna.user_id], [])
    await annas.changes()
    signed = sign(berts.master_key(), anna.user_id, public(keys.user_signing), keys.user_signing)
    (await anna.post(f"{V3}/keys/signatures/upload", {bert.user_id: {public(berts.master): signed}})).ok()
    assert await follower.changes() == ([], [])  # whom anna trusts is hers to know
    assert await annas.changes() == ([bert.user_id], [])


async def test_tokens(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    await create_room(anna, bert)
    path = f"{V3}/keys/changes"
    assert (await anna.get(f"{path}?to=s1_1_a_0")).errcode == "M_MISSING_PARAM"
    assert (await anna.get(f"{path}?from=x&to=s1_1_a_0")).errcode == "M_INVALID_PARAM"
    # A token from before a restored backup says nothing about what the client knows.
    foreign: dict[str, Any] = (await anna.get(f"{path}?from=s9_999_a_0&to=s9_999_a_0")).ok()
    assert foreign["changed"] == [bert.user_id]
