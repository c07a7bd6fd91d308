"""Server notices over the whole stack (client-server API, "Server Notices")."""

import asyncio
from pathlib import Path

import pytest
from tests.client import q, running_server

from zajil.services.errors import MatrixError
from zajil.services.rooms.send_server_notice import send_server_notice

V3 = "/_matrix/client/v3"


async def test_a_notice_makes_one_room(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        ids = await asyncio.gather(*(send_server_notice(server.app, anna.user_id, f"notice {n}") for n in range(3)))
        assert len(set(ids)) == 3
        synced = (await anna.get(f"{V3}/sync")).ok()
        (room_id,) = synced["rooms"]["invite"]
        path = f"{V3}/rooms/{q(room_id)}"
        tags = (await anna.get(f"{V3}/user/{q(anna.user_id)}/rooms/{q(room_id)}/tags")).ok()
        assert tags == {"tags": {"m.server_notice": {}}}
        answer = await anna.post(f"{path}/leave")
        assert (answer.status, answer.errcode) == (403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM")
        (await anna.post(f"{path}/join")).ok()
        events = (await anna.get(f"{path}/messages?dir=b")).ok()["chunk"]
        notices = [each for each in events if each["type"] == "m.room.message"]
        assert {each["content"]["body"] for each in notices} == {"notice 0", "notice 1", "notice 2"}
        assert {each["content"]["msgtype"] for each in notices} == {"m.server_notice"}
        assert {each["sender"] for each in notices} == {"@_server:localhost"}
        answer = await anna.put(f"{path}/send/m.room.message/1", {"msgtype": "m.text", "body": "hello?"})
        assert answer.errcode == "M_FORBIDDEN"
        (await anna.post(f"{path}/leave")).ok()
        await send_server_notice(server.app, anna.user_id, "come back")
        assert set((await anna.get(f"{V3}/sync")).ok()["rooms"]["invite"]) == {room_id}


async def test_notices_reach_who_blocks_invitations(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        path = f"{V3}/user/{q(anna.user_id)}/account_data/m.invite_permission_config"
        (await anna.put(path, {"default_action": "block"})).ok()
        await send_server_notice(server.app, anna.user_id, "important", {"admin_contact": "mailto:a@b"})
        (room,) = (await anna.get(f"{V3}/sync")).ok()["rooms"]["join"].values()
        assert room["timeline"]["events"][-1]["content"] == {
            "msgtype": "m.server_notice",
            "body": "important",
            "admin_contact": "mailto:a@b",
        }


async def test_notices_for_nobody(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        with pytest.raises(MatrixError) as refusal:
            await send_server_notice(server.app, "@nobody:localhost", "hello")
        assert refusal.value.errcode == "M_NOT_FOUND"
