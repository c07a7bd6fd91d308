"""Links into rooms: who may make and end them, whom they let in, and when they do no longer."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import Answer, Client, q, running_server

V3 = "/_matrix/client/v3"
OURS = "/_matrix/client/unstable/org.zajil"


async def make_room(maker: Client, **wanted: Any) -> str:
    return (await maker.post(f"{V3}/createRoom", {"preset": "private_chat", **wanted})).ok()["room_id"]


async def make_link(maker: Client, room_id: str, **wanted: Any) -> dict[str, Any]:
    return (await maker.post(f"{OURS}/rooms/{q(room_id)}/invite_links", wanted)).ok()


async def list_links(who: Client, room_id: str) -> list[dict[str, Any]]:
    return (await who.get(f"{OURS}/rooms/{q(room_id)}/invite_links")).ok()["links"]


async def revoke(who: Client, room_id: str, link_id: str) -> Answer:
    return await who.delete(f"{OURS}/rooms/{q(room_id)}/invite_links/{q(link_id)}")


async def follow(who: Client, room_id: str, token: str, **more: Any) -> Answer:
    return await who.post(f"{OURS}/rooms/{q(room_id)}/join_by_link", {"token": token, **more})


async def preview(who: Client, room_id: str, token: str) -> Answer:
    return await who.post(f"{OURS}/rooms/{q(room_id)}/preview_link", {"token": token})


async def read_membership(who: Client, room_id: str, user_id: str) -> dict[str, Any]:
    return (await who.get(f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(user_id)}")).ok()


async def change_levels(who: Client, room_id: str, **change: Any) -> None:
    path = f"{V3}/rooms/{q(room_id)}/state/m.room.power_levels"
    (await who.put(path, {**(await who.get(path)).ok(), **change})).ok()


def is_over(answer: Answer, reason: str) -> bool:
    refused = (answer.status, answer.errcode, answer.body.get("org.zajil.reason"))
    return refused == (403, "M_FORBIDDEN", reason)


@pytest.mark.parametrize("version", ["10", "11", "12"])
@pytest.mark.parametrize("join_rule", ["invite", "knock"])
async def test_a_link_lets_people_in(tmp_path: Path, version: str, join_rule: str) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        rule = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": join_rule}}
        room_id = await make_room(anna, room_version=version, initial_state=[rule], name="Loft")
        link = await make_link(anna, room_id)
        assert link["maker"] == anna.user_id
        assert (link["uses"], link["uses_max"], link["expires_at"]) == (0, None, None)
        shown = (await preview(ben, room_id, link["token"])).ok()
        assert (shown["name"], shown["num_joined_members"]) == ("Loft", 1)
        if join_rule == "knock":
            (await ben.post(f"{V3}/knock/{q(room_id)}")).ok()
        assert (await follow(ben, room_id, link["token"], reason="Hello")).ok() == {"room_id": room_id}
        events = (await anna.get(f"{V3}/rooms/{q(room_id)}/messages?dir=b&limit=2")).ok()["chunk"]
        assert [(each["content"]["membership"], each["sender"]) for each in events] == [
            ("join", ben.user_id),
            ("invite", anna.user_id),
        ]
        assert events[0]["content"]["reason"] == "Hello"
        rules = (await anna.get(f"{V3}/rooms/{q(room_id)}/state/m.room.join_rules")).ok()
        assert rules["join_rule"] == join_rule
        (await ben.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", {"msgtype": "m.text", "body": "hi"})).ok()
        # Who is in already uses nothing up, whatever they show.
        (await follow(ben, room_id, link["token"])).ok()
        (await follow(ben, room_id, "nonsense")).ok()
        assert (await list_links(anna, room_id))[0]["uses"] == 1


async def test_invited_people_and_those_who_refuse_invitations(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await make_room(anna, invite=[ben.user_id])
        token = (await make_link(anna, room_id))["token"]
        (await follow(ben, room_id, token)).ok()
        path = f"{V3}/user/{q(carl.user_id)}/account_data/m.invite_permission_config"
        (await carl.put(path, {"default_action": "block"})).ok()
        assert (await anna.post(f"{V3}/rooms/{q(room_id)}/invite", {"user_id": carl.user_id})).errcode == (
            "M_INVITE_BLOCKED"
        )
        (await follow(carl, room_id, token)).ok()
        assert (await read_membership(anna, room_id, carl.user_id))["membership"] == "join"


async def test_who_may_make_see_and_end_links(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl, dora = [await server.register(name) for name in ("anna", "ben", "carl", "dora")]
        room_id = await make_room(anna)
        first = await make_link(anna, room_id)
        for who in (ben, carl):
            (await follow(who, room_id, first["token"])).ok()
        second = await make_link(ben, room_id)
        assert {each["link_id"] for each in await list_links(anna, room_id)} == {first["link_id"], second["link_id"]}
        assert [each["link_id"] for each in await list_links(ben, room_id)] == [second["link_id"]]
        assert await list_links(carl, room_id) == []
        assert all("token" not in each for each in await list_links(anna, room_id))
        for path in (f"{OURS}/rooms/{q(room_id)}/invite_links", f"{OURS}/rooms/!none:localhost/invite_links"):
            for answer in (await dora.get(path), await dora.post(path, {})):
                assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert (await revoke(carl, room_id, second["link_id"])).errcode == "M_NOT_FOUND"
        assert (await revoke(ben, room_id, first["link_id"])).errcode == "M_NOT_FOUND"
        assert (await revoke(dora, room_id, first["link_id"])).errcode == "M_FORBIDDEN"
        (await revoke(anna, room_id, second["link_id"])).ok()
        assert (await follow(dora, room_id, second["token"])).errcode == "M_NOT_FOUND"
        assert (await revoke(anna, room_id, second["link_id"])).errcode == "M_NOT_FOUND"
        await change_levels(anna, room_id, invite=50)
        assert (await ben.post(f"{OURS}/rooms/{q(room_id)}/invite_links", {})).errcode == "M_FORBIDDEN"


async def test_links_end(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await make_room(anna)
        once = await make_link(anna, room_id, uses_max=1)
        (await follow(ben, room_id, once["token"])).ok()
        assert is_over(await follow(carl, room_id, once["token"]), "used_up")
        assert is_over(await preview(carl, room_id, once["token"]), "used_up")
        short = await make_link(anna, room_id, lifetime_ms=1)
        await asyncio.sleep(0.01)
        assert is_over(await follow(carl, room_id, short["token"]), "expired")
        assert short["link_id"] not in {each["link_id"] for each in await list_links(anna, room_id)}
        # The next one that is made sweeps those that have expired.
        await make_link(anna, room_id)
        assert (await follow(carl, room_id, short["token"])).errcode == "M_NOT_FOUND"
        other = await make_room(anna)
        assert (await follow(carl, other, once["token"])).errcode == "M_NOT_FOUND"


@pytest.mark.parametrize("version", ["10", "12"])
async def test_a_link_is_worth_what_its_maker_is(tmp_path: Path, version: str) -> None:
    async with running_server(tmp_path) as server:
        admin = await server.register_admin()
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await make_room(anna, room_version=version, invite=[ben.user_id])
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        token = (await make_link(ben, room_id))["token"]
        await change_levels(anna, room_id, invite=50)
        assert is_over(await follow(carl, room_id, token), "maker")
        await change_levels(anna, room_id, invite=0)
        for standing in ("lock", "suspend"):
            path = f"/_matrix/client/v1/admin/{standing}/{q(ben.user_id)}"
            (await admin.put(path, {f"{standing}ed": True})).ok()
            assert is_over(await follow(carl, room_id, token), "maker")
            (await admin.put(path, {f"{standing}ed": False})).ok()
        (await ben.post(f"{V3}/rooms/{q(room_id)}/leave")).ok()
        assert is_over(await follow(carl, room_id, token), "maker")
        assert is_over(await preview(carl, room_id, token), "maker")
        (await anna.post(f"{V3}/rooms/{q(room_id)}/invite", {"user_id": ben.user_id})).ok()
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        (await follow(carl, room_id, token)).ok()


async def test_banned_people_stay_out(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        knock = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}
        room_id = await make_room(anna, initial_state=[knock])
        token = (await make_link(anna, room_id))["token"]
        (await ben.post(f"{V3}/knock/{q(room_id)}")).ok()
        (await anna.post(f"{V3}/rooms/{q(room_id)}/ban", {"user_id": ben.user_id})).ok()
        for answer in (await follow(ben, room_id, token), await preview(ben, room_id, token)):
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
            assert "org.zajil.reason" not in answer.body
        assert (await list_links(anna, room_id))[0]["uses"] == 0
        (await anna.post(f"{V3}/rooms/{q(room_id)}/unban", {"user_id": ben.user_id})).ok()
        (await follow(ben, room_id, token)).ok()


async def test_one_use_is_one_use(tmp_path: Path) -> None:
    """Ten at once, three uses."""
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        people = [await server.register(f"p{number}") for number in range(10)]
        room_id = await make_room(anna)
        token = (await make_link(anna, room_id, uses_max=3))["token"]
        answers = await asyncio.gather(*(follow(who, room_id, token) for who in people))
        assert sum(answer.status == 200 for answer in answers) == 3
        assert sum(is_over(answer, "used_up") for answer in answers if answer.status != 200) == 7
        members = (await anna.get(f"{V3}/rooms/{q(room_id)}/joined_members")).ok()["joined"]
        assert len(members) == 4


async def test_bad_requests(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await make_room(anna)
        path = f"{OURS}/rooms/{q(room_id)}"
        for value in (0, -1, 2**60):
            for name in ("lifetime_ms", "uses_max"):
                assert (await anna.post(f"{path}/invite_links", {name: value})).errcode == "M_INVALID_PARAM", value
        for value in ("7", 1.5, True, [], {}):
            for name in ("lifetime_ms", "uses_max"):
                answer = await anna.post(f"{path}/invite_links", {name: value})
                assert answer.errcode == "M_BAD_JSON", (name, value, answer.raw)
        assert (await ben.post(f"{path}/join_by_link", {})).errcode == "M_MISSING_PARAM"
        assert (await ben.post(f"{path}/join_by_link", {"token": 7})).errcode == "M_BAD_JSON"
        assert (await follow(ben, room_id, "x", reason="r" * 2001)).errcode == "M_BAD_JSON"
        token = (await make_link(anna, room_id))["token"]
        wrong = ("", " ", "x" * 100_000, token + " ", token[:-1], token.swapcase(), "%00", "' OR 1=1 --", "\u202e", "ا")
        for text in wrong:
            for answer in (await follow(ben, room_id, text), await preview(ben, room_id, text)):
                assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND"), text
        for room in ("!none:localhost", "x", "#a:localhost", "!", "@ben:localhost"):
            assert (await follow(ben, room, token)).errcode == "M_NOT_FOUND", room
        assert (await list_links(anna, room_id))[0]["uses"] == 0


async def test_limits(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await make_room(anna)
        for _ in range(100):
            await make_link(anna, room_id)
        answer = await anna.post(f"{OURS}/rooms/{q(room_id)}/invite_links", {})
        assert (answer.status, answer.errcode) == (403, "M_USER_LIMIT_EXCEEDED")
        assert answer.body["info_uri"]
    async with running_server(tmp_path / "limited", rate_limits=True) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await make_room(anna)
        answers = [await follow(ben, room_id, "guess") for _ in range(40)]
        assert answers[0].status == 404
        assert answers[-1].errcode == "M_LIMIT_EXCEEDED"


async def test_tokens_are_kept_nowhere(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        token = (await make_link(anna, await make_room(anna)))["token"]
    for file in tmp_path.glob("zajil.db*"):
        assert token.encode() not in file.read_bytes()


async def test_guests_come_where_guests_may(tmp_path: Path) -> None:
    async with running_server(tmp_path, guest_access=True) as server:
        anna = await server.register("anna")
        guest = server.client()
        answer = (await guest.post(f"{V3}/register?kind=guest")).ok()
        guest.access_token, guest.user_id = answer["access_token"], answer["user_id"]
        access = {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "forbidden"}}
        closed = await make_room(anna, initial_state=[access])
        token = (await make_link(anna, closed))["token"]
        assert (await follow(guest, closed, token)).errcode == "M_GUEST_ACCESS_FORBIDDEN"
        room_id = await make_room(anna, initial_state=[{**access, "content": {"guest_access": "can_join"}}])
        (await follow(guest, room_id, (await make_link(anna, room_id))["token"])).ok()


async def upgrade(who: Client, room_id: str, version: str) -> str:
    answer = (await who.post(f"{V3}/rooms/{q(room_id)}/upgrade", {"new_version": version})).ok()
    return answer["replacement_room"]


@pytest.mark.parametrize("versions", [("10", "11"), ("11", "12"), ("12", "12")])
async def test_links_follow_an_upgraded_room(tmp_path: Path, versions: tuple[str, str]) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carla = [await server.register(name) for name in ("anna", "ben", "carla")]
        old = await make_room(anna, room_version=versions[0], name="Loft")
        link = await make_link(anna, old)
        first = await upgrade(anna, old, versions[1])
        assert (await preview(ben, old, link["token"])).ok()["room_id"] == first
        assert (await follow(ben, old, link["token"])).ok() == {"room_id": first}
        assert (await read_membership(anna, first, ben.user_id))["membership"] == "join"
        # It is the new room's now: listed there, and leading on.
        assert await list_links(anna, old) == []
        assert [(each["link_id"], each["uses"]) for each in await list_links(anna, first)] == [(link["link_id"], 1)]
        second = await upgrade(anna, first, versions[1])
        assert (await follow(carla, old, link["token"])).ok() == {"room_id": second}
        assert (await revoke(anna, second, link["link_id"])).status == 200
        assert (await preview(ben, old, link["token"])).errcode == "M_NOT_FOUND"


async def test_a_link_waits_for_its_maker_to_move_on(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carla = [await server.register(name) for name in ("anna", "ben", "carla")]
        old = await make_room(anna, invite=[ben.user_id])
        (await ben.post(f"{V3}/join/{q(old)}")).ok()
        link = await make_link(ben, old)
        new = await upgrade(anna, old, "12")
        assert is_over(await follow(carla, old, link["token"]), "maker")
        (await anna.post(f"{V3}/rooms/{q(new)}/invite", {"user_id": ben.user_id})).ok()
        (await ben.post(f"{V3}/join/{q(new)}")).ok()
        assert (await follow(carla, old, link["token"])).ok() == {"room_id": new}


async def test_a_tombstone_alone_leads_nowhere(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        old, other = await make_room(anna), await make_room(anna)
        link = await make_link(anna, old)
        tombstone = {"body": "Gone", "replacement_room": other}
        (await anna.put(f"{V3}/rooms/{q(old)}/state/m.room.tombstone/", tombstone)).ok()
        assert (await follow(ben, old, link["token"])).ok() == {"room_id": old}
