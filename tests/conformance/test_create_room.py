"""POST /createRoom over the whole stack (client-server API, "Creation")."""

from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"


async def create(client: Client, **body: Any) -> str:
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def state(client: Client, room_id: str, kind: str, key: str = "") -> Any:
    return (await client.get(f"{V3}/rooms/{q(room_id)}/state/{kind}/{q(key)}")).ok()


async def test_the_default_room_is_private_and_of_version_12(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna)
        assert ":" not in room_id
        events = (await anna.get(f"{V3}/rooms/{q(room_id)}/state")).ok()
        content = {(each["type"], each["state_key"]): each["content"] for each in events}
        assert content[("m.room.create", "")] == {"room_version": "12"}
        assert content[("m.room.member", "@anna:localhost")]["membership"] == "join"
        assert content[("m.room.join_rules", "")] == {"join_rule": "invite"}
        assert content[("m.room.history_visibility", "")] == {"history_visibility": "shared"}
        assert content[("m.room.guest_access", "")] == {"guest_access": "can_join"}
        levels = content[("m.room.power_levels", "")]
        assert levels["users"] == {}
        assert levels["events"]["m.room.tombstone"] > levels["state_default"]
        assert levels["events"]["m.room.tombstone"] == 150


@pytest.mark.parametrize(
    ("preset", "join_rule", "guest_access"),
    [
        ("private_chat", "invite", "can_join"),
        ("trusted_private_chat", "invite", "can_join"),
        ("public_chat", "public", "forbidden"),
    ],
)
async def test_presets(tmp_path: Path, preset: str, join_rule: str, guest_access: str) -> None:
    async with running_server(tmp_path) as server:
        anna, _ = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset=preset, invite=["@ben:localhost"])
        assert await state(anna, room_id, "m.room.join_rules") == {"join_rule": join_rule}
        assert await state(anna, room_id, "m.room.history_visibility") == {"history_visibility": "shared"}
        assert await state(anna, room_id, "m.room.guest_access") == {"guest_access": guest_access}
        create_content = await state(anna, room_id, "m.room.create")
        assert create_content.get("additional_creators") == (
            ["@ben:localhost"] if preset == "trusted_private_chat" else None
        )
        old = await create(anna, preset=preset, invite=["@ben:localhost"], room_version="11")
        users = (await state(anna, old, "m.room.power_levels"))["users"]
        expected = {"@anna:localhost": 100}
        if preset == "trusted_private_chat":
            expected["@ben:localhost"] = 100
        assert users == expected


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_versions_that_can_be_made(tmp_path: Path, version: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna, room_version=version, creation_content={"type": "m.space", "creator": "@x:y"})
        content = await state(anna, room_id, "m.room.create")
        assert content["room_version"] == version
        assert content["type"] == "m.space"
        assert content.get("creator") == ("@anna:localhost" if version == "10" else None)
        assert (":" in room_id) == (version != "12")


@pytest.mark.parametrize("version", ["9", "1", "13", "", "org.example"])
async def test_versions_that_cannot_be_made(tmp_path: Path, version: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        answer = await anna.post(f"{V3}/createRoom", {"room_version": version})
        assert (answer.status, answer.errcode) == (400, "M_UNSUPPORTED_ROOM_VERSION")


async def test_name_topic_and_initial_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(
            anna,
            name="Pigeons",
            topic="All about them",
            initial_state=[
                {"type": "m.room.name", "content": {"name": "not this"}},
                {"type": "m.room.join_rules", "content": {"join_rule": "knock"}},
                {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
                {"type": "org.example", "state_key": "k", "content": {"a": 1}},
            ],
        )
        assert await state(anna, room_id, "m.room.name") == {"name": "Pigeons"}
        topic = await state(anna, room_id, "m.room.topic")
        assert topic["topic"] == "All about them"
        assert topic["m.topic"]["m.text"] == [{"body": "All about them", "mimetype": "text/plain"}]
        assert await state(anna, room_id, "m.room.join_rules") == {"join_rule": "knock"}
        assert await state(anna, room_id, "m.room.encryption") == {"algorithm": "m.megolm.v1.aes-sha2"}
        assert await state(anna, room_id, "org.example", "k") == {"a": 1}


async def test_invitations_carry_profile_and_directness(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        path = f"{V3}/profile/{q(ben.user_id)}/displayname"
        (await ben.put(path, {"displayname": "Ben"})).ok()
        room_id = await create(anna, invite=[ben.user_id, ben.user_id, anna.user_id], is_direct=True)
        content = await state(anna, room_id, "m.room.member", ben.user_id)
        assert content == {"membership": "invite", "displayname": "Ben", "is_direct": True}
        own = await state(anna, room_id, "m.room.member", anna.user_id)
        assert own["membership"] == "join"
        assert "is_direct" not in own


async def test_an_alias_is_made_with_the_room(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna, room_alias_name="pub")
        assert await state(anna, room_id, "m.room.canonical_alias") == {"alias": "#pub:localhost"}
        again = await anna.post(f"{V3}/createRoom", {"room_alias_name": "pub"})
        assert (again.status, again.errcode) == (400, "M_ROOM_IN_USE")
        for bad in ("a b", "x" * 250, "a\tb"):
            answer = await anna.post(f"{V3}/createRoom", {"room_alias_name": bad})
            assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM"), bad
        assert len((await anna.get(f"{V3}/joined_rooms")).ok()["joined_rooms"]) == 1


async def test_power_levels_can_be_overridden(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        override = {"users_default": 10, "events": {"m.room.name": 75}, "state_default": 200}
        room_id = await create(anna, power_level_content_override=override)
        levels = await state(anna, room_id, "m.room.power_levels")
        assert levels["users_default"] == 10
        assert levels["events"] == {"m.room.name": 75, "m.room.tombstone": 201}
        assert levels["ban"] == 50
        old = await create(anna, power_level_content_override={**override, "state_default": 100}, room_version="11")
        assert (await state(anna, old, "m.room.power_levels"))["events"] == {"m.room.name": 75}


@pytest.mark.parametrize(
    "body",
    [
        {"power_level_content_override": {"users": {"@anna:localhost": 100}}},  # a creator of version 12
        {"power_level_content_override": {"users": {}}, "room_version": "11", "name": "x"},  # nobody has any power
        {"power_level_content_override": {"ban": "50"}},
        {"power_level_content_override": {"events": 5}},
        {"initial_state": [{"type": "m.room.create", "content": {}}]},
        {"initial_state": [{"type": "m.room.member", "state_key": "@ben:localhost", "content": {"membership": "ban"}}]},
    ],
)
async def test_contradictions_make_no_room(tmp_path: Path, body: dict[str, Any]) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        answer = await anna.post(f"{V3}/createRoom", body)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_ROOM_STATE")
        assert (await anna.get(f"{V3}/joined_rooms")).ok() == {"joined_rooms": []}


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"preset": "loud"}, "M_BAD_JSON"),
        ({"name": 5}, "M_BAD_JSON"),
        ({"invite": "@ben:localhost"}, "M_BAD_JSON"),
        ({"invite": ["ben"]}, "M_INVALID_PARAM"),
        ({"invite": [f"@u{n}:localhost" for n in range(201)]}, "M_INVALID_PARAM"),
        ({"visibility": "secret"}, "M_BAD_JSON"),
        ({"initial_state": [{"content": {}}]}, "M_MISSING_PARAM"),
        ({"initial_state": [{"type": "a", "content": {}}] * 200}, "M_INVALID_PARAM"),
        ({"creation_content": {"m.federate": "no"}}, "M_INVALID_PARAM"),
        ({"creation_content": {"additional_creators": "anna"}}, "M_INVALID_PARAM"),
        ({"creation_content": {"additional_creators": ["anna"]}}, "M_INVALID_PARAM"),
        ({"name": "x", "initial_state": [{"type": "a", "content": {"n": 2**60}}]}, "M_BAD_JSON"),
        ({"room_version": 12}, "M_BAD_JSON"),
    ],
)
async def test_malformed_requests(tmp_path: Path, body: dict[str, Any], errcode: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        answer = await anna.post(f"{V3}/createRoom", body)
        assert (answer.status, answer.errcode) == (400, errcode)


async def test_refusals(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        mail = {"id_server": "x", "id_access_token": "y", "medium": "email", "address": "ben@example.org"}
        answer = await anna.post(f"{V3}/createRoom", {"invite_3pid": [mail]})
        assert (answer.status, answer.errcode) == (403, "M_THREEPID_DENIED")
        answer = await anna.post(f"{V3}/createRoom", {"topic": "x" * 70_000})
        assert (answer.status, answer.errcode) == (413, "M_TOO_LARGE")
        answer = await server.client().post(f"{V3}/createRoom", {})
        assert (answer.status, answer.errcode) == (401, "M_MISSING_TOKEN")


async def test_rooms_made_alike_in_the_same_instant_are_different(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        now_ms = server.app.clock.now_ms()
        server.app.clock = type("Frozen", (), {"now_ms": lambda self: now_ms, "monotonic_s": lambda self: 0.0})()
        assert len({await create(anna) for _ in range(5)}) == 5
