"""What a process remembers of rooms stays true although, on PostgreSQL, an answer may arrive after a commit that it knows nothing of."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server

from zajil.ports.database import Read, Row, StorageUnavailable, Value
from zajil.ports.stores.signals import DeliveredMark
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.notifications.event_notices import prepare_notices
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.rooms.room_summary import build_summary

V3 = "/_matrix/client/v3"


class LateRead:
    """A reader whose answers arrive late: what they say is of the time they were asked for."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def _wait(self) -> None:
        self.asked.set()
        await self.answer.wait()

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        rows = await self._read.fetch(sql, *args)
        await self._wait()
        return rows

    async def fetch_row(self, sql: str, *args: Value) -> Row | None:
        row = await self._read.fetch_row(sql, *args)
        await self._wait()
        return row

    async def fetch_value(self, sql: str, *args: Value) -> Any:
        value = await self._read.fetch_value(sql, *args)
        await self._wait()
        return value


async def make_room(server: InProcessServer) -> tuple[Client, Client, str]:
    anna, ben = await server.register("anna"), await server.register("ben")
    room_id = (await anna.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
    (await ben.post(f"{V3}/join/{q(room_id)}")).ok()
    return anna, ben, room_id


async def load_head(server: InProcessServer, room_id: str) -> RoomHead:
    head = await server.app.rooms.find(server.app.db.reader, room_id, server.app.db.position)
    assert head is not None
    return head


def build_mark(head: RoomHead, user_id: str) -> DeliveredMark:
    return DeliveredMark(head.row.room_nid, user_id, "$event", 1, 0, 1)


async def test_a_head_read_before_a_commit_hides_no_message(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app = server.app
        anna, _, room_id = await make_room(server)
        since = app.db.position
        app.rooms.forget(room_id)
        late = LateRead(app.db.reader)
        finding = asyncio.create_task(app.rooms.find(late, room_id, app.db.position))
        await late.asked.wait()
        sent = await anna.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", {"msgtype": "m.text", "body": "here"})
        late.answer.set()
        head = await finding
        assert head is not None and head is app.rooms.known(room_id)
        assert [stored.event.event_id for stored in head.events_after(since) or []] == [sent.ok()["event_id"]]


async def test_a_member_read_before_a_commit_is_not_remembered(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app = server.app
        anna, ben, room_id = await make_room(server)
        head = await load_head(server, room_id)
        head.members.clear()
        head.joined_at.clear()
        readers = LateRead(app.db.reader), LateRead(app.db.reader)
        reading = [
            asyncio.create_task(app.rooms.member(readers[0], head, ben.user_id)),
            asyncio.create_task(app.rooms.joined_at(readers[1], head, ben.user_id)),
        ]
        for late in readers:
            await late.asked.wait()
        (await anna.post(f"{V3}/rooms/{q(room_id)}/kick", {"user_id": ben.user_id})).ok()
        for late in readers:
            late.answer.set()
        await asyncio.gather(*reading)
        assert await app.rooms.membership(app.db.reader, head, ben.user_id) == "leave"
        assert await app.rooms.joined_at(app.db.reader, head, ben.user_id) is None


async def test_settings_read_before_a_commit_are_not_remembered(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app = server.app
        anna = await server.register("anna")
        readers = LateRead(app.db.reader), LateRead(app.db.reader)
        reading = [
            asyncio.create_task(load_ignored_users(app, readers[0], anna.user_id)),
            asyncio.create_task(app.privacy.load(readers[1], anna.user_id)),
        ]
        for late in readers:
            await late.asked.wait()
        account_data = f"{V3}/user/{q(anna.user_id)}/account_data"
        (await anna.put(f"{account_data}/m.ignored_user_list", {"ignored_users": {"@ben:localhost": {}}})).ok()
        (await anna.put(f"{account_data}/org.zajil.privacy", {"last_seen": "nobody"})).ok()
        for late in readers:
            late.answer.set()
        await asyncio.gather(*reading)
        assert await load_ignored_users(app, app.db.reader, anna.user_id) == {"@ben:localhost"}
        assert (await app.privacy.load(app.db.reader, anna.user_id)).last_seen == "nobody"


async def test_a_mark_of_delivery_whose_commit_is_under_way_is_not_forgotten(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app, delivered = server.app, server.app.delivered
        _, ben, room_id = await make_room(server)
        head = await load_head(server, room_id)
        nid = head.row.room_nid
        delivered._unwritten = {nid: {ben.user_id: build_mark(head, ben.user_id)}}
        late = LateRead(app.db.reader)
        reading = asyncio.create_task(delivered.load_marks(late, head))
        await late.asked.wait()  # the answer knows nothing of the mark
        await delivered.write()
        late.answer.set()
        assert set(await reading) == {ben.user_id}
        assert set(await delivered.load_marks(app.db.reader, head)) == {ben.user_id}


async def test_marks_of_delivery_read_before_a_departure_are_not_remembered(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app, delivered = server.app, server.app.delivered
        anna, ben, room_id = await make_room(server)
        head = await load_head(server, room_id)
        nid = head.row.room_nid
        delivered._unwritten = {nid: {ben.user_id: build_mark(head, ben.user_id)}}
        await delivered.write()
        late = LateRead(app.db.reader)
        reading = asyncio.create_task(delivered.load_marks(late, head))
        await late.asked.wait()
        (await anna.post(f"{V3}/rooms/{q(room_id)}/kick", {"user_id": ben.user_id})).ok()
        late.answer.set()
        await reading
        assert ben.user_id not in await delivered.load_marks(app.db.reader, head)


async def test_marks_that_could_not_be_written_are_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path) as server:
        app, delivered = server.app, server.app.delivered
        _, ben, room_id = await make_room(server)
        head = await load_head(server, room_id)
        nid = head.row.room_nid
        delivered._unwritten = {nid: {ben.user_id: build_mark(head, ben.user_id)}}

        async def fail(*_: object, **__: object) -> None:
            raise StorageUnavailable("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(app.db, "write", fail)
            with pytest.raises(StorageUnavailable):
                await delivered.write()
        assert set(await delivered.load_marks(app.db.reader, head)) == {ben.user_id}
        await delivered.write()
        assert [mark.user_id for mark in await app.stores.signals.load_marks(app.db.reader, nid)] == [ben.user_id]


async def test_the_facts_of_an_event_are_those_of_its_time_although_the_room_went_on(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app = server.app
        anna, _, room_id = await make_room(server)
        (await anna.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", {"msgtype": "m.text", "body": "two"})).ok()
        head = await load_head(server, room_id)
        events = list(head.recent)  # as a count had them before it waited for the database
        for stored in events:
            stored.notice = None
        carl = await server.register("carl")
        (await carl.post(f"{V3}/join/{q(room_id)}")).ok()
        assert head.recent[-1] not in events
        await prepare_notices(app, app.db.reader, head, events)
        assert events[-1].notice.facts.member_count == 2


async def test_heroes_read_before_a_commit_are_not_remembered(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app = server.app
        anna, ben, room_id = await make_room(server)
        carl = await server.register("carl")
        head = await load_head(server, room_id)
        late = LateRead(app.db.reader)
        reading = asyncio.create_task(build_summary(app, late, head, anna.user_id))
        await late.asked.wait()
        (await carl.post(f"{V3}/join/{q(room_id)}")).ok()
        late.answer.set()
        await reading
        summary = await build_summary(app, app.db.reader, head, anna.user_id)
        assert summary["m.heroes"] == sorted([ben.user_id, carl.user_id])
