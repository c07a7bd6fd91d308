"""Ignoring users over the whole stack (client-server API, "Ignoring Users")."""

from pathlib import Path

from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"


async def send(client: Client, room_id: str, body: str) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{body}"
    return (await client.put(path, {"msgtype": "m.text", "body": body})).ok()["event_id"]


async def test_what_ignored_users_send_is_not_shown(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        override = {"state_default": 0}
        body = {"preset": "public_chat", "power_level_content_override": override}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        room = f"{V3}/rooms/{q(room_id)}"
        (await ben.post(f"{room}/join")).ok()
        first = await send(ben, room_id, "before")
        since = (await anna.get(f"{V3}/sync")).ok()["next_batch"]

        async def ignore(*user_ids: str) -> None:
            path = f"{V3}/user/{q(anna.user_id)}/account_data/m.ignored_user_list"
            (await anna.put(path, {"ignored_users": {user_id: {} for user_id in user_ids}})).ok()

        async def timeline(query: str) -> list[str]:
            rooms = (await anna.get(f"{V3}/sync{query}")).ok().get("rooms", {})
            events = rooms.get("join", {}).get(room_id, {}).get("timeline", {}).get("events", [])
            return [each["content"].get("body") or each["type"] for each in events]

        await ignore(ben.user_id)
        event_id = await send(ben, room_id, "ignored")
        (await ben.put(f"{room}/state/m.room.topic", {"topic": "state is shown"})).ok()
        await send(anna, room_id, "own")
        assert await timeline(f"?since={since}") == ["m.room.topic", "own"]
        fresh = await timeline("")
        assert "own" in fresh
        assert not {"before", "ignored"} & set(fresh)
        chunk = (await anna.get(f"{room}/messages?dir=b")).ok()["chunk"]
        assert {each["sender"] for each in chunk if "state_key" not in each} == {anna.user_id}
        for hidden in (first, event_id):
            assert (await anna.get(f"{room}/event/{q(hidden)}")).status == 404
        assert (await ben.get(f"{room}/event/{q(event_id)}")).status == 200
        await ignore()
        since = (await anna.get(f"{V3}/sync")).ok()["next_batch"]
        await send(ben, room_id, "after")
        assert await timeline(f"?since={since}") == ["after"]
        assert "before" in await timeline("")
