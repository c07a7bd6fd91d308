"""/initialSync and /events, which room previews still use."""

import asyncio
from pathlib import Path

from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"


async def create_room(who: Client, **body: object) -> str:
    room_id: str = (await who.post(f"{V3}/createRoom", body)).ok()["room_id"]
    return room_id


async def say(who: Client, room_id: str, text: str) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{q(text)}"
    event_id: str = (await who.put(path, {"msgtype": "m.text", "body": text})).ok()["event_id"]
    return event_id


BLOCK = {"default_action": "block"}
WORLD_READABLE = {
    "type": "m.room.history_visibility",
    "state_key": "",
    "content": {"history_visibility": "world_readable"},
}


async def test_a_stranger_previews_a_room(tmp_path: Path) -> None:
    async with running_server(tmp_path, guest_access=True) as server:
        anna = await server.register("anna")
        bert = server.client()
        bert.access_token = (await bert.post(f"{V3}/register?kind=guest")).ok()["access_token"]
        shut = await create_room(anna)
        room_id = await create_room(anna, preset="public_chat", initial_state=[WORLD_READABLE])
        sent = [await say(anna, room_id, text) for text in ("one", "two", "three")]
        refused = await bert.get(f"{V3}/rooms/{q(shut)}/initialSync")
        assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
        assert (await bert.get(f"{V3}/events?room_id={q(shut)}")).status == 403
        preview = (await bert.get(f"{V3}/rooms/{q(room_id)}/initialSync?limit=2")).ok()
        assert [event["event_id"] for event in preview["messages"]["chunk"]] == sent[1:]
        assert "membership" not in preview
        assert {"m.room.create", "m.room.member"} <= {event["type"] for event in preview["state"]}
        earlier = await bert.get(f"{V3}/rooms/{q(room_id)}/messages?dir=b&limit=1&from={preview['messages']['start']}")
        assert [event["event_id"] for event in earlier.ok()["chunk"]] == sent[:1]
        token = preview["messages"]["end"]
        peek = asyncio.create_task(bert.get(f"{V3}/events?room_id={q(room_id)}&from={token}&timeout=5000"))
        await asyncio.sleep(0.01)
        fourth = await say(anna, room_id, "four")
        heard = (await peek).ok()
        assert [event["event_id"] for event in heard["chunk"]] == [fourth]
        again = (await bert.get(f"{V3}/events?room_id={q(room_id)}&from={heard['end']}")).ok()
        assert again["chunk"] == []


async def test_the_whole_account(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        joined = await create_room(bert, invite=[anna.user_id])
        invited = await create_room(bert, invite=[anna.user_id])
        (await anna.put(f"{V3}/user/{q(anna.user_id)}/account_data/m.invite_permission_config", BLOCK)).ok()
        assert {room["room_id"] for room in (await anna.get(f"{V3}/initialSync")).ok()["rooms"]} == set()
        (await anna.put(f"{V3}/user/{q(anna.user_id)}/account_data/m.invite_permission_config", {})).ok()
        left = await create_room(anna)
        (await anna.post(f"{V3}/join/{q(joined)}")).ok()
        (await anna.post(f"{V3}/rooms/{q(left)}/leave")).ok()
        (await anna.put(f"{V3}/user/{q(anna.user_id)}/account_data/org.example", {"a": 1})).ok()
        (await anna.put(f"{V3}/user/{q(anna.user_id)}/rooms/{q(joined)}/tags/u.x", {"order": 0.5})).ok()
        answer = (await anna.get(f"{V3}/initialSync?limit=1")).ok()
        rooms = {room["room_id"]: room for room in answer["rooms"]}
        assert set(rooms) == {joined, invited}
        assert rooms[joined]["membership"] == "join"
        assert len(rooms[joined]["messages"]["chunk"]) == 1
        assert rooms[joined]["account_data"] == [{"type": "m.tag", "content": {"tags": {"u.x": {"order": 0.5}}}}]
        assert rooms[invited]["invite"]["content"]["membership"] == "invite"
        assert {"type": "org.example", "content": {"a": 1}} in answer["account_data"]
        archived = (await anna.get(f"{V3}/initialSync?archived=true")).ok()
        assert {room["room_id"]: room["membership"] for room in archived["rooms"]}[left] == "leave"

        waiting = asyncio.create_task(anna.get(f"{V3}/events?from={answer['end']}&timeout=5000"))
        await asyncio.sleep(0.01)
        hello = await say(bert, joined, "hello")
        chunk = (await waiting).ok()["chunk"]
        assert [(event["event_id"], event["room_id"]) for event in chunk if event["type"] == "m.room.message"] == [
            (hello, joined)
        ]


async def test_listening_receives_no_messages_to_devices(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        since = (await anna.get(f"{V3}/sync")).ok()["next_batch"]
        body = {"messages": {anna.user_id: {anna.device_id: {"hello": 1}}}}
        (await bert.put(f"{V3}/sendToDevice/org.example/1", body)).ok()
        end = (await anna.get(f"{V3}/events?from={since}")).ok()["end"]
        (await anna.get(f"{V3}/events?from={end}")).ok()
        assert (await anna.get(f"{V3}/sync?since={since}")).ok()["to_device"]["events"][0]["content"] == {"hello": 1}


async def test_one_event(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        event_id = await say(anna, await create_room(anna), "hello")
        assert (await anna.get(f"{V3}/events/{q(event_id)}")).ok()["content"]["body"] == "hello"
        for who, path in (bert, q(event_id)), (anna, "$nothing"):
            refused = await who.get(f"{V3}/events/{path}")
            assert (refused.status, refused.errcode) == (404, "M_NOT_FOUND")


async def test_bad_tokens(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        for path in ("events?from=nonsense", "events?timeout=-1", "initialSync?limit=x", "initialSync?archived=1"):
            refused = await anna.get(f"{V3}/{path}")
            assert (refused.status, refused.errcode) == (400, "M_INVALID_PARAM"), path
