"""GET /timestamp_to_event finds the nearest event that the asker may see, however many there are that they may not."""

from pathlib import Path

from tests.client import Client, q, running_server

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"
HIDDEN = 130
"""More than two pages of what the server looks at."""


async def send(client: Client, room_id: str, number: int) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{number}"
    return str((await client.put(path, {"msgtype": "m.text", "body": f"{number}"})).ok()["event_id"])


async def find(client: Client, room_id: str, ts_ms: int, direction: str) -> str:
    answer = await client.get(f"{V1}/rooms/{q(room_id)}/timestamp_to_event?ts={ts_ms}&dir={direction}")
    return str(answer.ok()["event_id"]) if answer.status == 200 else answer.errcode


async def test_hidden_events_are_passed_over(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, badr = await server.register("anna"), await server.register("badr")
        hide = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "joined"}}
        body = {"preset": "public_chat", "initial_state": [hide]}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        sent = [await send(anna, room_id, number) for number in range(HIDDEN)]
        (await badr.post(f"{V3}/join/{q(room_id)}")).ok()
        joined = await find(badr, room_id, 0, "f")
        assert joined not in sent
        event = (await badr.get(f"{V3}/rooms/{q(room_id)}/event/{q(joined)}")).ok()
        assert event["type"] in ("m.room.create", "m.room.member"), "what may be seen is found behind what may not"
        assert await find(badr, room_id, 2**52, "f") == "M_NOT_FOUND"


async def test_ignored_senders_are_passed_over_in_both_directions(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, badr = await server.register("anna"), await server.register("badr")
        room_id = (await anna.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        (await badr.post(f"{V3}/join/{q(room_id)}")).ok()
        first = await send(badr, room_id, 0)
        start_ms = (await badr.get(f"{V3}/rooms/{q(room_id)}/event/{q(first)}")).ok()["origin_server_ts"]
        for number in range(HIDDEN):
            await send(anna, room_id, number)
        last = await send(badr, room_id, 1)
        end_ms = (await badr.get(f"{V3}/rooms/{q(room_id)}/event/{q(last)}")).ok()["origin_server_ts"]
        path = f"{V3}/user/{q(badr.user_id)}/account_data/m.ignored_user_list"
        (await badr.put(path, {"ignored_users": {anna.user_id: {}}})).ok()
        assert await find(badr, room_id, start_ms + 1, "f") == last
        assert await find(badr, room_id, end_ms - 1, "b") == first
