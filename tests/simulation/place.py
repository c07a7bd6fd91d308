"""Three people on three servers that talk without sockets, and a room: what the tests of single causes begin with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.client import Client, q
from tests.simulation.network import Network, running_network

from zajil.ports.stores.events import StoredEvent
from zajil.services.rooms.room_heads import RoomHead

NAMES = ("one.test", "two.test", "three.test")
V3 = "/_matrix/client/v3"
WAITS_MAX = 20_000


@dataclass
class Place:
    """Three people on three servers, and the first one's room."""

    network: Network
    one: Client
    two: Client
    three: Client
    room_id: str

    async def join(self, person: Client, via: str = "one.test") -> None:
        (await person.post(f"{V3}/join/{q(self.room_id)}?via={via}")).ok()

    async def write(self, person: Client, text: str, follows: Sequence[str] = ()) -> str:
        for event_id in follows:
            await self.until(partial(self.find, person, event_id))
        path = f"{V3}/rooms/{q(self.room_id)}/send/m.room.message/{q(text)}"
        return (await person.put(path, {"msgtype": "m.text", "body": text})).ok()["event_id"]

    async def kick(self, target: Client) -> None:
        (await self.one.post(f"{V3}/rooms/{q(self.room_id)}/kick", {"user_id": target.user_id})).ok()

    async def ban(self, target: Client) -> None:
        (await self.one.post(f"{V3}/rooms/{q(self.room_id)}/ban", {"user_id": target.user_id})).ok()

    async def leave(self, person: Client) -> None:
        (await person.post(f"{V3}/rooms/{q(self.room_id)}/leave")).ok()

    async def has_left(self, person: Client, other: Client) -> bool:
        """Whether the person's server holds the other not to be in the room."""
        return not await self.is_held_in(person, other)

    async def is_held_in(self, person: Client, other: Client) -> bool:
        """Whether it holds them to be in."""
        return (await self.find_state(person, "m.room.member", other.user_id)).event.membership == "join"

    async def rename(self, person: Client, name: str) -> None:
        path = f"{V3}/rooms/{q(self.room_id)}/state/m.room.member/{q(person.user_id)}"
        (await person.put(path, {"membership": "join", "displayname": name})).ok()

    async def find(self, person: Client, event_id: str) -> StoredEvent | None:
        app = person.server.app
        return next(iter(await app.stores.events.load_by_ids(app.db.reader, [event_id])), None)

    async def head(self, person: Client) -> RoomHead:
        app = person.server.app
        head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
        assert head is not None
        return head

    async def find_state(self, person: Client, event_type: str, state_key: str) -> StoredEvent:
        app, head = person.server.app, await self.head(person)
        nids = await app.rooms.read_state_keys(app.db.reader, head.row.members_root, [(event_type, state_key)])
        (stored,) = await app.stores.events.load_by_nids(app.db.reader, list(nids.values()))
        return stored

    async def is_in_room(self, person: Client) -> bool:
        return self.room_id in (await person.get(f"{V3}/joined_rooms")).ok()["joined_rooms"]

    async def until(self, condition: Callable[[], Awaitable[Any]]) -> None:
        for _ in range(WAITS_MAX):
            if await condition():
                return
            for server in self.network.servers.values():
                server.app.destinations.retry_now()
            await asyncio.sleep(0.002)
        raise AssertionError("it does not come to that")


@contextlib.asynccontextmanager
async def running_place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_network(tmp_path, NAMES) as network:
        one, two, three = [await server.register(name.partition(".")[0]) for name, server in network.servers.items()]
        room_id = (await one.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        yield Place(network, one, two, three, room_id)
