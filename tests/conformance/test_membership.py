"""Joining, inviting, leaving, removing (client-server API, "Room membership")."""

from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"


async def create(client: Client, **body: Any) -> str:
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def act(client: Client, room_id: str, action: str, **body: Any) -> tuple[int, str]:
    answer = await client.post(f"{V3}/rooms/{q(room_id)}/{action}", body)
    return answer.status, answer.errcode


async def membership(client: Client, room_id: str, user_id: str) -> dict[str, Any]:
    return (await client.get(f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(user_id)}")).ok()


OK = (200, "")
FORBIDDEN = (403, "M_FORBIDDEN")


async def test_join_by_id_and_by_alias(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await create(anna, preset="public_chat", room_alias_name="pub")
        (await ben.put(f"{V3}/profile/{q(ben.user_id)}/displayname", {"displayname": "Ben"})).ok()
        assert (await ben.post(f"{V3}/join/{q(room_id)}", {"reason": "hi"})).ok() == {"room_id": room_id}
        assert await membership(anna, room_id, ben.user_id) == {
            "membership": "join",
            "displayname": "Ben",
            "reason": "hi",
        }
        assert (await carl.post(f"{V3}/join/{q('#pub:localhost')}?via=localhost")).ok() == {"room_id": room_id}
        assert (await carl.post(f"{V3}/rooms/{q(room_id)}/join", b"")).ok() == {"room_id": room_id}
        joined = (await carl.get(f"{V3}/rooms/{q(room_id)}/joined_members")).ok()["joined"]
        assert joined == {"@anna:localhost": {}, "@ben:localhost": {"display_name": "Ben"}, "@carl:localhost": {}}
        assert (await carl.get(f"{V3}/joined_rooms")).ok() == {"joined_rooms": [room_id]}


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        ("#nowhere:localhost", (404, "M_NOT_FOUND")),
        ("!unknown:localhost", (404, "M_NOT_FOUND")),
        ("room", (400, "M_INVALID_PARAM")),
        ("#x", (400, "M_INVALID_PARAM")),
        ("!a/../b", (400, "M_INVALID_PARAM")),
    ],
)
async def test_join_what_is_not_there(tmp_path: Path, room: str, expected: tuple[int, str]) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        for action in ("join", "knock"):
            answer = await anna.post(f"{V3}/{action}/{q(room)}", {})
            assert (answer.status, answer.errcode) == expected


async def test_a_private_room_takes_an_invitation(tmp_path: Path) -> None:
    async with running_server(tmp_path, federation=False) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna)
        assert await act(ben, room_id, "join") == FORBIDDEN
        assert await act(ben, room_id, "invite", user_id=ben.user_id) == FORBIDDEN
        assert await act(anna, room_id, "invite", user_id=ben.user_id, reason="come") == OK
        assert (await membership(anna, room_id, ben.user_id))["reason"] == "come"
        assert await act(anna, room_id, "invite", user_id=ben.user_id, reason="come") == OK
        assert await act(ben, room_id, "join") == OK
        assert await act(anna, room_id, "invite", user_id=ben.user_id) == FORBIDDEN
        assert await act(anna, room_id, "invite", user_id="@carl:elsewhere.example") == FORBIDDEN
        assert await act(anna, room_id, "invite", user_id="carl") == (400, "M_INVALID_PARAM")
        assert await act(anna, room_id, "invite") == (400, "M_MISSING_PARAM")
        mail = {"id_server": "x", "id_access_token": "y", "medium": "email", "address": "ben@example.org"}
        assert await act(anna, room_id, "invite", **mail) == (403, "M_THREEPID_DENIED")


async def test_leave_decline_and_forget(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, invite=[ben.user_id])
        assert await act(ben, room_id, "forget") == (400, "M_UNKNOWN")
        assert await act(ben, room_id, "leave", reason="no, thanks") == OK
        assert await membership(anna, room_id, ben.user_id) == {"membership": "leave", "reason": "no, thanks"}
        assert await act(ben, room_id, "leave") == OK
        assert await act(ben, room_id, "forget") == OK
        assert await act(ben, "!unknown:localhost", "leave") == (404, "M_NOT_FOUND")
        stranger = await server.register("stranger")
        assert await act(stranger, room_id, "leave") == FORBIDDEN
        assert await act(anna, room_id, "forget") == (400, "M_UNKNOWN")
        assert await act(anna, room_id, "leave") == OK
        events = (await anna.get(f"{V3}/rooms/{q(room_id)}/state")).ok()
        event_path = f"{V3}/rooms/{q(room_id)}/event/{q(events[0]['event_id'])}"
        assert (await anna.get(event_path)).status == 200
        assert await act(anna, room_id, "forget") == OK
        assert (await anna.get(event_path)).errcode == "M_NOT_FOUND"
        assert (await anna.get(f"{V3}/rooms/{q(room_id)}/messages?dir=b")).errcode == "M_FORBIDDEN"
        answer = await anna.get(f"{V3}/rooms/{q(room_id)}/state")
        assert (answer.status, answer.errcode) == FORBIDDEN


async def test_kick_ban_and_unban(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await create(anna, preset="public_chat")
        for each in (ben, carl):
            assert await act(each, room_id, "join") == OK
        assert await act(ben, room_id, "kick", user_id=carl.user_id) == FORBIDDEN
        assert await act(ben, room_id, "ban", user_id=anna.user_id) == FORBIDDEN
        assert await act(anna, room_id, "kick", user_id="@nobody:localhost") == FORBIDDEN
        assert await act(anna, room_id, "kick", user_id=ben.user_id, reason="noise") == OK
        assert await membership(anna, room_id, ben.user_id) == {"membership": "leave", "reason": "noise"}
        assert await act(ben, room_id, "join") == OK
        assert await act(anna, room_id, "ban", user_id=ben.user_id, reason="more noise") == OK
        assert await act(ben, room_id, "join") == FORBIDDEN
        assert await act(ben, room_id, "leave") == FORBIDDEN
        assert await act(anna, room_id, "invite", user_id=ben.user_id) == FORBIDDEN
        assert await act(anna, room_id, "kick", user_id=ben.user_id) == FORBIDDEN
        assert await act(carl, room_id, "unban", user_id=ben.user_id) == FORBIDDEN
        assert await act(anna, room_id, "unban", user_id=ben.user_id) == OK
        assert await act(anna, room_id, "unban", user_id=ben.user_id) == (403, "M_BAD_STATE")
        assert await act(ben, room_id, "join") == OK
        assert await act(anna, room_id, "ban") == (400, "M_MISSING_PARAM")
        assert await act(anna, room_id, "ban", user_id=5) == (400, "M_BAD_JSON")
        assert await act(anna, room_id, "ban", user_id="@x:y", reason=5) == (400, "M_BAD_JSON")


async def test_knock(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        closed = await create(anna)
        assert (await ben.post(f"{V3}/knock/{q(closed)}")).errcode == "M_FORBIDDEN"
        rules = [{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]
        room_id = await create(anna, initial_state=rules, room_alias_name="door")
        assert await act(ben, room_id, "join") == FORBIDDEN
        knocked = await ben.post(f"{V3}/knock/{q('#door:localhost')}", {"reason": "please"})
        assert knocked.ok() == {"room_id": room_id}
        assert await membership(anna, room_id, ben.user_id) == {"membership": "knock", "reason": "please"}
        assert await act(ben, room_id, "leave") == OK
        (await ben.post(f"{V3}/knock/{q(room_id)}")).ok()
        assert await act(anna, room_id, "kick", user_id=ben.user_id) == OK
        (await ben.post(f"{V3}/knock/{q(room_id)}")).ok()
        assert await act(anna, room_id, "invite", user_id=ben.user_id) == OK
        assert await act(ben, room_id, "join") == OK
        assert (await ben.post(f"{V3}/knock/{q(room_id)}")).errcode == "M_FORBIDDEN"


@pytest.mark.parametrize("join_rule", ["restricted", "knock_restricted"])
async def test_restricted_joins(tmp_path: Path, join_rule: str) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        space = await create(anna, preset="public_chat")
        allow = [{"type": "m.room_membership", "room_id": space}, {"type": "org.example"}, 5]
        rules = [{"type": "m.room.join_rules", "content": {"join_rule": join_rule, "allow": allow}}]
        room_id = await create(anna, initial_state=rules)
        assert await act(ben, room_id, "join") == FORBIDDEN
        assert await act(ben, space, "join") == OK
        assert await act(ben, room_id, "join") == OK
        content = await membership(anna, room_id, ben.user_id)
        assert content["join_authorised_via_users_server"] == "@anna:localhost"
        path = f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(ben.user_id)}"
        changed = {"membership": "join", "displayname": "Ben", "join_authorised_via_users_server": "@anna:localhost"}
        (await ben.put(path, changed)).ok()
        assert "join_authorised_via_users_server" not in await membership(anna, room_id, ben.user_id)
        knocked = await carl.post(f"{V3}/knock/{q(room_id)}")
        assert knocked.status == (200 if join_rule == "knock_restricted" else 403)
        assert await act(anna, room_id, "invite", user_id=carl.user_id) == OK
        assert await act(carl, room_id, "join") == OK
        assert "join_authorised_via_users_server" not in await membership(anna, room_id, carl.user_id)


async def test_nobody_left_who_may_let_in(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        space = await create(anna, preset="public_chat")
        allow = [{"type": "m.room_membership", "room_id": space}]
        rules = [{"type": "m.room.join_rules", "content": {"join_rule": "restricted", "allow": allow}}]
        room_id = await create(anna, initial_state=rules)
        strict = await create(anna, initial_state=rules, power_level_content_override={"invite": 50})
        for each in (ben, carl):
            assert await act(each, space, "join") == OK
        for room in (room_id, strict):
            assert await act(ben, room, "join") == OK
            assert await act(anna, room, "leave") == OK
        assert await act(carl, room_id, "join") == OK  # everybody may invite here
        assert await act(carl, strict, "join") == (403, "M_UNABLE_TO_GRANT_JOIN")


async def test_membership_through_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna)

        async def put(client: Client, user_id: str, content: Any) -> tuple[int, str]:
            answer = await client.put(f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(user_id)}", content)
            return answer.status, answer.errcode

        assert await put(anna, ben.user_id, {"membership": "invite"}) == OK
        assert await put(anna, ben.user_id, {"membership": "join"}) == FORBIDDEN
        assert await put(ben, ben.user_id, {"membership": "join", "displayname": "B", "org.example": 1}) == OK
        assert await membership(anna, room_id, ben.user_id) == {
            "membership": "join",
            "displayname": "B",
            "org.example": 1,
        }
        assert await put(anna, "ben", {"membership": "invite"}) == (400, "M_INVALID_PARAM")
        assert await put(anna, ben.user_id, {"membership": "king"}) == (400, "M_BAD_JSON")
        assert await put(anna, ben.user_id, {}) == (400, "M_BAD_JSON")
        assert await put(ben, ben.user_id, {"membership": "join", "displayname": 5}) == (400, "M_BAD_JSON")
        assert await put(anna, ben.user_id, {"membership": "leave"}) == OK


async def test_invitations_can_be_blocked(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        before = await create(anna, invite=[ben.user_id])
        room_id = await create(anna)
        path = f"{V3}/user/{q(ben.user_id)}/account_data/m.invite_permission_config"
        (await ben.put(path, {"default_action": "block"})).ok()
        blocked = (403, "M_INVITE_BLOCKED")
        assert await act(anna, room_id, "invite", user_id=ben.user_id) == blocked
        answer = await anna.post(f"{V3}/createRoom", {"invite": [ben.user_id]})
        assert (answer.status, answer.errcode) == blocked
        member = f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(ben.user_id)}"
        answer = await anna.put(member, {"membership": "invite"})
        assert (answer.status, answer.errcode) == blocked
        rooms = (await ben.get(f"{V3}/sync")).ok().get("rooms", {})
        assert "invite" not in rooms
        (await ben.put(path, {})).ok()
        assert await act(anna, room_id, "invite", user_id=ben.user_id) == OK
        assert set((await ben.get(f"{V3}/sync")).ok()["rooms"]["invite"]) == {before, room_id}


async def test_invitations_of_ignored_users_are_not_shown(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        since = (await ben.get(f"{V3}/sync")).ok()["next_batch"]
        path = f"{V3}/user/{q(ben.user_id)}/account_data/m.ignored_user_list"
        (await ben.put(path, {"ignored_users": {anna.user_id: {}}})).ok()
        room_id = await create(anna, invite=[ben.user_id])
        for query in ("", f"?since={since}"):
            assert "invite" not in (await ben.get(f"{V3}/sync{query}")).ok().get("rooms", {})
        (await ben.put(path, {"ignored_users": {}})).ok()
        assert set((await ben.get(f"{V3}/sync")).ok()["rooms"]["invite"]) == {room_id}


async def test_a_room_for_this_server_only(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna, creation_content={"m.federate": False})
        answer = await anna.post(f"{V3}/rooms/{q(room_id)}/invite", {"user_id": "@carl:elsewhere.example"})
        assert (answer.status, answer.errcode) == FORBIDDEN
        assert "other servers" in answer.body["error"]


async def test_guests_come_only_where_they_may(tmp_path: Path) -> None:
    async with running_server(tmp_path, guest_access=True) as server:
        anna = await server.register("anna")
        answer = await server.client().post(f"{V3}/register?kind=guest", {})
        guest = Client(server, answer.ok()["access_token"], answer.body["user_id"])
        public = await create(anna, preset="public_chat")
        assert await act(guest, public, "join") == (403, "M_GUEST_ACCESS_FORBIDDEN")
        path = f"{V3}/rooms/{q(public)}/state/m.room.guest_access"
        (await anna.put(path, {"guest_access": "can_join"})).ok()
        assert await act(guest, public, "join") == OK
        assert (await guest.put(f"{V3}/rooms/{q(public)}/send/m.room.message/1", {"body": "hi"})).status == 200
        assert (await guest.post(f"{V3}/createRoom", {})).errcode == "M_GUEST_ACCESS_FORBIDDEN"
        (await anna.put(path, {"guest_access": "forbidden"})).ok()
        assert (await membership(anna, public, guest.user_id))["membership"] == "leave"
