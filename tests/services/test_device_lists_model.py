"""Clients that follow device lists by the spec's rules know at every moment exactly the devices of those they share encrypted rooms with."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, running_server
from tests.services.key_material import V3, DeviceMaterial
from tests.services.test_device_lists import ENCRYPTION, create_room, move

STEPS, USERS, ROOMS = 60, 4, 3


class Tracker:
    """What a client knows of others' devices, kept up to date by its syncs."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.since: str | None = None
        self.tracked: dict[str, Any] = {}
        self.sharing: set[str] = set()

    async def sync(self, sharing: set[str], changed_keys: set[str]) -> None:
        """`changed_keys`: users of the same rooms whose keys changed since the last sync.

        A first sync tells nothing of devices: the client looks at the members of its encrypted rooms itself.
        """
        query = "" if self.since is None else f"?since={self.since}"
        answer = (await self.client.get(f"{V3}/sync{query}")).ok()
        lists = answer.get("device_lists", {"changed": [], "left": []})
        changed = sharing if self.since is None else set(lists["changed"])
        expected_left = self.sharing - sharing if self.since else set()
        assert set(lists["left"]) == expected_left
        assert self.since is None or changed_keys <= changed
        self.sharing = sharing
        self.since = answer["next_batch"]
        for user_id in lists["left"]:
            self.tracked.pop(user_id, None)
        if changed:
            self.tracked.update(await self.query(changed))

    async def query(self, user_ids: set[str]) -> dict[str, Any]:
        body = {"device_keys": {user_id: [] for user_id in user_ids}}
        found: dict[str, Any] = (await self.client.post(f"{V3}/keys/query", body)).ok()["device_keys"]
        return found


class World:
    """Random users in random rooms, and who is where."""

    def __init__(self, server: InProcessServer, chance: random.Random) -> None:
        self.server, self.chance = server, chance
        self.trackers: list[Tracker] = []
        self.members: dict[str, set[str]] = {}
        self.encrypted: set[str] = set()
        self.extra: list[Client] = []
        self.unheard: dict[str, set[str]] = {}
        """By user, whose keys changed since the user's last sync."""

    async def prepare(self) -> None:
        for number in range(USERS):
            self.trackers.append(Tracker(await self.server.register(f"user{number}")))
        founder = self.trackers[0].client
        for number in range(ROOMS):
            room_id = await create_room(founder, encrypted=number > 0)
            self.members[room_id] = {founder.user_id}
            if number > 0:
                self.encrypted.add(room_id)

    def sharing(self, user_id: str) -> set[str]:
        rooms = [members for room_id, members in self.members.items() if room_id in self.encrypted]
        return {other for members in rooms if user_id in members for other in members} - {user_id}

    def note_new_keys(self, user_id: str) -> None:
        for unheard in self.unheard.values():
            unheard.add(user_id)

    async def step(self) -> str:
        """Do something at random; says what."""
        tracker = self.chance.choice(self.trackers)
        client, room_id = tracker.client, self.chance.choice(sorted(self.members))
        members = self.members[room_id]
        kind = self.chance.choice(
            ["move", "move", "keys", "device", "log out", "encrypt", "name", "sync", "sync", "sync"]
        )
        if kind == "move":
            action = "leave" if client.user_id in members else "join"
            await move(client, room_id, action)
            members.symmetric_difference_update({client.user_id})
        elif kind == "keys":
            material = DeviceMaterial(client, self.chance.randrange(1, 200))
            if await material.publish():
                self.note_new_keys(client.user_id)
        elif kind == "device":
            self.extra.append(await self.server.login(client.user_id))
            material = DeviceMaterial(self.extra[-1], self.chance.randrange(1, 200))
            await material.publish()
            self.note_new_keys(client.user_id)
        elif kind == "log out" and self.extra:
            gone = self.extra.pop(self.chance.randrange(len(self.extra)))
            (await gone.post(f"{V3}/logout")).ok()
            self.note_new_keys(gone.user_id)
        elif kind == "encrypt" and self.trackers[0].client.user_id in members:
            path = f"{V3}/rooms/{room_id}/state/m.room.encryption/"
            (await self.trackers[0].client.put(path, ENCRYPTION["content"])).ok()
            self.encrypted.add(room_id)
        elif kind == "name" and client.user_id in members:
            content = {"membership": "join", "displayname": f"Name {self.chance.random()}"}
            (await client.put(f"{V3}/rooms/{room_id}/state/m.room.member/{client.user_id}", content)).ok()
        elif kind == "sync":
            await self.sync_and_check(tracker)
        return f"{kind} {client.user_id} {room_id[:5]}"

    async def sync_and_check(self, tracker: Tracker) -> None:
        sharing = self.sharing(tracker.client.user_id)
        me = tracker.client.user_id
        companions = {other for members in self.members.values() if me in members for other in members} | {me}
        unheard = self.unheard.get(me, set())
        self.unheard[me] = set()
        await tracker.sync(sharing, unheard & companions)
        truth = await tracker.query(sharing) if sharing else {}
        assert {user_id: tracker.tracked[user_id] for user_id in sharing} == truth


@pytest.mark.parametrize("number", range(6))
async def test_clients_know_exactly_the_devices_of_those_they_share_rooms_with(tmp_path: Path, number: int) -> None:
    seed = int(os.environ.get("ZAJIL_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"ZAJIL_TEST_SEED={seed}")
    async with running_server(tmp_path) as server:
        world = World(server, random.Random(seed))
        await world.prepare()
        for _ in range(STEPS):
            print(await world.step())
        for tracker in world.trackers:
            await world.sync_and_check(tracker)
