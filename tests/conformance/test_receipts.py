"""Receipts, read markers and unread counts over the whole stack."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.client import Client, InProcessServer, q, running_server

from zajil.services.sync import receipt_events

V3 = "/_matrix/client/v3"


class Room:
    """A room of anna's and bert's, and what they do in it."""

    def __init__(self, anna: Client, bert: Client, room_id: str) -> None:
        self.anna, self.bert, self.room_id = anna, bert, room_id
        self.path = f"{V3}/rooms/{q(room_id)}"
        self.sent = 0

    async def send(self, client: Client, thread: str | None = None, **content: Any) -> str:
        self.sent += 1
        body: dict[str, Any] = {"msgtype": "m.text", "body": "hello", **content}
        if thread is not None:
            body["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return str((await client.put(f"{self.path}/send/m.room.message/{self.sent}", body)).ok()["event_id"])

    def receipt(self, kind: str, event_id: str) -> str:
        return f"{self.path}/receipt/{kind}/{q(event_id)}"

    async def section(self, client: Client, query: str = "") -> dict[str, Any]:
        """The room's section of a first sync."""
        sections: dict[str, Any] = (await client.get(f"{V3}/sync?{query}")).ok()["rooms"]["join"]
        section: dict[str, Any] = sections[self.room_id]
        return section

    async def receipts(self, client: Client) -> dict[str, Any]:
        """The content of the m.receipt event that a client is shown first."""
        return receipts_of(await self.section(client))


def receipts_of(section: dict[str, Any]) -> dict[str, Any]:
    events = [event for event in section.get("ephemeral", {"events": []})["events"] if event["type"] == "m.receipt"]
    assert len(events) <= 1
    return events[0]["content"] if events else {}


async def open_room(server: InProcessServer) -> Room:
    anna, bert = await server.register("anna"), await server.register("bert")
    body = {"preset": "private_chat", "invite": [bert.user_id]}
    room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
    (await bert.post(f"{V3}/join/{q(room_id)}")).ok()
    return Room(anna, bert, room_id)


async def test_a_receipt_reaches_everybody_and_a_private_one_only_its_user(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        first, second = await room.send(room.anna), await room.send(room.anna)
        assert (await room.bert.post(room.receipt("m.read", first))).ok() == {}
        (await room.bert.post(room.receipt("m.read.private", second), {"thread_id": "main"})).ok()
        shown = await room.receipts(room.anna)
        assert list(shown) == [first]
        assert list(shown[first]["m.read"]) == [room.bert.user_id]
        assert shown[first]["m.read"][room.bert.user_id].keys() == {"ts"}
        own = await room.receipts(room.bert)
        assert own[second]["m.read.private"][room.bert.user_id]["thread_id"] == "main"


async def test_whoever_switches_receipts_off_is_not_seen_reading(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        event_id = await room.send(room.anna)
        setting = f"{V3}/user/{q(room.bert.user_id)}/account_data/org.zajil.privacy"
        (await room.bert.put(setting, {"read_receipts": False})).ok()
        (await room.bert.post(room.receipt("m.read", event_id))).ok()
        assert await room.receipts(room.anna) == {}
        assert "m.read.private" in (await room.receipts(room.bert))[event_id]
        assert (await room.section(room.bert))["unread_notifications"]["notification_count"] == 0


async def test_receipts_do_not_go_back(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        first, second = await room.send(room.anna), await room.send(room.anna)
        (await room.bert.post(room.receipt("m.read", second))).ok()
        (await room.bert.post(room.receipt("m.read", first))).ok()
        assert list(await room.receipts(room.anna)) == [second]


async def test_the_same_event_read_threaded_and_unthreaded_is_told_in_two_events(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        event_id = await room.send(room.anna)
        (await room.bert.post(room.receipt("m.read", event_id))).ok()
        (await room.bert.post(room.receipt("m.read", event_id), {"thread_id": "main"})).ok()
        events = (await room.section(room.anna))["ephemeral"]["events"]
        shown = [event["content"][event_id]["m.read"][room.bert.user_id].get("thread_id") for event in events]
        assert shown == [None, "main"]


async def test_threads_of_receipts_are_checked(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        root = await room.send(room.anna)
        reply, other = await room.send(room.anna, thread=root), await room.send(room.anna)
        for thread_id in ("", 5, None, [], "$elsewhere", root):
            answer = await room.bert.post(room.receipt("m.read", other), {"thread_id": thread_id})
            assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM"), thread_id
        assert (await room.bert.post(room.receipt("m.read", reply), {"thread_id": "main"})).status == 400
        assert (await room.bert.post(room.receipt("m.fully_read", root), {"thread_id": "main"})).status == 400
        for event_id, thread_id in ((root, "main"), (root, root), (reply, root)):
            (await room.bert.post(room.receipt("m.read", event_id), {"thread_id": thread_id})).ok()


async def test_receipts_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        event_id = await room.send(room.anna)
        cleo = await server.register("cleo")
        assert (await room.bert.post(room.receipt("m.seen", event_id))).errcode == "M_INVALID_PARAM"
        assert (await room.bert.post(room.receipt("m.read", "$unknown"))).errcode == "M_NOT_FOUND"
        assert (await cleo.post(room.receipt("m.read", event_id))).errcode == "M_FORBIDDEN"
        assert (await cleo.post(f"{room.path}/read_markers", {})).errcode == "M_FORBIDDEN"
        assert (await room.bert.post(f"{room.path}/read_markers", {"m.read": 5})).errcode == "M_INVALID_PARAM"
        elsewhere = (await cleo.post(f"{V3}/createRoom", {})).ok()["room_id"]
        path = f"{V3}/rooms/{q(elsewhere)}/receipt/m.read/{q(event_id)}"
        assert (await cleo.post(path)).errcode == "M_NOT_FOUND"


async def test_read_markers_set_the_marker_and_receipts(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        first, second = await room.send(room.anna), await room.send(room.anna)
        body = {"m.fully_read": first, "m.read": first, "m.read.private": second}
        (await room.bert.post(f"{room.path}/read_markers", body)).ok()
        section = await room.section(room.bert)
        marker = next(event for event in section["account_data"]["events"] if event["type"] == "m.fully_read")
        assert marker["content"] == {"event_id": first}
        assert set(receipts_of(section)) == {first, second}
        (await room.bert.post(room.receipt("m.fully_read", second))).ok()
        (await room.bert.post(f"{room.path}/read_markers", {"m.fully_read": first})).ok()
        account_data = f"{V3}/user/{q(room.bert.user_id)}/rooms/{q(room.room_id)}/account_data/m.fully_read"
        assert (await room.bert.get(account_data)).ok() == {"event_id": second}


async def test_reading_on_one_device_tells_the_others(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        event_id = await room.send(room.anna)
        phone = await server.login(room.bert.user_id)
        for kind in ("m.read.private", "m.read"):
            since = (await phone.get(f"{V3}/sync")).ok()["next_batch"]
            waiting = asyncio.create_task(phone.get(f"{V3}/sync?since={since}&timeout=20000"))
            await asyncio.sleep(0.05)
            (await room.bert.post(room.receipt(kind, event_id))).ok()
            section = (await asyncio.wait_for(waiting, 5)).ok()["rooms"]["join"][room.room_id]
            assert section["unread_notifications"] == {"highlight_count": 0, "notification_count": 0}
            assert kind in receipts_of(section)[event_id]


async def test_counts_come_with_the_event_and_follow_the_threads(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        since = (await room.bert.get(f"{V3}/sync")).ok()["next_batch"]
        root = await room.send(room.anna)
        mention = {"m.mentions": {"user_ids": [room.bert.user_id]}}
        reply = await room.send(room.anna, thread=root, **mention)
        by_thread = q(orjson.dumps({"room": {"timeline": {"unread_thread_notifications": True}}}).decode())
        plain = (await room.bert.get(f"{V3}/sync?since={since}")).ok()["rooms"]["join"][room.room_id]
        assert plain["unread_notifications"] == {"highlight_count": 1, "notification_count": 2}
        assert "unread_thread_notifications" not in plain
        path = f"{V3}/sync?since={since}&filter={by_thread}"
        apart = (await room.bert.get(path)).ok()["rooms"]["join"][room.room_id]
        assert apart["unread_notifications"] == {"highlight_count": 0, "notification_count": 1}
        assert apart["unread_thread_notifications"] == {root: {"highlight_count": 1, "notification_count": 1}}
        (await room.bert.post(room.receipt("m.read", reply), {"thread_id": root})).ok()
        left = await room.section(room.bert, f"filter={by_thread}")
        assert left["unread_notifications"] == {"highlight_count": 0, "notification_count": 1}
        assert "unread_thread_notifications" not in left


async def test_what_one_sends_is_never_unread_and_marks_its_thread_as_read(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        root = await room.send(room.anna)
        await room.send(room.anna, thread=root)
        await room.send(room.bert)
        counts = (await room.section(room.bert))["unread_notifications"]
        assert counts == {"highlight_count": 0, "notification_count": 1}
        assert (await room.section(room.anna))["unread_notifications"]["notification_count"] == 1


async def test_what_was_said_before_joining_and_by_ignored_users_is_not_unread(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        await room.send(room.anna)
        cleo = await server.register("cleo")
        (await room.anna.post(f"{room.path}/invite", {"user_id": cleo.user_id})).ok()
        (await cleo.post(f"{V3}/join/{q(room.room_id)}")).ok()
        assert (await room.section(cleo))["unread_notifications"]["notification_count"] == 0
        path = f"{V3}/user/{q(cleo.user_id)}/account_data/m.ignored_user_list"
        (await cleo.put(path, {"ignored_users": {room.anna.user_id: {}}})).ok()
        await room.send(room.anna)
        await room.send(room.bert)
        assert (await room.section(cleo))["unread_notifications"]["notification_count"] == 1


async def test_large_rooms_show_receipts_of_the_timeline_and_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_events, "ALL_MEMBERS_MAX", 1)
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        old = await room.send(room.anna)
        (await room.bert.post(room.receipt("m.read", old))).ok()
        (await room.anna.post(room.receipt("m.read", old))).ok()
        for _ in range(12):
            new = await room.send(room.anna)
        assert set((await room.receipts(room.bert))[old]["m.read"]) == {room.bert.user_id}
        (await room.bert.post(room.receipt("m.read", new))).ok()
        shown = await room.receipts(room.anna)
        assert set(shown[new]["m.read"]) == {room.bert.user_id}
        assert set(shown[old]["m.read"]) == {room.anna.user_id}


async def test_who_ends_the_account_leaves_no_receipts(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        room = await open_room(server)
        event_id = await room.send(room.anna)
        (await room.bert.post(room.receipt("m.read", event_id))).ok()
        assert await room.receipts(room.anna) != {}
        (await room.bert.post(f"{V3}/account/deactivate", {"auth": room.bert.password_auth()})).ok()
        assert await room.receipts(room.anna) == {}
