"""Presence (client-server API, "Presence"): who is told what, and when."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server
from tests.conformance.syncer import Syncer, meet, meet_two

from zajil.services.signals import presence

V3 = "/_matrix/client/v3"


async def settle(server: InProcessServer) -> None:
    await server.app.presence.tell()


async def put_status(client: Client, state: str, **fields: str) -> None:
    (await client.put(f"{V3}/presence/{q(client.user_id)}/status", {"presence": state, **fields})).ok()


async def set_privacy(client: Client, last_seen: str) -> None:
    path = f"{V3}/user/{q(client.user_id)}/account_data/org.zajil.privacy"
    (await client.put(path, {"last_seen": last_seen})).ok()


async def test_a_syncing_user_is_online_and_others_hear_of_it(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        _, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        assert (await a.heard())[anna.user_id]["presence"] == "online"
        await settle(server)
        await a.heard()
        parked = asyncio.create_task(a.sync(timeout=5000))
        await asyncio.sleep(0.01)
        first = await b.heard()
        assert first[anna.user_id]["currently_active"] is True
        assert first[anna.user_id]["last_active_ago"] < 1000
        await settle(server)
        woken = (await asyncio.wait_for(parked, 2))["presence"]["events"]
        assert [(e["sender"], e["content"]["presence"]) for e in woken] == [(ben.user_id, "online")]
        status = (await anna.get(f"{V3}/presence/{q(ben.user_id)}/status")).ok()
        assert status["presence"] == "online"


async def test_nothing_is_told_when_nothing_changes(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        _, a, b = await meet_two(server)
        for _ in range(2):
            await a.sync()
            await b.sync()
            await settle(server)
        await a.sync()
        await b.sync()
        counter = server.app.ephemeral.counter
        for _ in range(3):
            assert await a.heard() == {}
            await settle(server)
        assert server.app.ephemeral.counter == counter


async def test_set_presence_and_status(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        _, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await a.sync()
        await b.sync(set_presence="offline")
        await settle(server)
        path = f"{V3}/presence/{q(ben.user_id)}/status"
        assert (await anna.get(path)).ok() == {"presence": "offline"}
        await b.sync(set_presence="unavailable")
        assert (await anna.get(path)).ok() == {"presence": "unavailable", "currently_active": False}
        await put_status(ben, "online", status_msg="at work")
        await settle(server)
        told = (await a.heard())[ben.user_id]
        assert (told["presence"], told["status_msg"]) == ("online", "at work")
        await put_status(ben, "offline")
        await settle(server)
        assert (await a.heard())[ben.user_id]["presence"] == "offline"
        assert (await ben.get(f"{V3}/sync?set_presence=asleep")).errcode == "M_INVALID_PARAM"


async def test_offline_when_the_syncs_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "OFFLINE_AFTER_S", 0.05)
    async with running_server(tmp_path) as server:
        _, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        await a.sync()
        await b.sync()
        await settle(server)
        await b.sync()
        parked = asyncio.create_task(b.sync(timeout=300, set_presence="unavailable"))
        await asyncio.sleep(0.1)
        await server.app.presence.sweep()
        assert server.app.presence.find(anna.user_id).state == "offline"
        assert server.app.presence.find(ben.user_id).state == "unavailable"  # parked
        await parked
        await asyncio.sleep(0.1)
        await server.app.presence.sweep()
        await settle(server)
        heard = (await a.heard(set_presence="offline"))[ben.user_id]
        assert heard["presence"] == "offline"
        assert heard["last_active_ago"] >= 100


async def test_only_small_common_rooms_carry_presence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("zajil.services.signals.presence", "zajil.services.sync.presence_section"):
        monkeypatch.setattr(f"{module}.ROOM_MEMBERS_MAX", 2)
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        await meet(anna, ben, carl)
        await meet(anna, ben)
        a, c = Syncer(anna), Syncer(carl)
        await a.sync()
        await c.sync()
        await Syncer(ben).sync()
        await settle(server)
        assert set(await a.heard()) - {anna.user_id} == {ben.user_id}
        assert set(await c.heard()) <= {carl.user_id}
        stranger = await server.register("stranger")
        assert (await stranger.get(f"{V3}/presence/{q(anna.user_id)}/status")).errcode == "M_FORBIDDEN"
        assert (await carl.get(f"{V3}/presence/{q(anna.user_id)}/status")).status == 200


async def test_who_joins_hears_of_the_others_and_they_of_them(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await meet(anna)
        a, b = Syncer(anna), Syncer(ben)
        for _ in range(2):
            await a.sync()
            await b.sync()
            await settle(server)
        await a.sync()
        await b.sync()
        (await ben.post(f"{V3}/join/{q(room_id)}")).ok()
        await settle(server)
        assert set(await a.heard()) == {ben.user_id}
        assert set(await b.heard()) == {anna.user_id}


async def test_last_seen_is_private(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        room_id = await meet(anna, ben, carl)
        b, c = Syncer(ben), Syncer(carl)
        await Syncer(anna).sync()
        assert (await b.heard())[anna.user_id]["presence"] == "online"
        assert (await c.heard())[anna.user_id]["presence"] == "online"
        await settle(server)
        await b.sync()
        await c.sync()

        (await anna.put(f"{V3}/user/{q(anna.user_id)}/account_data/m.direct", {ben.user_id: [room_id]})).ok()
        await set_privacy(anna, "contacts")
        await settle(server)
        assert (await b.heard())[anna.user_id]["presence"] == "online"
        assert (await c.heard())[anna.user_id] == {"presence": "offline"}
        path = f"{V3}/presence/{q(anna.user_id)}/status"
        assert (await ben.get(path)).ok()["presence"] == "online"
        assert (await carl.get(path)).errcode == "M_FORBIDDEN"
        assert (await anna.get(path)).ok()["presence"] == "online"

        await put_status(anna, "unavailable")
        await settle(server)
        assert (await b.heard())[anna.user_id]["presence"] == "unavailable"
        assert anna.user_id not in await c.heard()  # not even that something happened
        assert anna.user_id not in await Syncer(carl).heard()

        await set_privacy(anna, "nobody")
        await settle(server)
        assert (await b.heard())[anna.user_id] == {"presence": "offline"}
        assert (await ben.get(path)).errcode == "M_FORBIDDEN"
        await set_privacy(anna, "everyone")
        await settle(server)
        assert (await c.heard())[anna.user_id]["presence"] == "unavailable"


async def test_who_does_not_come_back_after_a_restart_is_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "SETTLED_AFTER_S", 0)
    async with running_server(tmp_path) as server:
        anna, ben, carl = [await server.register(name) for name in ("anna", "ben", "carl")]
        await meet(anna, ben, carl)
        a, b = Syncer(anna), Syncer(ben)
        await b.sync()
        await Syncer(carl).sync()
        assert (await a.heard())[ben.user_id]["presence"] == "online"
        await set_privacy(carl, "nobody")
    async with running_server(tmp_path) as server:
        a.client.server = server
        assert ben.user_id not in await a.heard()  # perhaps they are on their way
        await server.app.presence.sweep()
        assert await a.heard() == {ben.user_id: {"presence": "offline"}}
        assert await a.heard() == {}


async def test_nothing_is_told_again_when_another_process_has_written(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        _, a, b = await meet_two(server)
        anna, ben = a.client, b.client
        for _ in range(2):
            await a.sync()
            await b.sync()
            await settle(server)
        await a.sync()
        await b.sync()
        server.app.notifier.hear_foreign(server.app.db.position, ())
        assert await b.heard() == {}
        (await anna.put(f"{V3}/user/{q(anna.user_id)}/account_data/m.x", {})).ok()
        assert await a.heard() == {}
        await put_status(ben, "unavailable")
        await settle(server)
        assert set(await a.heard()) == {ben.user_id}


async def test_presence_obeys_the_filter_and_the_ignore_list(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        await meet(anna, ben)
        await Syncer(anna).sync()
        nothing = q('{"presence":{"not_types":["m.presence"]}}')
        assert await Syncer(ben).heard(filter=nothing) == {}
        path = f"{V3}/user/{q(ben.user_id)}/account_data/m.ignored_user_list"
        (await ben.put(path, {"ignored_users": {anna.user_id: {}}})).ok()
        assert anna.user_id not in await Syncer(ben).heard()


async def shed_while_parked(
    server: InProcessServer, anna: Client, ben: Client, timeout: int
) -> tuple[Syncer, asyncio.Task[Any]]:
    """Ben comes online while a sync of Anna's is parked and the event loop is late; her syncs, and the one that is parked."""
    a = Syncer(anna)
    for _ in range(2):
        await a.sync()
        await settle(server)
    parked = asyncio.create_task(a.sync(timeout=timeout))
    await asyncio.sleep(0.01)
    await put_status(ben, "online")
    await server.app.presence.tell(late_s=1)
    return a, parked


async def test_presence_is_shed_when_the_event_loop_is_late(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = await meet(anna, ben)
        _, parked = await shed_while_parked(server, anna, ben, timeout=400)
        await asyncio.sleep(0.05)
        assert not parked.done()
        (await ben.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", {"msgtype": "m.text", "body": "x"})).ok()
        answer = await parked  # and it comes along with something else
        assert [event["sender"] for event in answer["presence"]["events"]] == [ben.user_id]


async def test_presence_that_was_shed_comes_with_the_next_answer_although_nothing_else_happens(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        await meet(anna, ben)
        a, parked = await shed_while_parked(server, anna, ben, timeout=200)
        told = [await parked, await a.sync(timeout=10)]
        assert [event["sender"] for answer in told for event in answer.get("presence", {}).get("events", [])] == [
            ben.user_id
        ]


async def test_presence_is_not_passed_over_by_a_sync_that_is_answered_while_it_is_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        await meet(anna, ben)
        a = Syncer(anna)
        for _ in range(2):
            await a.sync()
            await settle(server)
        await a.sync()
        store = server.app.stores.signals
        load = store.load_small_rooms
        meanwhile: list[dict[str, Any]] = []

        async def load_slowly(*args: Any) -> list[str]:
            meanwhile.append(await a.sync(timeout=10))
            return await load(*args)

        await put_status(ben, "online")
        with monkeypatch.context() as patch:
            patch.setattr(store, "load_small_rooms", load_slowly)
            await settle(server)
        assert meanwhile
        told = [*meanwhile, await a.sync(timeout=10)]
        assert [event["sender"] for answer in told for event in answer.get("presence", {}).get("events", [])] == [
            ben.user_id
        ]


async def test_presence_can_be_switched_off(tmp_path: Path) -> None:
    async with running_server(tmp_path, presence=False) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        await meet(anna, ben)
        await put_status(anna, "online")
        await Syncer(anna).sync()
        assert await Syncer(ben).heard() == {}
        assert (await ben.get(f"{V3}/presence/{q(anna.user_id)}/status")).ok() == {"presence": "offline"}


async def test_refusals(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        path = f"{V3}/presence/{q(ben.user_id)}/status"
        assert (await anna.put(path, {"presence": "online"})).errcode == "M_FORBIDDEN"
        assert (await anna.get(f"{V3}/presence/{q('@nobody:localhost')}/status")).status in (403, 404)
        own = f"{V3}/presence/{q(anna.user_id)}/status"
        assert (await anna.put(own, {"presence": "busy"})).errcode == "M_BAD_JSON"
        assert (await anna.put(own, {})).errcode == "M_MISSING_PARAM"
        assert (await anna.put(own, {"presence": "online", "status_msg": "x" * 2000})).errcode == "M_TOO_LARGE"


async def test_a_sync_without_a_change_costs_next_to_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        known = server.app.presence
        known.leave(known.arrive("@anna:localhost", "online"), "online")
        loop = asyncio.get_running_loop()
        best_us = float("inf")
        for _ in range(5):
            started = loop.time()
            for _ in range(2000):
                known.leave(known.arrive("@anna:localhost", "online"), "online")
            best_us = min(best_us, (loop.time() - started) * 1e6 / 2000)
        assert best_us < 5  # about 1 on an idle machine
        print(f"{best_us:.2f} µs")
