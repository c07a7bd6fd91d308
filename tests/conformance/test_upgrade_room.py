"""POST /rooms/{roomId}/upgrade over the whole stack (client-server API, "Room Upgrades")."""

from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"
FORBIDDEN = (403, "M_FORBIDDEN")


async def create(client: Client, **body: Any) -> str:
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def upgrade(client: Client, room_id: str, **body: Any) -> str:
    return (await client.post(f"{V3}/rooms/{q(room_id)}/upgrade", body)).ok()["replacement_room"]


async def state(client: Client, room_id: str, kind: str, key: str = "") -> Any:
    return (await client.get(f"{V3}/rooms/{q(room_id)}/state/{kind}/{q(key)}")).ok()


@pytest.mark.parametrize(("old", "new"), [("10", "11"), ("11", "12"), ("12", "12"), ("12", "11")])
async def test_upgrade(tmp_path: Path, old: str, new: str) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, eve = [await server.register(name) for name in ("anna", "ben", "eve")]
        room_id = await create(
            anna,
            room_version=old,
            preset="public_chat",
            visibility="public",
            name="Old",
            topic="Topic",
            room_alias_name="pub",
            creation_content={"type": "m.space"},
            initial_state=[
                {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
                {"type": "m.space.child", "state_key": "!child:localhost", "content": {"via": ["localhost"]}},
                {"type": "org.example.private", "content": {"not": "copied"}},
            ],
        )
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        levels = await state(anna, room_id, "m.room.power_levels")
        levels["users"][ben.user_id] = 50
        (await anna.put(f"{V3}/rooms/{q(room_id)}/state/m.room.power_levels", levels)).ok()
        (await anna.post(f"{V3}/rooms/{q(room_id)}/ban", {"user_id": eve.user_id})).ok()
        answer = await ben.post(f"{V3}/rooms/{q(room_id)}/upgrade", {"new_version": new})
        assert (answer.status, answer.errcode) == FORBIDDEN
        replacement = await upgrade(anna, room_id, new_version=new)

        created = await state(anna, replacement, "m.room.create")
        assert created["room_version"] == new
        assert created["type"] == "m.space"
        assert created["predecessor"]["room_id"] == room_id
        assert (await state(anna, room_id, "m.room.tombstone"))["replacement_room"] == replacement
        if new == "12":
            assert "event_id" not in created["predecessor"]
        else:
            path = f"{V3}/rooms/{q(room_id)}/state/m.room.tombstone?format=event"
            assert created["predecessor"]["event_id"] == (await anna.get(path)).ok()["event_id"]
        assert await state(anna, replacement, "m.room.name") == {"name": "Old"}
        assert (await state(anna, replacement, "m.room.topic"))["topic"] == "Topic"
        assert await state(anna, replacement, "m.room.join_rules") == {"join_rule": "public"}
        assert await state(anna, replacement, "m.room.encryption") == {"algorithm": "m.megolm.v1.aes-sha2"}
        assert await state(anna, replacement, "m.space.child", "!child:localhost") == {"via": ["localhost"]}
        assert (await anna.get(f"{V3}/rooms/{q(replacement)}/state/org.example.private")).status == 404
        new_levels = await state(anna, replacement, "m.room.power_levels")
        assert new_levels["users"] == ({ben.user_id: 50} if new == "12" else {anna.user_id: 100, ben.user_id: 50})
        assert new_levels["events"]["m.room.tombstone"] == (150 if old == new == "12" else 100)
        assert (await eve.post(f"{V3}/rooms/{q(replacement)}/join")).errcode == "M_FORBIDDEN"

        alias = (await ben.get(f"{V3}/directory/room/{q('#pub:localhost')}")).ok()
        assert alias["room_id"] == replacement
        assert await state(anna, replacement, "m.room.canonical_alias") == {"alias": "#pub:localhost"}
        assert await state(anna, room_id, "m.room.canonical_alias") == {}
        assert [each["room_id"] for each in (await ben.get(f"{V3}/publicRooms")).ok()["chunk"]] == [replacement]
        old_levels = await state(anna, room_id, "m.room.power_levels")
        assert (old_levels["events_default"], old_levels["invite"]) == (50, 50)


async def test_additional_creators(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, room_version="11", preset="trusted_private_chat", invite=[ben.user_id])
        replacement = await upgrade(anna, room_id, new_version="12", additional_creators=[ben.user_id])
        assert (await state(anna, replacement, "m.room.create"))["additional_creators"] == [ben.user_id]
        assert (await state(anna, replacement, "m.room.power_levels"))["users"] == {}
        again = await upgrade(anna, replacement, new_version="12")
        assert "additional_creators" not in await state(anna, again, "m.room.create")
        older = await upgrade(anna, again, new_version="11", additional_creators=[ben.user_id])
        assert "additional_creators" not in await state(anna, older, "m.room.create")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"new_version": "9"}, (400, "M_UNSUPPORTED_ROOM_VERSION")),
        ({"new_version": 12}, (400, "M_BAD_JSON")),
        ({}, (400, "M_MISSING_PARAM")),
        ({"new_version": "12", "additional_creators": ["ben"]}, (400, "M_INVALID_PARAM")),
        ({"new_version": "12", "additional_creators": "ben"}, (400, "M_BAD_JSON")),
    ],
)
async def test_malformed_upgrades(tmp_path: Path, body: dict[str, Any], expected: tuple[int, str]) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create(anna)
        answer = await anna.post(f"{V3}/rooms/{q(room_id)}/upgrade", body)
        assert (answer.status, answer.errcode) == expected
        assert (await anna.get(f"{V3}/rooms/{q(room_id)}/state/m.room.tombstone")).status == 404


async def test_an_upgrade_by_a_moderator_of_little_power(tmp_path: Path) -> None:
    """The new room's first events may take more power than the true levels give."""
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        override = {
            "users": {anna.user_id: 100, ben.user_id: 50},
            "events": {"m.room.tombstone": 50},
            "state_default": 75,
        }
        room_id = await create(
            anna, room_version="10", preset="public_chat", name="Old", power_level_content_override=override
        )
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        replacement = await upgrade(ben, room_id, new_version="11")
        levels = await state(ben, replacement, "m.room.power_levels")
        assert levels["users"] == {anna.user_id: 100, ben.user_id: 50}
        assert await state(ben, replacement, "m.room.name") == {"name": "Old"}
        # What took more power than ben has was left as it was.
        assert (await state(ben, room_id, "m.room.power_levels"))["events_default"] == 0
        assert (await ben.post(f"{V3}/rooms/{q('!nowhere:localhost')}/upgrade", {"new_version": "11"})).status == 404


async def test_settings_move_along(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, room_version="11", preset="public_chat")
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        for each in (anna, ben):
            user = f"{V3}/user/{q(each.user_id)}"
            (await each.put(f"{user}/rooms/{q(room_id)}/tags/m.favourite", {"order": 0.5})).ok()
            (await each.put(f"{user}/account_data/m.direct", {"@x:localhost": [room_id], "@y:localhost": []})).ok()
            rule = {"actions": ["notify"]}
            (await each.put(f"{V3}/pushrules/global/room/{q(room_id)}", rule)).ok()
            mute = {"actions": [], "conditions": [{"kind": "event_match", "key": "room_id", "pattern": room_id}]}
            (await each.put(f"{V3}/pushrules/global/override/{q(room_id)}", mute)).ok()
        replacement = await upgrade(anna, room_id, new_version="12")
        (await ben.post(f"{V3}/rooms/{q(replacement)}/join")).ok()
        for each in (anna, ben):
            rule = (await each.get(f"{V3}/pushrules/global/room/{q(replacement)}")).ok()
            assert rule["actions"] == ["notify"]
            mute = (await each.get(f"{V3}/pushrules/global/override/{q(replacement)}")).ok()
            assert mute["conditions"] == [{"kind": "event_match", "key": "room_id", "pattern": replacement}]
            user = f"{V3}/user/{q(each.user_id)}"
            tags = (await each.get(f"{user}/rooms/{q(replacement)}/tags")).ok()["tags"]
            assert tags == {"m.favourite": {"order": 0.5}}
            direct = (await each.get(f"{user}/account_data/m.direct")).ok()
            assert direct == {"@x:localhost": [room_id, replacement], "@y:localhost": []}
        liar = await create(anna, preset="public_chat", creation_content={"predecessor": {"room_id": room_id}})
        (await ben.post(f"{V3}/rooms/{q(liar)}/join")).ok()
        assert (await ben.get(f"{V3}/user/{q(ben.user_id)}/rooms/{q(liar)}/tags")).ok() == {"tags": {}}
