"""Reading and setting state, and redactions, over the whole stack."""

from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"
FORBIDDEN = (403, "M_FORBIDDEN")


async def create(client: Client, **body: Any) -> str:
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def put(client: Client, room_id: str, path: str, content: Any) -> tuple[int, str]:
    answer = await client.put(f"{V3}/rooms/{q(room_id)}/state/{path}", content)
    return answer.status, answer.errcode


async def get(client: Client, room_id: str, path: str = "") -> tuple[int, Any]:
    answer = await client.get(f"{V3}/rooms/{q(room_id)}/state{path}")
    return answer.status, answer.body if answer.status == 200 else answer.errcode


async def send(client: Client, room_id: str, body: str, txn: str) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{txn}"
    return (await client.put(path, {"msgtype": "m.text", "body": body})).ok()["event_id"]


async def redact(client: Client, room_id: str, event_id: str, txn: str, body: Any = None) -> Any:
    return await client.put(f"{V3}/rooms/{q(room_id)}/redact/{q(event_id)}/{txn}", body)


async def test_set_and_get_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna)
        for path, key in (("m.room.topic", ""), ("m.room.topic/", ""), ("org.example/a%2Fb", "a/b")):
            kind = path.partition("/")[0]
            answer = await anna.put(f"{V3}/rooms/{q(room_id)}/state/{path}", {"topic": path})
            event_id = answer.ok()["event_id"]
            again = await anna.put(f"{V3}/rooms/{q(room_id)}/state/{path}", {"topic": path})
            assert again.ok()["event_id"] == event_id
            assert await get(anna, room_id, f"/{path}") == (200, {"topic": path})
            status, event = await get(anna, room_id, f"/{path}?format=event")
            assert status == 200
            assert (event["event_id"], event["type"], event["state_key"]) == (event_id, kind, key)
            assert event["sender"] == anna.user_id
        assert await get(anna, room_id, "/m.room.topic?format=pdf") == (400, "M_INVALID_PARAM")
        assert await get(anna, room_id, "/org.example/") == (404, "M_NOT_FOUND")
        assert await get(ben, room_id) == FORBIDDEN
        assert await get(ben, room_id, "/m.room.topic") == FORBIDDEN
        assert await get(ben, "!nowhere:localhost") == FORBIDDEN
        assert await put(ben, room_id, "m.room.topic", {}) == FORBIDDEN


async def test_a_world_readable_room_is_read_by_strangers(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        readable = [{"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}}]
        room_id = await create(anna, initial_state=readable)
        status, events = await get(ben, room_id)
        assert status == 200
        assert len(events) == 6
        assert (await ben.get(f"{V3}/rooms/{q(room_id)}/members")).status == 200
        assert (await ben.get(f"{V3}/rooms/{q(room_id)}/joined_members")).errcode == "M_FORBIDDEN"


async def test_who_left_sees_the_state_as_it_was(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await create(anna, preset="public_chat", name="before")
        path = f"{V3}/rooms/{q(room_id)}"
        for each in (ben, carl):
            (await each.post(f"{path}/join")).ok()
        token = (await anna.get(f"{V3}/sync")).ok()["next_batch"]
        (await anna.post(f"{path}/kick", {"user_id": ben.user_id})).ok()
        assert await put(anna, room_id, "m.room.name", {"name": "after"}) == (200, "")
        (await carl.post(f"{path}/leave")).ok()
        (await anna.post(f"{path}/ban", {"user_id": ben.user_id})).ok()
        assert await get(ben, room_id, "/m.room.name") == (200, {"name": "before"})
        assert await get(anna, room_id, "/m.room.name") == (200, {"name": "after"})
        assert (await get(ben, room_id, f"/m.room.member/{q(ben.user_id)}"))[1]["membership"] == "leave"
        assert (await get(ben, room_id, f"/m.room.member/{q(carl.user_id)}"))[1]["membership"] == "join"
        _, events = await get(ben, room_id)
        content = {(each["type"], each["state_key"]): each["content"] for each in events}
        assert content[("m.room.name", "")] == {"name": "before"}
        assert content[("m.room.member", carl.user_id)]["membership"] == "join"

        async def members(client: Client, query: str = "") -> dict[str, str]:
            chunk = (await client.get(f"{path}/members{query}")).ok()["chunk"]
            return {each["state_key"]: each["content"]["membership"] for each in chunk}

        everybody = {anna.user_id: "join", ben.user_id: "join", carl.user_id: "join"}
        assert await members(ben) == {**everybody, ben.user_id: "leave"}
        assert await members(anna) == {anna.user_id: "join", ben.user_id: "ban", carl.user_id: "leave"}
        assert await members(anna, f"?at={token}") == everybody
        assert await members(ben, f"?at={token}") == everybody
        now = (await anna.get(f"{V3}/sync")).ok()["next_batch"]
        assert await members(ben, f"?at={now}") == {**everybody, ben.user_id: "leave"}
        assert await members(anna, "?membership=join") == {anna.user_id: "join"}
        assert await members(anna, "?not_membership=ban") == {anna.user_id: "join", carl.user_id: "leave"}
        assert await members(anna, "?membership=ban&not_membership=join") == {
            ben.user_id: "ban",
            carl.user_id: "leave",
        }
        for query in ("?membership=king", "?at=x"):
            answer = await anna.get(f"{path}/members{query}")
            assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


async def test_who_was_only_invited_sees_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, invite=[ben.user_id])
        assert await get(ben, room_id) == FORBIDDEN
        (await ben.post(f"{V3}/rooms/{q(room_id)}/leave")).ok()
        assert await get(ben, room_id) == FORBIDDEN


async def test_protected_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna)
        assert await put(anna, room_id, "m.room.create", {"room_version": "12"}) == FORBIDDEN
        acl = "m.room.server_acl"
        assert await put(anna, room_id, acl, {"allow": ["*"], "deny": ["*.evil.example"]}) == (200, "")
        assert await put(anna, room_id, acl, {"allow": []}) == (400, "M_INVALID_PARAM")
        assert await put(anna, room_id, acl, {"allow": ["*"], "deny": ["local*"]}) == (400, "M_INVALID_PARAM")
        assert await put(anna, room_id, acl, {"allow": "*"}) == (400, "M_BAD_JSON")
        assert await put(anna, room_id, "m.room.power_levels", {"ban": "50"}) == (400, "M_BAD_JSON")
        assert await put(anna, room_id, "org.example/@ben:localhost", {}) == FORBIDDEN
        assert await put(anna, room_id, "org.example/@anna:localhost", {}) == (200, "")


async def test_canonical_alias_must_point_here(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna, room_alias_name="here")
        await create(anna, room_alias_name="there")
        alias = "m.room.canonical_alias"
        assert await put(anna, room_id, alias, {"alias": "#there:localhost"}) == (400, "M_BAD_ALIAS")
        assert await put(anna, room_id, alias, {"alias": "#no:localhost"}) == (400, "M_BAD_ALIAS")
        assert await put(anna, room_id, alias, {"alias": "no"}) == (400, "M_INVALID_PARAM")
        assert await put(anna, room_id, alias, {"alias": 5}) == (400, "M_BAD_JSON")
        both = {"alias": "#here:localhost", "alt_aliases": ["#there:localhost"]}
        assert await put(anna, room_id, alias, both) == (400, "M_BAD_ALIAS")
        assert await put(anna, room_id, alias, {"alt_aliases": ["#here:localhost"]}) == (200, "")
        (await anna.delete(f"{V3}/directory/room/{q('#here:localhost')}")).ok()
        assert await put(anna, room_id, alias, {"alias": None, "alt_aliases": []}) == (200, "")
        assert await put(anna, room_id, alias, {"alias": "#here:localhost"}) == (400, "M_BAD_ALIAS")


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_redact(tmp_path: Path, version: str) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset="public_chat", room_version=version)
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        mine, hers = await send(ben, room_id, "mine", "1"), await send(anna, room_id, "hers", "1")
        answer = await redact(ben, room_id, hers, "r1")
        assert (answer.status, answer.errcode) == FORBIDDEN
        redaction = (await redact(ben, room_id, mine, "r1", {"reason": "oops"})).ok()["event_id"]
        assert (await redact(ben, room_id, mine, "r1", {"reason": "oops"})).ok()["event_id"] == redaction
        event = (await anna.get(f"{V3}/rooms/{q(room_id)}/event/{q(mine)}")).ok()
        assert event["content"] == {}
        because = event["unsigned"]["redacted_because"]
        assert because["event_id"] == redaction
        assert because["content"]["reason"] == "oops"
        assert because["redacts"] == mine
        assert because["content"]["redacts"] == mine
        third = await send(ben, room_id, "third", "2")
        (await redact(anna, room_id, third, "r1")).ok()
        assert (await ben.get(f"{V3}/rooms/{q(room_id)}/event/{q(third)}")).ok()["content"] == {}
        assert (await redact(anna, room_id, "$nothing", "r2")).errcode == "M_NOT_FOUND"
        assert (await redact(anna, room_id, "nothing", "r2")).errcode == "M_INVALID_PARAM"
        assert (await redact(anna, room_id, third, "r3", {"reason": 5})).errcode == "M_BAD_JSON"
        _, create_event = await get(anna, room_id, "/m.room.create?format=event")
        assert (await redact(anna, room_id, create_event["event_id"], "r4")).errcode == "M_FORBIDDEN"


async def test_redact_through_send(tmp_path: Path) -> None:
    """The power to redact is asked for whichever way a redaction comes."""
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset="public_chat")
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        hers = await send(anna, room_id, "hers", "1")
        path = f"{V3}/rooms/{q(room_id)}/send/m.room.redaction/t"
        answer = await ben.put(path, {"redacts": hers})
        assert (answer.status, answer.errcode) == FORBIDDEN
        (await anna.put(path, {"redacts": hers})).ok()
        assert (await ben.get(f"{V3}/rooms/{q(room_id)}/event/{q(hers)}")).ok()["content"] == {}


async def test_redacted_state_is_read_redacted(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna, name="secret")
        _, event = await get(anna, room_id, "/m.room.name?format=event")
        (await redact(anna, room_id, event["event_id"], "1")).ok()
        assert await get(anna, room_id, "/m.room.name") == (200, {})
