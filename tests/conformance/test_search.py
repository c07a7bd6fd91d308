"""Full-text search (client-server API, "Server Side Search")."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server
from tests.conformance.syncer import meet

V3 = "/_matrix/client/v3"


async def say(client: Client, room_id: str, body: str, **content: Any) -> str:
    say.count = getattr(say, "count", 0) + 1  # type: ignore[attr-defined]
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{say.count}"  # type: ignore[attr-defined]
    return (await client.put(path, {"msgtype": "m.text", "body": body, **content})).ok()["event_id"]


async def edit(client: Client, room_id: str, event_id: str, body: str) -> str:
    new = {"msgtype": "m.text", "body": body}
    relation = {"rel_type": "m.replace", "event_id": event_id}
    return await say(client, room_id, f"* {body}", **{"m.new_content": new, "m.relates_to": relation})


async def redact(client: Client, room_id: str, event_id: str) -> None:
    (await client.put(f"{V3}/rooms/{q(room_id)}/redact/{q(event_id)}/r{event_id[1:9]}", {})).ok()


async def search(client: Client, term: str, next_batch: str = "", **wishes: Any) -> dict[str, Any]:
    await client.server.app.message_index.catch_up()
    body = {"search_categories": {"room_events": {"search_term": term, "order_by": "recent", **wishes}}}
    query = f"?next_batch={next_batch}" if next_batch else ""
    return (await client.post(f"{V3}/search{query}", body)).ok()["search_categories"]["room_events"]


async def bodies(client: Client, term: str, **wishes: Any) -> list[str]:
    found = await search(client, term, **wishes)
    return [entry["result"]["content"].get("body", "") for entry in found["results"]]


async def test_messages_are_found_by_their_words(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await meet(anna, ben)
        await say(anna, room_id, "The carrier pigeon flies home")
        event_id = await say(ben, room_id, "Pigeons? One PIGEON, carrying a café receipt!")
        assert await bodies(anna, "horse") == []
        found = await search(ben, "pigeon")
        assert found["count"] == 2
        assert found["results"][0]["result"]["event_id"] == event_id
        assert found["highlights"] == ["PIGEON", "pigeon"]
        assert "next_batch" not in found
        assert await bodies(anna, "CAFE pigeon") == ["Pigeons? One PIGEON, carrying a café receipt!"]
        assert await bodies(anna, "pigeon AND NOT carrier") == []
        assert await bodies(anna, '"') == []
        result = found["results"][0]["result"]
        assert result["room_id"] == room_id
        assert result["sender"] == ben.user_id


async def test_arabic(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        await say(anna, room_id, "السَّلَامُ عَلَيْكُمْ، كيف حالك يا أحمد؟")
        await say(anna, room_id, "مدرسة الحمام الزاجل")
        found = await search(anna, "السلام")
        assert len(found["results"]) == 1
        assert found["highlights"] == ["السَّلَامُ"]
        for term in ("احمد", "أحمد", "حالك كيف"):
            assert len(await bodies(anna, term)) == 1
        assert await bodies(anna, "مدرسه") == ["مدرسة الحمام الزاجل"]
        assert await bodies(anna, "سلام") == []


async def test_only_what_the_user_may_see(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await meet(anna)
        path = f"{V3}/rooms/{q(room_id)}/state/m.room.history_visibility"
        (await anna.put(path, {"history_visibility": "joined"})).ok()
        await say(anna, room_id, "secret before")
        (await ben.post(f"{V3}/join/{q(room_id)}")).ok()
        await say(anna, room_id, "secret between")
        (await ben.post(f"{V3}/rooms/{q(room_id)}/leave")).ok()
        await say(anna, room_id, "secret after")
        assert await bodies(anna, "secret") == ["secret after", "secret between", "secret before"]
        assert await bodies(ben, "secret") == ["secret between"]
        assert await bodies(carl, "secret") == []
        (await ben.post(f"{V3}/rooms/{q(room_id)}/forget")).ok()
        assert await bodies(ben, "secret") == []


async def test_edits_and_redactions(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        event_id = await say(anna, room_id, "first version")
        assert len(await bodies(anna, "first")) == 1
        edit_id = await edit(anna, room_id, event_id, "second version")
        assert await bodies(anna, "first") == []
        found = (await search(anna, "second"))["results"]
        assert [entry["result"]["event_id"] for entry in found] == [event_id]
        assert await bodies(anna, "version") != []
        await redact(anna, room_id, edit_id)
        assert await bodies(anna, "second") == []
        assert await bodies(anna, "first") == ["first version"]
        await redact(anna, room_id, event_id)
        assert (await search(anna, "version"))["results"] == []
        # All of it between two looks of the index.
        event_id = await say(anna, room_id, "third version")
        edit_id = await edit(anna, room_id, event_id, "fourth version")
        await redact(anna, room_id, edit_id)
        gone = await say(anna, room_id, "fifth version")
        await redact(anna, room_id, gone)
        assert await bodies(anna, "version") == ["third version"]


async def test_a_redacted_message_is_not_shown_before_the_index_knows(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        event_id = await say(anna, room_id, "regrettable")
        assert len(await bodies(anna, "regrettable")) == 1
        await redact(anna, room_id, event_id)
        body = {"search_categories": {"room_events": {"search_term": "regrettable"}}}
        answer = (await anna.post(f"{V3}/search", body)).ok()
        assert answer["search_categories"]["room_events"]["results"] == []


async def test_others_cannot_change_what_is_found(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await meet(anna, ben)
        event_id = await say(anna, room_id, "original")
        await edit(ben, room_id, event_id, "forged")
        assert len(await bodies(anna, "original")) == 1
        found = (await search(anna, "forged"))["results"]
        assert [entry["result"]["sender"] for entry in found] == [ben.user_id]


async def test_names_topics_and_keys(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room = {"name": "Dovecote", "topic": "All about the dovecote"}
        room_id = (await anna.post(f"{V3}/createRoom", room)).ok()["room_id"]
        await say(anna, room_id, "the dovecote is open")
        types = [entry["result"]["type"] for entry in (await search(anna, "dovecote"))["results"]]
        assert sorted(types) == ["m.room.message", "m.room.name", "m.room.topic"]
        for key, event_type in (("content.name", "m.room.name"), ("content.topic", "m.room.topic")):
            found = await search(anna, "dovecote", keys=[key])
            assert [entry["result"]["type"] for entry in found["results"]] == [event_type]


async def test_encrypted_messages_are_not_indexed(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        path = f"{V3}/rooms/{q(room_id)}/send/m.room.encrypted/1"
        (await anna.put(path, {"algorithm": "m.megolm.v1.aes-sha2", "body": "leaked", "ciphertext": "leaked"})).ok()
        assert await bodies(anna, "leaked") == []


async def test_filters(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        one, two = await meet(anna, ben), await meet(anna, ben)
        for client, room_id in ((anna, one), (ben, one), (ben, two)):
            await say(client, room_id, f"common {client.user_id} {'one' if room_id == one else 'two'}")
        assert len(await bodies(anna, "common")) == 3
        assert len(await bodies(anna, "common", filter={"rooms": [two]})) == 1
        assert len(await bodies(anna, "common", filter={"not_rooms": [two]})) == 2
        assert len(await bodies(anna, "common", filter={"senders": [ben.user_id]})) == 2
        assert len(await bodies(anna, "common", filter={"not_senders": [ben.user_id], "limit": 5})) == 1
        assert await bodies(anna, "common", filter={"types": ["m.room.name"]}) == []
        path = f"{V3}/user/{q(anna.user_id)}/account_data/m.ignored_user_list"
        (await anna.put(path, {"ignored_users": {ben.user_id: {}}})).ok()
        assert len(await bodies(anna, "common")) == 1


@pytest.mark.parametrize("order", ["recent", "rank"])
async def test_pages(tmp_path: Path, order: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        sent = [await say(anna, room_id, f"page {number} " + "filler " * number) for number in range(12)]
        seen, token, pages = [], "", 0
        while True:
            found = await search(anna, "page", token, order_by=order, filter={"limit": 5})
            seen += [entry["result"]["event_id"] for entry in found["results"]]
            assert found["count"] == 12
            pages += 1
            if "next_batch" not in found:
                break
            token = found["next_batch"]
        assert pages == 3
        assert sorted(seen) == sorted(sent)
        if order == "recent":
            assert seen == sent[::-1]
        else:
            assert seen[0] in sent[:3]


async def test_context_profiles_and_state(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        (await ben.put(f"{V3}/profile/{q(ben.user_id)}/displayname", {"displayname": "Ben"})).ok()
        room_id = await meet(anna, ben)
        ids = [await say(anna if number % 2 else ben, room_id, f"line {number}") for number in range(5)]
        await say(anna, room_id, "needle")
        wish = {"before_limit": 2, "after_limit": 1, "include_profile": True}
        found = await search(anna, "3", event_context=wish, include_state=True)
        context = found["results"][0]["context"]
        assert [event["event_id"] for event in context["events_before"]] == [ids[2], ids[1]]
        assert [event["event_id"] for event in context["events_after"]] == [ids[4]]
        assert context["profile_info"] == {anna.user_id: {}, ben.user_id: {"displayname": "Ben"}}
        for token, direction, expected in ((context["start"], "b", ids[0]), (context["end"], "f", None)):
            path = f"{V3}/rooms/{q(room_id)}/messages?from={token}&dir={direction}&limit=1"
            chunk = (await anna.get(path)).ok()["chunk"]
            if expected:
                assert chunk[0]["event_id"] == expected
            else:
                assert chunk[0]["content"]["body"] == "needle"
        types = {event["type"] for event in found["state"][room_id]}
        assert {"m.room.create", "m.room.member", "m.room.power_levels"} <= types


async def test_groups(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        one, two = await meet(anna, ben), await meet(anna, ben)
        for number in range(4):
            await say(anna, one, f"grouped {number}")
            await say(ben, two, f"grouped {number}")
        wish = {"group_by": [{"key": "room_id"}, {"key": "sender"}]}
        found = await search(anna, "grouped", groupings=wish, filter={"limit": 4})
        groups = found["groups"]["room_id"]
        assert set(groups) == {one, two}
        assert sorted(len(group["results"]) for group in groups.values()) == [2, 2]
        assert groups[two]["order"] == 1
        rest = await search(anna, "grouped", groups[one]["next_batch"])
        assert [entry["result"]["content"]["body"] for entry in rest["results"]] == ["grouped 1", "grouped 0"]
        assert {entry["result"]["room_id"] for entry in rest["results"]} == {one}
        rest = await search(anna, "grouped", found["groups"]["sender"][ben.user_id]["next_batch"])
        assert {entry["result"]["sender"] for entry in rest["results"]} == {ben.user_id}


async def test_the_index_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        await say(anna, room_id, "indexed before")
        await server.app.message_index.catch_up()
        reached = await progress(server)
        await server.app.message_index.stop()
        await say(anna, room_id, "indexed later")
        assert await progress(server) == reached > 0
    async with running_server(tmp_path) as server:
        anna.server = server
        assert await bodies(anna, "indexed") == ["indexed later", "indexed before"]
        assert await progress(server) > reached


async def progress(server: InProcessServer) -> int:
    return await server.app.stores.search.load_progress(server.app.db.reader)


async def test_the_index_follows_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.services.search.index_messages.GATHER_S", 0.01)
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await meet(anna)
        await say(anna, room_id, "by itself")
        body = {"search_categories": {"room_events": {"search_term": "itself"}}}
        for _ in range(200):
            found = (await anna.post(f"{V3}/search", body)).ok()["search_categories"]["room_events"]
            if found["results"]:
                break
            await asyncio.sleep(0.01)
        assert found["results"]


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, "M_MISSING_PARAM"),
        ({"search_categories": []}, "M_BAD_JSON"),
        ({"search_categories": {"room_events": {}}}, "M_MISSING_PARAM"),
        ({"search_categories": {"room_events": {"search_term": 1}}}, "M_BAD_JSON"),
        ({"search_categories": {"room_events": {"search_term": "x" * 2000}}}, "M_BAD_JSON"),
        ({"search_categories": {"room_events": {"search_term": "x", "keys": ["content"]}}}, "M_BAD_JSON"),
        ({"search_categories": {"room_events": {"search_term": "x", "order_by": "size"}}}, "M_BAD_JSON"),
        ({"search_categories": {"room_events": {"search_term": "x", "filter": {"limit": -1}}}}, "M_BAD_JSON"),
        (
            {"search_categories": {"room_events": {"search_term": "x", "event_context": {"before_limit": -1}}}},
            "M_BAD_JSON",
        ),
    ],
)
async def test_refusals(tmp_path: Path, body: dict[str, Any], errcode: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        answer = await anna.post(f"{V3}/search", body)
        assert (answer.status, answer.errcode) == (400, errcode)


async def test_other_refusals(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        body = {"search_categories": {"room_events": {"search_term": "x"}}}
        for token in ("x", "lsearch.1", "lsearch.~cmFuaw.-1.~.~", "lsearch.~cmVjZW50.1.~.~"):
            assert (await anna.post(f"{V3}/search?next_batch={token}", body)).errcode == "M_INVALID_PARAM"
        assert (await server.client().post(f"{V3}/search", body)).errcode == "M_MISSING_TOKEN"
        assert (await anna.post(f"{V3}/search", {"search_categories": {}})).ok() == {"search_categories": {}}
