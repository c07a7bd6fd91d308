"""Nobody is told, by any way around, of events that the room's history visibility hides from them."""

from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server

V3 = "/_matrix/client/v3"
V1 = "/_matrix/client/v1"


async def create(client: Client, visibility: str = "shared", **body: Any) -> str:
    setting = {"type": "m.room.history_visibility", "content": {"history_visibility": visibility}}
    body = {"preset": "public_chat", "initial_state": [setting], **body}
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def send(client: Client, room_id: str, txn_id: str, relates_to: dict[str, Any] | None = None) -> str:
    content: dict[str, Any] = {"msgtype": "m.text", "body": txn_id}
    if relates_to is not None:
        content["m.relates_to"] = relates_to
    if relates_to is not None and relates_to["rel_type"] == "m.replace":
        content["m.new_content"] = {"msgtype": "m.text", "body": txn_id}
    answer = await client.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/{txn_id}", content)
    return answer.ok()["event_id"]


async def act(client: Client, room_id: str, action: str, **body: Any) -> None:
    (await client.post(f"{V3}/rooms/{q(room_id)}/{action}", body)).ok()


async def sync(client: Client, since: str | None = None, **query: str) -> dict[str, Any]:
    given = {**query, **({} if since is None else {"since": since})}
    return (await client.get(f"{V3}/sync?" + "&".join(f"{key}={q(value)}" for key, value in given.items()))).ok()


async def read(client: Client, room_id: str, event_id: str) -> dict[str, Any]:
    return (await client.get(f"{V3}/rooms/{q(room_id)}/event/{q(event_id)}")).ok()


def thread(root: str) -> dict[str, Any]:
    return {"rel_type": "m.thread", "event_id": root}


def edit(event_id: str) -> dict[str, Any]:
    return {"rel_type": "m.replace", "event_id": event_id}


def reference(event_id: str) -> dict[str, Any]:
    return {"rel_type": "m.reference", "event_id": event_id}


async def test_aggregations_hold_nothing_sent_after_one_left(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        room_id = await create(anna)
        await act(ben, room_id, "join")
        root = await send(anna, room_id, "root")
        reply = await send(anna, room_id, "reply", thread(root))
        early = await send(anna, room_id, "early", edit(root))
        cited = await send(anna, room_id, "cited", reference(root))
        await act(ben, room_id, "leave")
        await send(anna, room_id, "secret-reply", thread(root))
        await send(anna, room_id, "secret-edit", edit(root))
        await send(anna, room_id, "secret-edit-of-reply", edit(reply))
        hidden = await send(anna, room_id, "secret-reference", reference(root))
        answer = await ben.get(f"{V3}/rooms/{q(room_id)}/event/{q(root)}")
        assert b"secret" not in answer.raw and hidden.encode() not in answer.raw
        relations = answer.ok()["unsigned"]["m.relations"]
        assert relations["m.replace"]["event_id"] == early
        assert relations["m.thread"]["latest_event"]["event_id"] == reply
        assert relations["m.reference"] == {"chunk": [{"event_id": cited}]}
        for path in ("messages?dir=b&limit=50", f"context/{q(root)}", f"threads?x={q(root)}"):
            base = V1 if path.startswith("threads") else V3
            answer = await ben.get(f"{base}/rooms/{q(room_id)}/{path}")
            assert answer.status == 200 and b"secret" not in answer.raw and hidden.encode() not in answer.raw
        whole = (await read(anna, room_id, root))["unsigned"]["m.relations"]
        assert whole["m.thread"]["latest_event"]["content"]["body"] == "secret-reply"
        assert whole["m.replace"]["content"]["body"] == "secret-edit"


async def test_a_thread_of_which_one_may_see_no_reply_is_none(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        room_id = await create(anna)
        await act(ben, room_id, "join")
        root = await send(anna, room_id, "root")
        await act(ben, room_id, "leave")
        await send(anna, room_id, "reply", thread(root))
        assert "m.relations" not in (await read(ben, room_id, root))["unsigned"]


async def test_a_ban_after_leaving_brings_no_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        room_id = await create(anna)
        await act(ben, room_id, "join")
        await act(ben, room_id, "leave")
        since = (await sync(ben))["next_batch"]
        (await anna.put(f"{V3}/rooms/{q(room_id)}/state/m.room.topic", {"topic": "secret"})).ok()
        await act(anna, room_id, "ban", user_id=ben.user_id)
        for answer in (await sync(ben, since), await sync(ben, filter='{"room":{"include_leave":true}}')):
            assert "secret" not in str(answer)
        answer = await sync(ben, since, use_state_after="true")
        assert "secret" not in str(answer)


async def test_an_invitation_declined_after_leaving_brings_no_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        room_id = await create(anna)
        await act(ben, room_id, "join")
        await act(ben, room_id, "leave")
        (await anna.put(f"{V3}/rooms/{q(room_id)}/state/org.example.plan", {"plan": "secret"})).ok()
        await act(anna, room_id, "invite", user_id=ben.user_id)
        since = (await sync(ben))["next_batch"]
        await act(ben, room_id, "leave")
        answer = await sync(ben, since)
        assert "secret" not in str(answer) and room_id in answer["rooms"]["leave"]
        assert "secret" not in str(await sync(ben, filter='{"room":{"include_leave":true}}'))


async def test_state_that_looks_like_a_redaction_takes_the_right_to_redact(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        levels = {"state_default": 0, "redact": 50, "events": {"m.room.redaction": 0}}
        for version in ("10", "11", "12"):
            room_id = await create(anna, power_level_content_override=levels, room_version=version)
            await act(ben, room_id, "join")
            said = await send(anna, room_id, "said")
            answer = await ben.put(f"{V3}/rooms/{q(room_id)}/state/m.room.redaction/x", {"redacts": said})
            assert (await read(anna, room_id, said))["content"].get("body") == "said", version
            assert answer.status in (200, 403)


async def test_redacted_state_is_gone_from_the_event_that_replaced_it(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna)
        path = f"{V3}/rooms/{q(room_id)}/state/m.room.topic"
        first = (await anna.put(path, {"topic": "secret"})).ok()["event_id"]
        second = (await anna.put(path, {"topic": "fine"})).ok()["event_id"]
        assert (await read(anna, room_id, second))["unsigned"]["prev_content"] == {"topic": "secret"}
        await sync(anna)
        (await anna.put(f"{V3}/rooms/{q(room_id)}/redact/{q(first)}/1", {})).ok()
        assert (await read(anna, room_id, second))["unsigned"]["prev_content"] == {}
        timeline = (await sync(anna))["rooms"]["join"][room_id]["timeline"]["events"]
        assert "secret" not in str(timeline)


async def fill_inbox(server: InProcessServer, sender: Client, receiver: Client, count: int) -> None:
    for number in range(count):
        body = {"messages": {receiver.user_id: {receiver.device_id: {"number": number}}}}
        (await sender.put(f"{V3}/sendToDevice/org.example.note/{number}", body)).ok()


@pytest.mark.parametrize("visibility", ["joined", "shared"])
async def test_an_answer_that_ends_early_tells_of_rooms_as_they_were_then(tmp_path: Path, visibility: str) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        joined_late, left_late = await create(anna, visibility), await create(anna, visibility)
        await act(ben, left_late, "join")
        since = (await sync(ben))["next_batch"]
        await send(anna, joined_late, "before-the-join")
        await send(anna, left_late, "before-the-leave")
        await fill_inbox(server, anna, ben, 501)
        await act(ben, joined_late, "join")
        await act(ben, left_late, "leave")
        early = await sync(ben, since)
        assert len(early["to_device"]["events"]) == 500
        assert joined_late not in early.get("rooms", {}).get("join", {})
        bodies = [e["content"].get("body") for e in early["rooms"]["join"][left_late]["timeline"]["events"]]
        assert bodies == ["before-the-leave"]
        late = await sync(ben, early["next_batch"])
        assert joined_late in late["rooms"]["join"] and left_late in late["rooms"]["leave"]
        if visibility == "joined":
            assert "before-the-join" not in str(late)
        assert "before-the-leave" not in str(late["rooms"])


async def test_a_ban_right_after_leaving_takes_nothing_away_and_brings_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = [await server.register(name) for name in ("anna", "ben")]
        room_id = await create(anna)
        await act(ben, room_id, "join")
        since = (await sync(ben))["next_batch"]
        await send(anna, room_id, "before")
        await act(ben, room_id, "leave")
        (await anna.put(f"{V3}/rooms/{q(room_id)}/state/m.room.topic", {"topic": "secret"})).ok()
        await act(anna, room_id, "ban", user_id=ben.user_id)
        for query in ({}, {"use_state_after": "true"}, {"full_state": "true"}):
            left = (await sync(ben, since, **query))["rooms"]["leave"][room_id]
            assert "secret" not in str(left)
            kinds = [
                event["content"].get("body") or event["content"]["membership"] for event in left["timeline"]["events"]
            ]
            assert kinds == ["before", "leave"]
