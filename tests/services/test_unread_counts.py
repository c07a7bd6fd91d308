"""Unread counts against a naive model: every event after what was read, counted anew each time."""

from __future__ import annotations

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.client import Client, InProcessServer, q, running_server

from zajil.core.relations import THREAD_HOPS_MAX
from zajil.services.notifications import unread_counts
from zajil.services.notifications.unread_checkpoints import save_unread_checkpoints
from zajil.services.notifications.unread_counts import Tally, load_unread

V3 = "/_matrix/client/v3"


@dataclass
class Sent:
    """An event of the model."""

    event_id: str
    sender: str
    thread: str
    mentions: str | None = None
    notifies: bool = True
    is_redacted: bool = False
    hops: int = 0
    """Reactions between this and what is in the thread."""


@dataclass
class Model:
    """What the counts should be."""

    events: list[Sent] = field(default_factory=list)
    reads: dict[tuple[str, str], int] = field(default_factory=dict)
    """Index of the last event read, by user and thread ("" for all)."""

    def count(self, user_id: str) -> dict[str, tuple[int, int]]:
        counts: dict[str, tuple[int, int]] = {}
        everywhere = self.reads.get((user_id, ""), -1)
        for index, event in enumerate(self.events):
            if event.sender == user_id:
                counts.pop(event.thread, None)
                continue
            is_read = index <= max(everywhere, self.reads.get((user_id, event.thread), -1))
            if event.notifies and not event.is_redacted and not is_read:
                notifications, highlights = counts.get(event.thread, (0, 0))
                counts[event.thread] = (notifications + 1, highlights + (event.mentions == user_id))
        return counts


class World:
    """Three users in a room, and the model of what each has not read."""

    def __init__(self, server: InProcessServer, clients: list[Client], room_id: str, seed: int) -> None:
        self.server = server
        self.clients = clients
        self.room_id = room_id
        self.model = Model()
        self.random = random.Random(seed)
        self.sent = 0

    async def send(self, client: Client, event_type: str, content: dict[str, object]) -> str:
        self.sent += 1
        path = f"{V3}/rooms/{q(self.room_id)}/send/{event_type}/{self.sent}"
        return str((await client.put(path, content)).ok()["event_id"])

    async def message(self) -> None:
        client, other = self.random.sample(self.clients, 2)
        mentioned = other.user_id if self.random.random() < 0.3 else None
        content: dict[str, object] = {"msgtype": "m.text", "body": "x"}
        if mentioned is not None:
            content["m.mentions"] = {"user_ids": [mentioned]}
        roots = [event for event in self.model.events if event.thread == "main" and event.notifies][:3]
        thread = "main"
        if roots and self.random.random() < 0.5:
            thread = self.random.choice(roots).event_id
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        event_id = await self.send(client, "m.room.message", content)
        self.model.events.append(Sent(event_id, client.user_id, thread, mentioned))

    async def react(self) -> None:
        if not self.model.events:
            return
        client, target = self.random.choice(self.clients), self.random.choice(self.model.events)
        relation = {"rel_type": "m.annotation", "event_id": target.event_id, "key": str(self.sent)}
        event_id = await self.send(client, "m.reaction", {"m.relates_to": relation})
        hops = target.hops + 1
        thread = target.thread if hops <= THREAD_HOPS_MAX else "main"
        self.model.events.append(Sent(event_id, client.user_id, thread, notifies=False, hops=hops))

    async def redact(self) -> None:
        own = [event for event in self.model.events if event.sender == self.clients[1].user_id and event.notifies]
        # In a thread, what its sender had read by sending it is forgotten by a restart: the relation is gone with the content.
        targets = [e for e in own if e.thread == "main" and not e.is_redacted and self.is_no_root(e)]
        if not targets:
            return
        target = self.random.choice(targets)
        self.sent += 1
        path = f"{V3}/rooms/{q(self.room_id)}/redact/{q(target.event_id)}/{self.sent}"
        event_id = (await self.clients[1].put(path, {})).ok()["event_id"]
        target.is_redacted = True
        self.model.events.append(Sent(event_id, self.clients[1].user_id, "main", notifies=False))

    def is_no_root(self, event: Sent) -> bool:
        return all(other.thread != event.event_id for other in self.model.events)

    async def read(self) -> None:
        if not self.model.events:
            return
        client, index = self.random.choice(self.clients), self.random.randrange(len(self.model.events))
        event = self.model.events[index]
        thread = event.thread if self.random.random() < 0.6 else ""
        kind = self.random.choice(["m.read", "m.read.private"])
        path = f"{V3}/rooms/{q(self.room_id)}/receipt/{kind}/{q(event.event_id)}"
        (await client.post(path, {"thread_id": thread} if thread else {})).ok()
        key = (client.user_id, thread)
        self.model.reads[key] = max(index, self.model.reads.get(key, -1))

    async def forget(self) -> None:
        """As after a restart; sometimes with a checkpoint written before it."""
        app = self.server.app
        if self.random.random() < 0.7:
            for user_id, user in app.unread_counts.users.items():
                app.unread_counts.unsaved.update({(user_id, room_id): None for room_id in user.rooms})
            await save_unread_checkpoints(app)
        app.unread_counts.forget_all()
        if self.random.random() < 0.5:
            app.rooms.forget_all()

    async def check(self) -> None:
        for client in self.clients:
            if self.random.random() < 0.6:
                await self.check_one(client)

    async def check_one(self, client: Client) -> None:
        tally = await self.load(client)
        found = {thread: (counts[0], counts[1]) for thread, counts in tally.threads.items()}
        assert found == self.model.count(client.user_id)

    async def load(self, client: Client) -> Tally:
        app = self.server.app
        head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
        assert head is not None
        return await load_unread(app, app.db.reader, head, client.user_id)


async def open_world(server: InProcessServer, seed: int) -> World:
    clients = [await server.register(name) for name in ("anna", "bert", "cleo")]
    body = {"preset": "private_chat", "invite": [each.user_id for each in clients[1:]]}
    room_id = (await clients[0].post(f"{V3}/createRoom", body)).ok()["room_id"]
    for client in clients[1:]:
        (await client.post(f"{V3}/join/{q(room_id)}")).ok()
    return World(server, clients, room_id, seed)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=2235)  # a reaction to a reaction to a reaction to a reaction is in no thread any more
def test_counts_equal_the_naive_ones(seed: int) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with running_server(Path(folder)) as server:
                world = await open_world(server, seed)
                steps = [world.message] * 6 + [world.react, world.redact, world.read, world.read, world.forget]
                for _ in range(70):
                    await world.random.choice(steps)()
                    await world.check()
                for client in world.clients:
                    await world.check_one(client)

    asyncio.run(run())


async def test_a_redacted_message_is_no_longer_unread(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        world = await open_world(server, 0)
        anna, bert, _ = world.clients
        root = await world.send(anna, "m.room.message", {"msgtype": "m.text", "body": "root"})
        relation = {"rel_type": "m.thread", "event_id": root}
        mention = {
            "msgtype": "m.text",
            "body": "x",
            "m.relates_to": relation,
            "m.mentions": {"user_ids": [bert.user_id]},
        }
        reply = await world.send(anna, "m.room.message", mention)
        assert (await world.load(bert)).threads == {"main": [1, 0], root: [1, 1]}
        (await anna.put(f"{V3}/rooms/{q(world.room_id)}/redact/{q(reply)}/r", {})).ok()
        assert (await world.load(bert)).threads == {"main": [1, 0]}
        server.app.unread_counts.forget_all()
        assert (await world.load(bert)).threads == {"main": [1, 0]}


async def test_a_long_absence_is_counted_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_counts, "EVENTS_COUNTED_MAX", 20)
    async with running_server(tmp_path) as server:
        world = await open_world(server, 0)
        for _ in range(30):
            await world.send(world.clients[0], "m.room.message", {"msgtype": "m.text", "body": "x"})
        server.app.rooms.forget_all()
        assert (await world.load(world.clients[1])).totals() == (20, 0)


async def test_threads_with_unread_events_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_counts, "THREADS_MAX", 3)
    async with running_server(tmp_path) as server:
        world = await open_world(server, 0)
        for _ in range(5):
            root = await world.send(world.clients[0], "m.room.message", {"msgtype": "m.text", "body": "x"})
            relation = {"rel_type": "m.thread", "event_id": root}
            await world.send(
                world.clients[0], "m.room.message", {"msgtype": "m.text", "body": "y", "m.relates_to": relation}
            )
        tally = await world.load(world.clients[1])
        assert len(tally.threads) == 3
        assert tally.threads["main"] == [5, 0]
