"""Account data, tags, filters and profiles over the whole stack."""

from pathlib import Path

from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"
ROOM = q("!abc:localhost")


async def test_account_data_is_kept_by_type_and_room(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        base = f"{V3}/user/{q(anna.user_id)}"
        assert (await anna.get(f"{base}/account_data/m.direct")).errcode == "M_NOT_FOUND"
        (await anna.put(f"{base}/account_data/m.direct", {"@b:localhost": ["!r:localhost"]})).ok()
        (await anna.put(f"{base}/rooms/{ROOM}/account_data/m.direct", {"other": 1})).ok()
        assert (await anna.get(f"{base}/account_data/m.direct")).ok() == {"@b:localhost": ["!r:localhost"]}
        assert (await anna.get(f"{base}/rooms/{ROOM}/account_data/m.direct")).ok() == {"other": 1}


async def test_account_data_refuses_what_it_must(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        base = f"{V3}/user/{q(anna.user_id)}"
        for managed in ("m.fully_read", "m.push_rules"):
            answer = await anna.put(f"{base}/account_data/{managed}", {})
            assert (answer.status, answer.errcode) == (405, "M_BAD_JSON")
        assert (await bert.get(f"{base}/account_data/m.direct")).errcode == "M_FORBIDDEN"
        assert (await bert.put(f"{base}/account_data/m.direct", {})).errcode == "M_FORBIDDEN"
        assert (await anna.put(f"{base}/account_data/m.direct", [])).errcode == "M_BAD_JSON"
        assert (await anna.put(f"{base}/account_data/m.direct", b"{")).errcode == "M_NOT_JSON"
        assert (await anna.put(f"{base}/rooms/nonsense/account_data/m.x", {})).errcode == "M_INVALID_PARAM"
        big = await anna.put(f"{base}/account_data/m.direct", {"x": "y" * 300_000})
        assert (big.status, big.errcode) == (413, "M_TOO_LARGE")


async def test_tags(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        tags = f"{V3}/user/{q(anna.user_id)}/rooms/{ROOM}/tags"
        assert (await anna.get(tags)).ok() == {"tags": {}}
        (await anna.put(f"{tags}/m.favourite", {"order": 0.5})).ok()
        (await anna.put(f"{tags}/u.work")).ok()
        assert (await anna.get(tags)).ok() == {"tags": {"m.favourite": {"order": 0.5}, "u.work": {}}}
        for order in ("1", True, 7):
            assert (await anna.put(f"{tags}/u.x", {"order": order})).errcode == "M_BAD_JSON"
        (await anna.delete(f"{tags}/m.favourite")).ok()
        assert (await anna.get(tags)).ok() == {"tags": {"u.work": {}}}


async def test_filters_are_named_by_content(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        path = f"{V3}/user/{q(anna.user_id)}/filter"
        given = {"room": {"timeline": {"limit": 5}}}
        first = (await anna.post(path, given)).ok()["filter_id"]
        assert (await anna.post(path, given)).ok()["filter_id"] == first
        assert not first.startswith("{")
        assert (await anna.get(f"{path}/{first}")).ok() == given
        assert (await anna.get(f"{path}/nothing")).errcode == "M_NOT_FOUND"
        assert (await anna.post(path, {"room": {"timeline": {"limit": "5"}}})).status == 400
        assert (await anna.get(f"{V3}/sync?filter={first}")).status == 200


async def test_profile_fields(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        profile = f"{V3}/profile/{q(anna.user_id)}"
        assert (await bert.get(profile)).ok() == {}
        assert (await bert.get(f"{profile}/displayname")).errcode == "M_NOT_FOUND"
        (await anna.put(f"{profile}/displayname", {"displayname": "آنا"})).ok()
        (await anna.put(f"{profile}/avatar_url", {"avatar_url": "mxc://localhost/abc"})).ok()
        (await anna.put(f"{profile}/m.tz", {"m.tz": "Asia/Riyadh"})).ok()
        (await anna.put(f"{profile}/org.example.x", {"org.example.x": {"deep": [1]}})).ok()
        assert (await server.client().get(profile)).ok() == {
            "displayname": "آنا",
            "avatar_url": "mxc://localhost/abc",
            "m.tz": "Asia/Riyadh",
            "org.example.x": {"deep": [1]},
        }
        assert (await bert.get(f"{profile}/m.tz")).ok() == {"m.tz": "Asia/Riyadh"}
        (await anna.delete(f"{profile}/m.tz")).ok()
        (await anna.put(f"{profile}/displayname", {"displayname": ""})).ok()
        assert set((await bert.get(profile)).ok()) == {"avatar_url", "org.example.x"}


async def test_profile_refuses_what_it_must(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        profile = f"{V3}/profile/{q(anna.user_id)}"

        async def refused(client: Client, key: str, body: object) -> tuple[int, str]:
            answer = await client.put(f"{profile}/{key}", body)
            return answer.status, answer.errcode

        assert await refused(bert, "displayname", {"displayname": "x"}) == (403, "M_FORBIDDEN")
        assert await refused(anna, "displayname", {"displayname": 1}) == (400, "M_BAD_JSON")
        assert await refused(anna, "displayname", {"displayname": "x" * 300}) == (400, "M_INVALID_PARAM")
        assert await refused(anna, "avatar_url", {"avatar_url": "https://x"}) == (400, "M_INVALID_PARAM")
        assert await refused(anna, "m.tz", {"other": 1}) == (400, "M_MISSING_PARAM")
        assert await refused(anna, "Not-OK", {"Not-OK": 1}) == (400, "M_INVALID_PARAM")
        assert await refused(anna, "x" * 256, {"x" * 256: 1}) == (400, "M_KEY_TOO_LARGE")
        assert await refused(anna, "m.x", {"m.x": "y" * 65_536}) == (400, "M_PROFILE_TOO_LARGE")
        assert (await anna.get(f"{V3}/profile/{q('@nobody:localhost')}")).errcode == "M_NOT_FOUND"
        assert (await anna.get(f"{V3}/profile/nonsense")).errcode == "M_INVALID_PARAM"


async def test_display_name_is_carried_into_rooms(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = (await anna.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        (await anna.put(f"{V3}/profile/{q(anna.user_id)}/displayname", {"displayname": "Anna"})).ok()
        await server.app.account_tasks.finish()
        memberships = await server.app.stores.rooms.load_memberships_of_user(
            server.app.db.reader, anna.user_id, ["join"]
        )
        assert [(row.room_id, row.display_name) for row in memberships] == [(room_id, "Anna")]
