"""Rooms and users that are closed: blocked rooms, suspended users, and invitations of rooms that are not known here."""

from pathlib import Path
from typing import Any

import orjson
from tests.client import Client, InProcessServer, q, running_server
from tests.simulation.network import running_network

from zajil.ports.database import Transaction

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"
SUSPENDED = (403, "M_USER_SUSPENDED")
FORBIDDEN = (403, "M_FORBIDDEN")


async def create(client: Client, **body: Any) -> str:
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def act(client: Client, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = await client.call(method, path, body if body is not None else {})
    return answer.status, answer.errcode


async def execute(server: InProcessServer, sql: str, *args: Any) -> None:
    async def item(tx: Transaction) -> None:
        await tx.execute(sql, *args)

    await server.app.db.write(item)


async def test_a_blocked_room_takes_nobody_in(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset="public_chat", visibility="public", room_alias_name="pub")
        await execute(server, "UPDATE rooms SET blocked_reason = 'Fraud.' WHERE room_id = ?", room_id)
        server.app.rooms.forget_all()
        room = f"{V3}/rooms/{q(room_id)}"
        answer = await ben.post(f"{room}/join")
        assert (answer.status, answer.errcode) == FORBIDDEN
        assert "Fraud." in answer.body["error"]
        assert await act(anna, "POST", f"{room}/invite", {"user_id": ben.user_id}) == FORBIDDEN
        assert await act(ben, "GET", f"{V1}/room_summary/{q('#pub:localhost')}") == (404, "M_NOT_FOUND")
        assert (await ben.get(f"{V3}/publicRooms")).ok()["chunk"] == []
        assert await act(anna, "POST", f"{room}/leave") == (200, "")


async def test_a_blocked_room_is_not_entered_through_another_server(tmp_path: Path) -> None:
    async with running_network(tmp_path, ["one.test", "two.test"]) as network:
        anna, ben = [await server.register("me") for server in network.servers.values()]
        room_id = await create(anna, preset="public_chat")
        room = f"{V3}/rooms/{q(room_id)}"
        assert await act(ben, "POST", f"{V3}/join/{q(room_id)}?via=one.test") == (200, "")
        assert await act(ben, "POST", f"{room}/leave") == (200, "")
        await network.settle()
        await execute(ben.server, "UPDATE rooms SET blocked_reason = 'Fraud.' WHERE room_id = ?", room_id)
        ben.server.app.rooms.forget_all()
        assert await act(ben, "POST", f"{V3}/join/{q(room_id)}?via=one.test") == FORBIDDEN
        assert await act(ben, "POST", f"{V3}/knock/{q(room_id)}?via=one.test") == FORBIDDEN
        member = f"{room}/state/m.room.member/{q(ben.user_id)}"
        assert await act(ben, "PUT", member, {"membership": "join"}) == FORBIDDEN


async def test_suspended_users_only_read_redact_and_leave(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admin = await server.register_admin()
        anna, ben = await server.register("anna"), await server.register("ben")
        body = {"preset": "public_chat", "power_level_content_override": {"users_default": 50}}
        room_id = await create(anna, **body)
        room = f"{V3}/rooms/{q(room_id)}"
        (await ben.post(f"{room}/join")).ok()
        sent = [
            (await each.put(f"{room}/send/m.room.message/1", {"body": "x", "msgtype": "m.text"})).ok()["event_id"]
            for each in (anna, ben)
        ]
        invited = await create(anna, invite=[ben.user_id])
        (await admin.put(f"{V1}/admin/suspend/{q(ben.user_id)}", {"suspended": True})).ok()
        refused = [
            ("POST", f"{V3}/createRoom"),
            ("POST", f"{V3}/join/{q(room_id)}"),
            ("POST", f"{V3}/knock/{q(room_id)}"),
            ("POST", f"{room}/invite"),
            ("POST", f"{room}/kick"),
            ("POST", f"{room}/ban"),
            ("POST", f"{room}/unban"),
            ("POST", f"{room}/upgrade"),
            ("PUT", f"{room}/state/m.room.topic"),
            ("PUT", f"{room}/send/m.room.message/2"),
            ("PUT", f"{V3}/directory/room/{q('#x:localhost')}"),
            ("PUT", f"{V3}/directory/list/room/{q(room_id)}"),
            ("PUT", f"{room}/redact/{q(sent[0])}/1"),
        ]
        for method, path in refused:
            assert await act(ben, method, path) == SUSPENDED, path
        assert (await ben.get(f"{room}/state")).status == 200
        assert await act(ben, "PUT", f"{room}/redact/{q(sent[1])}/2") == (200, "")
        assert await act(ben, "POST", f"{V3}/rooms/{q(invited)}/leave") == (200, "")
        assert await act(ben, "POST", f"{room}/leave") == (200, "")


async def test_what_came_with_an_invitation_is_shown(tmp_path: Path) -> None:
    """Of a room on other servers, only what the invitation brought along is known."""
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, name="local name", invite=[ben.user_id])
        told = [
            {"type": "m.room.name", "state_key": "", "sender": "@eve:elsewhere.example", "content": {"name": "Far"}}
        ]
        await execute(
            server,
            "INSERT INTO invite_states (room_nid, user_id, stripped) SELECT room_nid, ?, ? FROM rooms WHERE room_id = ?",
            ben.user_id,
            orjson.dumps(told),
            room_id,
        )
        events = (await ben.get(f"{V3}/sync")).ok()["rooms"]["invite"][room_id]["invite_state"]["events"]
        assert events[:-1] == told
        assert (events[-1]["type"], events[-1]["state_key"]) == ("m.room.member", ben.user_id)


async def test_an_invitation_shows_the_room_and_who_invites(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, name="Here", topic="There", room_alias_name="x", invite=[ben.user_id])
        events = (await ben.get(f"{V3}/sync")).ok()["rooms"]["invite"][room_id]["invite_state"]["events"]
        shown = {(each["type"], each["state_key"]) for each in events}
        assert shown == {
            ("m.room.create", ""),
            ("m.room.join_rules", ""),
            ("m.room.canonical_alias", ""),
            ("m.room.name", ""),
            ("m.room.topic", ""),
            ("m.room.member", anna.user_id),
            ("m.room.member", ben.user_id),
        }
        assert all(set(each) == {"type", "state_key", "sender", "content"} for each in events)
