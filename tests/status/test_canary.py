"""The canary's account is nobody's business, and its room does not grow."""

from pathlib import Path

from tests.client import Client, q, running_server

from zajil.status.canary_account import MESSAGES_KEPT, log_canary_in, trim_canary_room

V3 = "/_matrix/client/v3"


async def test_its_room_stays_small(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        account = await log_canary_in(server.app, "n1")
        canary = Client(server, account["access_token"], account["user_id"])
        room = f"{V3}/rooms/{q(account['room_id'])}"
        sent = []
        for number in range(MESSAGES_KEPT + 40):
            answer = await canary.put(f"{room}/send/m.room.encrypted/{number}", {"ciphertext": "A" * 900})
            sent.append(answer.ok()["event_id"])
        assert await trim_canary_room(server.app) >= 39
        assert await trim_canary_room(server.app) == 0
        left = await server.app.stores.events.load_by_ids(server.app.db.reader, sent)
        assert len(left) <= MESSAGES_KEPT + 1
        assert {each.event.event_id for each in left} >= set(sent[-20:])
        # The room goes on as if nothing had happened.
        token = (await canary.get(f"{V3}/sync")).ok()["next_batch"]
        event_id = (await canary.put(f"{room}/send/m.room.encrypted/last", {"ciphertext": "B"})).ok()["event_id"]
        synced = (await canary.get(f"{V3}/sync?since={token}")).ok()
        assert synced["rooms"]["join"][account["room_id"]]["timeline"]["events"][-1]["event_id"] == event_id
        assert (await canary.get(f"{room}/state/m.room.encryption")).status == 200


async def test_it_is_in_no_directory_and_cannot_be_taken(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        first = await log_canary_in(server.app, "n1")
        again, other = await log_canary_in(server.app, "n1"), await log_canary_in(server.app, "n2")
        assert first["room_id"] == again["room_id"] == other["room_id"]
        assert (await Client(server, first["access_token"]).get(f"{V3}/account/whoami")).status == 401
        assert (await Client(server, again["access_token"]).get(f"{V3}/account/whoami")).status == 200
        anna = await server.register("anna")
        found = (await anna.post(f"{V3}/user_directory/search", {"search_term": "canary"})).ok()
        assert found["results"] == []
        assert (await anna.get(f"{V3}/publicRooms")).ok()["chunk"] == []
        taken = await server.client().post(
            f"{V3}/register", {"username": "_canary", "password": "long enough", "auth": {"type": "m.login.dummy"}}
        )
        assert taken.errcode == "M_EXCLUSIVE"
