"""HTTP push: from a message to a real gateway, through failures and restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server
from tests.push.receiver import Receiver, running_receiver

from zajil.push import deliver_pushes
from zajil.push.deliver_pushes import PushDelivery
from zajil.services.notifications.set_pusher import is_gateway_url

V3 = "/_matrix/client/v3"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as opened:
        yield opened


@pytest.fixture(autouse=True)
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver_pushes, "BACKOFF_MS", 20)
    monkeypatch.setattr(deliver_pushes, "BACKOFF_MS_MAX", 100)


def open_server(data: Path) -> Any:
    return running_server(data, push_allow_private_networks=True)


def build_pusher(url: str, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "http",
        "app_id": "org.example.app",
        "pushkey": "key1",
        "app_display_name": "App",
        "device_display_name": "Phone",
        "lang": "en",
        "data": {"url": url, "colour": "blue"},
        **fields,
    }


class Chat:
    """Anna writes to bert, who has a pusher."""

    def __init__(self, server: InProcessServer, anna: Client, bert: Client, room_id: str) -> None:
        self.server, self.anna, self.bert, self.room_id = server, anna, bert, room_id
        self.path = f"{V3}/rooms/{q(room_id)}"

    async def send(self, body: str, client: Client | None = None, **content: Any) -> str:
        path = f"{self.path}/send/m.room.message/{body}"
        return str(
            (await (client or self.anna).put(path, {"msgtype": "m.text", "body": body, **content})).ok()["event_id"]
        )

    async def read(self, event_id: str) -> None:
        (await self.bert.post(f"{self.path}/receipt/m.read/{q(event_id)}")).ok()

    async def pushers(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self.bert.get(f"{V3}/pushers")).ok()["pushers"]
        return listed


async def open_chat(server: InProcessServer, **pusher: Any) -> Chat:
    anna, bert = await server.register("anna"), await server.register("bert")
    (await anna.put(f"{V3}/profile/{q(anna.user_id)}/displayname", {"displayname": "Anna"})).ok()
    body = {"preset": "private_chat", "invite": [bert.user_id], "name": "Den"}
    room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
    (await bert.post(f"{V3}/join/{q(room_id)}")).ok()
    (await bert.post(f"{V3}/pushers/set", build_pusher(**pusher))).ok()
    return Chat(server, anna, bert, room_id)


async def test_a_message_is_pushed_in_full(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        await chat.send("own", chat.bert)
        event_id = await chat.send("hello")
        hit = await receiver.wait_for(event_id)
        notification = hit.notification
        device = notification.pop("devices")[0]
        assert device.pop("pushkey_ts") > 1_600_000_000
        assert device == {
            "app_id": "org.example.app",
            "pushkey": "key1",
            "data": {"colour": "blue"},
            "tweaks": {"sound": "default"},
        }
        assert notification == {
            "event_id": event_id,
            "room_id": chat.room_id,
            "type": "m.room.message",
            "sender": chat.anna.user_id,
            "sender_display_name": "Anna",
            "room_name": "Den",
            "prio": "high",
            "counts": {"unread": 1},
            "content": {"msgtype": "m.text", "body": "hello"},
        }
        assert hit.path == "/_matrix/push/v1/notify"
        assert all(each.notification.get("event_id") == event_id for each in receiver.hits)


async def test_a_pusher_may_ask_for_the_event_id_only(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        data = {"url": receiver.gateway, "format": "event_id_only"}
        chat = await open_chat(server, url="", data=data)
        event_id = await chat.send("secret")
        hit = await receiver.wait_for(event_id)
        assert hit.notification.keys() == {"event_id", "room_id", "prio", "counts", "devices"}
        assert b"secret" not in hit.body


async def test_an_invitation_is_pushed(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        (await chat.anna.post(f"{V3}/createRoom", {"invite": [chat.bert.user_id], "is_direct": True})).ok()
        hit = (await receiver.wait(1))[0]
        assert hit.notification["type"] == "m.room.member"
        assert hit.notification["user_is_target"] is True
        assert hit.notification["counts"] == {"unread": 1}


async def test_what_notifies_nobody_is_not_pushed(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        await chat.send("notice", msgtype="m.notice")
        path = f"{V3}/user/{q(chat.bert.user_id)}/account_data/m.ignored_user_list"
        (await chat.bert.put(path, {"ignored_users": {chat.anna.user_id: {}}})).ok()
        await chat.send("ignored")
        cleo = await server.register("cleo")
        (await chat.anna.post(f"{chat.path}/invite", {"user_id": cleo.user_id})).ok()
        (await cleo.post(f"{V3}/join/{q(chat.room_id)}")).ok()
        last = await chat.send("heard", cleo)
        await receiver.wait_for(last)
        assert [hit.notification["event_id"] for hit in receiver.hits] == [last]


async def test_reading_takes_the_number_from_the_icon(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        event_id = await chat.send("hello")
        await receiver.wait_for(event_id)
        await chat.read(event_id)
        hit = (await receiver.wait(2))[1]
        assert hit.notification["counts"] == {"unread": 0}
        assert "event_id" not in hit.notification


async def test_what_was_read_before_it_could_be_pushed_is_not(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        receiver.status = 500
        first = await chat.send("first")
        await receiver.wait_for(first)
        await chat.read(first)
        receiver.status = 200
        receiver.hits.clear()
        second = await chat.send("second")
        await receiver.wait_for(second)
        assert [hit.notification.get("event_id") for hit in receiver.hits if "event_id" in hit.notification] == [second]


async def test_a_failing_gateway_gets_everything_later_and_in_order(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        receiver.status = 503
        sent = [await chat.send(f"m{number}") for number in range(3)]
        await receiver.wait(3)
        assert {hit.notification["event_id"] for hit in receiver.hits} == {sent[0]}
        receiver.status = 200
        receiver.hits.clear()
        await receiver.wait_for(sent[2])
        assert [hit.notification["event_id"] for hit in receiver.hits] == sent


async def test_nothing_is_lost_by_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        receiver.status = 503
        queued = await chat.send("queued")
        await receiver.wait_for(queued)
        # Committed, and the server is gone before it has looked at it.
        unseen = await chat.send("unseen")
    receiver.status = 200
    receiver.hits.clear()
    async with open_server(tmp_path):
        await receiver.wait_for(unseen)
        assert [hit.notification["event_id"] for hit in receiver.hits] == [queued, unseen]


async def test_a_crash_in_the_middle_of_a_push_repeats_it(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver_pushes, "CLAIM_MS", 500)
    monkeypatch.setattr(deliver_pushes, "TIMEOUT_MS", 400)

    async def never_given_back(_: PushDelivery) -> None:
        return None

    monkeypatch.setattr(PushDelivery, "_stop", never_given_back)
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        receiver.answers.clear()
        event_id = await chat.send("hello")
        await receiver.wait_for(event_id)
    receiver.answers.set()
    receiver.hits.clear()
    async with open_server(tmp_path):
        await receiver.wait_for(event_id)


async def test_a_rejected_key_ends_the_pusher(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        receiver.rejected = ["another"]
        await receiver.wait_for(await chat.send("one"))
        assert len(await chat.pushers()) == 1
        receiver.rejected = ["key1"]
        await receiver.wait_for(await chat.send("two"))
        async with asyncio.timeout(5):
            while await chat.pushers():
                await asyncio.sleep(0.02)
        assert await server.app.db.reader.fetch_value("SELECT count(*) FROM push_queue") == 0


async def test_what_waits_for_a_dead_gateway_is_bounded(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver_pushes, "WAITING_MAX", 3)
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        receiver.status = 404
        sent = [await chat.send(f"m{number}") for number in range(8)]
        kept = {stored.nid for stored in await server.app.stores.events.load_by_ids(server.app.db.reader, sent[-3:])}
        async with asyncio.timeout(10):
            while {row[0] for row in await server.app.db.reader.fetch("SELECT event_nid FROM push_queue")} != kept:
                await asyncio.sleep(0.02)
        receiver.status = 200
        receiver.hits.clear()
        await receiver.wait_for(sent[-1])
        assert [hit.notification["event_id"] for hit in receiver.hits] == sent[-3:]


async def test_two_users_of_one_phone(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway)
        (await chat.anna.post(f"{V3}/pushers/set", build_pusher(receiver.gateway, append=True))).ok()
        assert len(await chat.pushers()) == 1
        (await chat.anna.post(f"{V3}/pushers/set", build_pusher(receiver.gateway))).ok()
        assert await chat.pushers() == []


async def test_pushers_are_listed_changed_and_end_with_their_device(tmp_path: Path, receiver: Receiver) -> None:
    async with open_server(tmp_path) as server:
        chat = await open_chat(server, url=receiver.gateway, profile_tag="x")
        assert await chat.pushers() == [build_pusher(receiver.gateway, profile_tag="x")]
        (await chat.bert.post(f"{V3}/pushers/set", build_pusher(receiver.gateway, lang="ar"))).ok()
        assert [each["lang"] for each in await chat.pushers()] == ["ar"]
        phone = await server.login(chat.bert.user_id)
        (await phone.post(f"{V3}/pushers/set", build_pusher(receiver.gateway, pushkey="key2"))).ok()
        assert len(await chat.pushers()) == 2
        (await phone.post(f"{V3}/logout")).ok()
        assert [each["pushkey"] for each in await chat.pushers()] == ["key1"]
        gone = {"kind": None, "app_id": "org.example.app", "pushkey": "key1"}
        (await chat.bert.post(f"{V3}/pushers/set", gone)).ok()
        (await chat.bert.post(f"{V3}/pushers/set", gone)).ok()
        assert await chat.pushers() == []


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"kind": "email"}, "M_INVALID_PARAM"),
        ({"kind": ...}, "M_MISSING_PARAM"),
        ({"app_id": ...}, "M_MISSING_PARAM"),
        ({"lang": ...}, "M_MISSING_PARAM"),
        ({"data": ...}, "M_MISSING_PARAM"),
        ({"data": {}}, "M_MISSING_PARAM"),
        ({"data": []}, "M_BAD_JSON"),
        ({"data": {"url": 5}}, "M_BAD_JSON"),
        ({"data": {"url": "https://example.org/notify"}}, "M_INVALID_PARAM"),
        ({"data": {"url": "http://example.org/_matrix/push/v1/notify"}}, "M_INVALID_PARAM"),
        ({"pushkey": 5}, "M_BAD_JSON"),
        ({"pushkey": "x" * 513}, "M_INVALID_PARAM"),
        ({"app_id": "x" * 65}, "M_INVALID_PARAM"),
        ({"append": "yes"}, "M_BAD_JSON"),
        ({"data": {"url": "https://example.org/_matrix/push/v1/notify", "x": "x" * 9000}}, "M_TOO_LARGE"),
    ],
)
async def test_what_is_no_pusher_is_refused(tmp_path: Path, change: dict[str, Any], errcode: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        body = {**build_pusher("https://example.org/_matrix/push/v1/notify"), **change}
        body = {key: value for key, value in body.items() if value is not ...}
        answer = await anna.post(f"{V3}/pushers/set", body)
        assert answer.errcode == errcode
        assert (await anna.get(f"{V3}/pushers")).ok() == {"pushers": []}


@pytest.mark.parametrize(
    "url",
    [
        "https://u:p@example.org/_matrix/push/v1/notify",
        "https://example.org/_matrix/push/v1/notify?x",
        "https:///_matrix/push/v1/notify",
        "https://[::1/_matrix/push/v1/notify",
        "https://example.org:x/_matrix/push/v1/notify",
        "https://example.org/_matrix/push/v1/notify/",
    ],
)
def test_urls_of_gateways(url: str) -> None:
    assert is_gateway_url("https://example.org:8443/_matrix/push/v1/notify")
    assert not is_gateway_url(url)


async def test_private_addresses_are_not_pushed_to(tmp_path: Path, receiver: Receiver) -> None:
    async with running_server(tmp_path) as server:
        url = receiver.gateway.replace("http://", "https://")
        chat = await open_chat(server, url=url)
        await chat.send("hello")
        async with asyncio.timeout(10):
            while not await server.app.db.reader.fetch_value("SELECT failures FROM pushers"):
                await asyncio.sleep(0.02)
        assert receiver.hits == []


async def test_the_list_of_notifications(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        chat = await open_chat(server, url="https://example.org/_matrix/push/v1/notify")
        other = (await chat.anna.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        (await chat.bert.post(f"{V3}/join/{q(other)}")).ok()
        sent = [await chat.send(f"m{number}") for number in range(4)]
        path = f"{V3}/rooms/{q(other)}/send/m.room.message/x"
        mention = {"msgtype": "m.text", "body": "x", "m.mentions": {"user_ids": [chat.bert.user_id]}}
        sent.append((await chat.anna.put(path, mention)).ok()["event_id"])
        await chat.send("own", chat.bert)
        sent.append(await chat.send("last"))
        first = (await chat.bert.get(f"{V3}/notifications?limit=3")).ok()
        shown = first["notifications"]
        assert [each["event"]["event_id"] for each in shown] == [sent[5], sent[4], sent[3]]
        assert [each["read"] for each in shown] == [False, False, True]
        assert shown[1]["room_id"] == other
        assert shown[0]["actions"] == ["notify", {"set_tweak": "sound", "value": "default"}]
        second = (await chat.bert.get(f"{V3}/notifications?from={first['next_token']}")).ok()
        assert [each["event"]["event_id"] for each in second["notifications"]] == [sent[2], sent[1], sent[0]]
        assert "next_token" not in second
        highlights = (await chat.bert.get(f"{V3}/notifications?only=highlight")).ok()["notifications"]
        assert [each["event"]["event_id"] for each in highlights] == [sent[4]]
        assert (await chat.bert.get(f"{V3}/notifications?from=nonsense")).errcode == "M_INVALID_PARAM"
