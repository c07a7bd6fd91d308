"""Aliases, published rooms, summaries and spaces over the whole stack."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q, running_server

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"
FORBIDDEN = (403, "M_FORBIDDEN")


async def create(client: Client, **body: Any) -> str:
    return (await client.post(f"{V3}/createRoom", body)).ok()["room_id"]


async def call(client: Client, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = await client.call(method, path, body)
    return answer.status, answer.errcode


def alias_path(alias: str) -> str:
    return f"{V3}/directory/room/{q(alias)}"


async def test_aliases(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset="public_chat")
        path = alias_path("#one:localhost")
        assert await call(ben, "PUT", path, {"room_id": room_id}) == FORBIDDEN
        assert await call(anna, "PUT", path, {"room_id": "x"}) == (400, "M_INVALID_PARAM")
        assert await call(anna, "PUT", path, {}) == (400, "M_MISSING_PARAM")
        assert await call(anna, "PUT", path, {"room_id": room_id}) == (200, "")
        assert await call(anna, "PUT", path, {"room_id": room_id}) == (409, "M_UNKNOWN")
        for bad in ("one:localhost", "#one", "#:localhost", "#a b:localhost", "#x:elsewhere.example"):
            assert await call(anna, "PUT", alias_path(bad), {"room_id": room_id}) == (400, "M_INVALID_PARAM"), bad
        answer = (await server.client().get(path)).ok()
        assert answer == {"room_id": room_id, "servers": ["localhost"]}
        assert await call(ben, "GET", alias_path("#two:localhost")) == (404, "M_NOT_FOUND")
        assert await call(ben, "GET", alias_path("two")) == (400, "M_INVALID_PARAM")
        aliases = f"{V3}/rooms/{q(room_id)}/aliases"
        assert (await anna.get(aliases)).ok() == {"aliases": ["#one:localhost"]}
        assert await call(ben, "GET", aliases) == FORBIDDEN
        assert await call(ben, "DELETE", path) == FORBIDDEN
        assert await call(server.client(), "DELETE", path) == (401, "M_MISSING_TOKEN")
        assert await call(anna, "DELETE", path) == (200, "")
        assert await call(anna, "DELETE", path) == (404, "M_NOT_FOUND")
        assert (await anna.get(aliases)).ok() == {"aliases": []}


async def test_who_may_delete_an_alias(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admin = await server.register_admin()
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset="public_chat", room_alias_name="zero")
        (await ben.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        for name in ("one", "two", "three"):
            assert await call(ben, "PUT", alias_path(f"#{name}:localhost"), {"room_id": room_id}) == (200, "")
        canonical = f"{V3}/rooms/{q(room_id)}/state/m.room.canonical_alias"
        content = {"alias": "#zero:localhost", "alt_aliases": ["#one:localhost", "#two:localhost"]}
        (await anna.put(canonical, content)).ok()
        assert await call(ben, "DELETE", alias_path("#zero:localhost")) == FORBIDDEN
        assert await call(ben, "DELETE", alias_path("#one:localhost")) == (200, "")  # made it, may not set the state
        assert (await anna.get(canonical)).ok() == content
        assert await call(admin, "DELETE", alias_path("#three:localhost")) == (200, "")
        assert await call(anna, "DELETE", alias_path("#two:localhost")) == (200, "")
        assert (await anna.get(canonical)).ok()["alt_aliases"] == ["#one:localhost"]
        assert await call(anna, "DELETE", alias_path("#zero:localhost")) == (200, "")
        assert "alias" not in (await anna.get(canonical)).ok()


async def test_publishing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await create(anna, preset="public_chat")
        path = f"{V3}/directory/list/room/{q(room_id)}"
        assert (await server.client().get(path)).ok() == {"visibility": "private"}
        assert await call(ben, "PUT", path, {"visibility": "public"}) == FORBIDDEN
        assert await call(anna, "PUT", path, {"visibility": "secret"}) == (400, "M_BAD_JSON")
        assert await call(anna, "PUT", path, {}) == (200, "")
        assert (await ben.get(path)).ok() == {"visibility": "public"}
        assert [each["room_id"] for each in (await ben.get(f"{V3}/publicRooms")).ok()["chunk"]] == [room_id]
        assert await call(anna, "PUT", path, {"visibility": "private"}) == (200, "")
        assert (await ben.get(f"{V3}/publicRooms")).ok()["chunk"] == []
        nowhere = f"{V3}/directory/list/room/{q('!nowhere:localhost')}"
        assert await call(ben, "GET", nowhere) == (404, "M_NOT_FOUND")
        assert await call(ben, "PUT", nowhere, {}) == (404, "M_NOT_FOUND")


async def test_public_rooms_entries_and_search(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        pub = await create(
            anna,
            visibility="public",
            name="نادي الحَمام الزَّاجل",
            topic="Homing pigeons",
            room_alias_name="pigeons",
            initial_state=[
                {"type": "m.room.avatar", "content": {"url": "mxc://localhost/a"}},
                {"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}},
                {"type": "m.room.guest_access", "content": {"guest_access": "can_join"}},
            ],
        )
        space = await create(anna, visibility="public", name="Space", creation_content={"type": "m.space"})
        await create(anna, name="not published")
        (await ben.post(f"{V3}/rooms/{q(pub)}/join")).ok()
        listed = (await server.client().get(f"{V3}/publicRooms")).ok()
        assert [each["room_id"] for each in listed["chunk"]] == [pub, space]
        assert listed["total_room_count_estimate"] == 2
        assert "next_batch" not in listed
        assert listed["chunk"][0] == {
            "room_id": pub,
            "num_joined_members": 2,
            "name": "نادي الحَمام الزَّاجل",
            "topic": "Homing pigeons",
            "canonical_alias": "#pigeons:localhost",
            "avatar_url": "mxc://localhost/a",
            "world_readable": True,
            "guest_can_join": True,
            "join_rule": "public",
        }
        assert listed["chunk"][1]["room_type"] == "m.space"

        async def search(**wanted: Any) -> list[str]:
            answer = await ben.post(f"{V3}/publicRooms", {"filter": wanted})
            return [each["room_id"] for each in answer.ok()["chunk"]]

        assert await search(generic_search_term="الحمام") == [pub]
        assert await search(generic_search_term="PIGEONS homing") == [pub]
        assert await search(generic_search_term="doves") == []
        assert await search(room_types=["m.space"]) == [space]
        assert await search(room_types=[None]) == [pub]
        assert await search(room_types=[None, "m.space"]) == [pub, space]
        assert await search(room_types=[]) == []
        for bad in ({"limit": -1}, {"limit": "5"}, {"limit": True}, {"filter": {"room_types": "m.space"}}):
            assert await call(ben, "POST", f"{V3}/publicRooms", bad) == (400, "M_BAD_JSON")
        assert await call(ben, "GET", f"{V3}/publicRooms?since=x") == (400, "M_INVALID_PARAM")
        assert await call(ben, "GET", f"{V3}/publicRooms?limit=x") == (400, "M_INVALID_PARAM")
        assert await call(ben, "GET", f"{V3}/publicRooms?server=not%20a%20name") == (400, "M_INVALID_PARAM")
        # Other servers are never sought on this machine.
        assert await call(ben, "GET", f"{V3}/publicRooms?server=127.0.0.1:1") == (502, "M_UNREACHABLE")
        assert await call(server.client(), "POST", f"{V3}/publicRooms", {}) == (401, "M_MISSING_TOKEN")


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_public_rooms_pages_both_ways(tmp_path: Path, limit: int) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        others = [await server.register(f"user{n}") for n in range(3)]
        for n in range(7):
            room_id = await create(anna, visibility="public", name=f"room {n}")
            for each in others[: n % 4]:
                (await each.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
        everything = [each["room_id"] for each in (await anna.get(f"{V3}/publicRooms")).ok()["chunk"]]
        assert len(everything) == 7
        pages, query = [], ""
        while True:
            page = (await anna.get(f"{V3}/publicRooms?limit={limit}{query}")).ok()
            pages.append([each["room_id"] for each in page["chunk"]])
            assert ("prev_batch" in page) == (len(pages) > 1)
            if "next_batch" not in page:
                break
            query = f"&since={page['next_batch']}"
        assert [room_id for each in pages for room_id in each] == everything
        back = []
        while "prev_batch" in page:
            page = (await anna.get(f"{V3}/publicRooms?limit={limit}&since={page['prev_batch']}")).ok()
            back.append([each["room_id"] for each in page["chunk"]])
            assert "next_batch" in page
        assert back[::-1] == pages[:-1]


async def test_room_summary(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        stranger = server.client()
        public = await create(
            anna,
            preset="public_chat",
            name="Open",
            room_alias_name="open",
            initial_state=[{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}],
        )
        private = await create(anna)
        allow = [{"type": "m.room_membership", "room_id": public}]
        rules = [{"type": "m.room.join_rules", "content": {"join_rule": "restricted", "allow": allow}}]
        restricted = await create(anna, initial_state=rules)

        def path(room: str) -> str:
            return f"{V1}/room_summary/{q(room)}"

        summary = (await stranger.get(path("#open:localhost"))).ok()
        assert summary == {
            "room_id": public,
            "name": "Open",
            "canonical_alias": "#open:localhost",
            "num_joined_members": 1,
            "world_readable": False,
            "guest_can_join": False,
            "join_rule": "public",
            "room_version": "12",
            "encryption": "m.megolm.v1.aes-sha2",
        }
        assert (await anna.get(path(private))).ok()["membership"] == "join"
        for client, room in ((stranger, private), (ben, private), (ben, restricted), (ben, "!nowhere:localhost")):
            assert await call(client, "GET", path(room)) == (404, "M_NOT_FOUND")
        (await ben.post(f"{V3}/rooms/{q(public)}/join")).ok()
        summary = (await ben.get(path(restricted))).ok()
        assert summary["allowed_room_ids"] == [public]
        assert "membership" not in summary
        (await anna.post(f"{V3}/rooms/{q(private)}/invite", {"user_id": ben.user_id})).ok()
        assert (await ben.get(path(private))).ok()["membership"] == "invite"


async def test_space_hierarchy(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")

        async def space(name: str, **body: Any) -> str:
            return await create(anna, name=name, creation_content={"type": "m.space"}, preset="public_chat", **body)

        async def add(parent: str, child: str, **content: Any) -> None:
            path = f"{V3}/rooms/{q(parent)}/state/m.space.child/{q(child)}"
            (await anna.put(path, {"via": ["localhost"], **content})).ok()
            # Children without an order are in that of their times.
            await asyncio.sleep(0.002)

        root, inner = await space("root"), await space("inner")
        late, early = (
            await create(anna, name="late", preset="public_chat"),
            await create(anna, name="early", preset="public_chat"),
        )
        hidden, leaf = await create(anna, name="hidden"), await create(anna, name="leaf", preset="public_chat")
        await add(root, late, order="b")
        await add(root, inner, order="a", suggested=True)
        await add(root, hidden)
        await add(root, early)
        await add(inner, leaf, suggested=True)
        await add(inner, root)  # a cycle
        removed = await create(anna, preset="public_chat")
        await add(root, removed, via=[])

        async def walk(client: Client, query: str = "") -> dict[str, Any]:
            return (await client.get(f"{V1}/rooms/{q(root)}/hierarchy{query}")).ok()

        def names(answer: dict[str, Any]) -> list[str]:
            return [each["name"] for each in answer["rooms"]]

        assert names(await walk(anna)) == ["root", "inner", "leaf", "late", "hidden", "early"]
        assert names(await walk(ben)) == ["root", "inner", "leaf", "late", "early"]
        assert names(await walk(ben, "?suggested_only=true")) == ["root", "inner", "leaf"]
        assert names(await walk(ben, "?max_depth=1")) == ["root", "inner", "late", "early"]
        assert names(await walk(ben, "?max_depth=0")) == ["root"]
        top = (await walk(ben))["rooms"][0]
        assert [each["state_key"] for each in top["children_state"]] == [inner, late, hidden, early]
        assert top["children_state"][0]["content"] == {"via": ["localhost"], "order": "a", "suggested": True}
        assert isinstance(top["children_state"][0]["origin_server_ts"], int)
        assert top["room_type"] == "m.space"
        seen, query = [], "?limit=2"
        while True:
            page = await walk(ben, query)
            assert len(page["rooms"]) <= 2
            seen += names(page)
            if "next_batch" not in page:
                break
            query = f"?limit=2&from={page['next_batch']}"
        assert seen == ["root", "inner", "leaf", "late", "early"]
        first = await walk(ben, "?limit=2")
        base = f"{V1}/rooms/{q(root)}/hierarchy"
        for bad in (f"?from={first['next_batch']}&max_depth=3", "?from=x", "?limit=0", "?max_depth=-1"):
            assert await call(ben, "GET", base + bad) == (400, "M_INVALID_PARAM")
        for room in (hidden, "!nowhere:localhost"):
            assert await call(ben, "GET", f"{V1}/rooms/{q(room)}/hierarchy") == FORBIDDEN
