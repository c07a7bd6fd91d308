"""The edge in front of a whole server: what clients are told, and who is let in whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.client import Answer, Client, InProcessServer, q, running_server

from zajil.core.admission import Entry
from zajil.core.admission_work import Work
from zajil.http.admission import Edge
from zajil.ports.database import Pace

MONTH_MS = 30 * 86_400_000


async def make_old(server: InProcessServer, *clients: Client) -> None:
    """Their accounts are a month old."""

    async def item(tx: Any) -> None:
        for client in clients:
            await tx.execute(
                "UPDATE accounts SET created_ts_ms = created_ts_ms - ? WHERE user_id = ?", MONTH_MS, client.user_id
            )

    await server.app.db.write(item)
    server.app.sessions.forget_all()


async def make_room(owner: Client, *others: Client) -> str:
    room_id: str = (await owner.post("/_matrix/client/v3/createRoom", {"preset": "public_chat"})).ok()["room_id"]
    for other in others:
        (await other.post(f"/_matrix/client/v3/join/{q(room_id)}")).ok()
    return room_id


async def send(client: Client, room_id: str, txn_id: str) -> Answer:
    path = f"/_matrix/client/v3/rooms/{q(room_id)}/send/m.room.message/{txn_id}"
    return await client.put(path, {"msgtype": "m.text", "body": "hello"})


def fill(server: InProcessServer) -> list[Entry]:
    """Take all the places there are, and those kept for conversations, with requests that do not end."""
    admission = server.app.admission
    entries = []
    while len(entries) < admission.limit.value + 16:
        entry = Entry(Work.LIVE, f"busy{len(entries)}", server.app.clock.monotonic_s())
        if admission.arrive(entry, entry.arrived_s) is not None or entry.state != 1:
            admission.leave(entry, entry.arrived_s)
            break
        entries.append(entry)
    return entries


async def wait_until(holds: Callable[[], bool], describe: Callable[[], object]) -> None:
    """Let the event loop go round until something holds; fail with what is there instead after a minute."""
    for _ in range(60_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    pytest.fail(f"after a minute: {describe()}")


async def test_new_rooms_are_limited_and_answers_are_not(tmp_path: Path) -> None:
    async with running_server(tmp_path, rate_limits=True) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        await make_old(server, anna, ben)
        rooms = [await make_room(anna, ben) for _ in range(15)]
        answers = [await send(anna, room_id, "one") for room_id in rooms]
        assert [answer.status for answer in answers] == [200] * 12 + [429] * 3
        refused = answers[-1]
        assert refused.errcode == "M_LIMIT_EXCEEDED"
        assert 25_000 < refused.body["retry_after_ms"] <= 30_000
        assert int(refused.headers["retry-after"]) * 1000 >= refused.body["retry_after_ms"]
        assert "many chats" in refused.body["error"]
        assert (await send(anna, rooms[0], "two")).status == 200, "the room is not new any more"
        assert (await send(ben, rooms[-1], "hello")).status == 200
        assert (await send(anna, rooms[-1], "three")).status == 200, "the other has written"


async def test_a_new_account_has_less(tmp_path: Path) -> None:
    async with running_server(tmp_path, rate_limits=True) as server:
        anna = await server.register("anna")
        statuses = [(await send(anna, await make_room(anna), "one")).status for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2


async def test_exempt_accounts_are_not_limited(tmp_path: Path) -> None:
    async with running_server(tmp_path, rate_limits=True, rate_limits_exempt=("@anna:localhost",)) as server:
        anna = await server.register("anna")
        assert {(await send(anna, await make_room(anna), "one")).status for _ in range(14)} == {200}


async def test_off_switches_the_breaker_off_and_not_admission(tmp_path: Path) -> None:
    async with running_server(tmp_path, capacity_max=20) as server:
        anna = await server.register("anna")
        rooms = [await make_room(anna) for _ in range(14)]
        assert {(await send(anna, room_id, "one")).status for room_id in rooms} == {200}
        answers = await asyncio.gather(
            *(anna.get(f"/_matrix/client/v3/rooms/{q(rooms[0])}/messages?dir=b") for _ in range(400))
        )
        refused = [answer for answer in answers if answer.status == 429]
        assert refused, "admission is on"
        assert refused[0].body["error"].startswith("The server is busy.")


async def test_declining_invitations_is_remembered(tmp_path: Path) -> None:
    async with running_server(tmp_path, rate_limits=True) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        for _ in range(4):
            room_id = (await anna.post("/_matrix/client/v3/createRoom", {"invite": [ben.user_id]})).ok()["room_id"]
            (await ben.post(f"/_matrix/client/v3/rooms/{q(room_id)}/leave")).ok()
        statuses = []
        for number in range(10):
            path = f"/_matrix/client/v3/rooms/{q(room_id)}/invite"
            answer = await anna.post(path, {"user_id": f"@nobody{number}:localhost"})
            statuses.append(answer.status)
        assert statuses[-1] == 429, statuses
        assert "declined" in answer.body["error"]


async def test_when_everything_is_taken_requests_wait_and_administrators_do_not(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admin, anna = await server.register_admin(), await server.register("anna")
        busy = fill(server)
        waiting = asyncio.ensure_future(anna.get("/_matrix/client/v3/account/whoami"))
        path = f"/_matrix/client/v1/admin/lock/{q(anna.user_id)}"
        assert (await asyncio.wait_for(admin.get(path), 5)).status == 200
        assert (await server.client().get("/_matrix/client/versions")).status == 200
        assert not waiting.done()
        server.app.admission.leave(busy.pop(), server.app.clock.monotonic_s())
        for entry in busy:
            server.app.admission.leave(entry, server.app.clock.monotonic_s())
        assert (await asyncio.wait_for(waiting, 5)).status == 200
        assert server.app.admission.running == 0


@pytest.mark.parametrize("pauses", [True, False])
async def test_a_copy_lets_conversations_pass_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: bool
) -> None:
    monkeypatch.setattr("zajil.http.admission.STEP_BACK_S_MAX", 30.0 if pauses else 0.1)
    async with running_server(tmp_path) as server:
        anna, gate = await server.register("anna"), server.app.admission
        rooms = [await make_room(anna) for _ in range(5)]
        live, *busy = fill(server)
        copy = asyncio.ensure_future(send(anna, rooms[0], "one"))
        await wait_until(lambda: gate.count_waiting(Work.MANY) == 1, lambda: gate.running)
        for entry in busy:
            gate.leave(entry, server.app.clock.monotonic_s())
        began_s = server.app.clock.monotonic_s()
        await wait_until(lambda: gate.count_waiting(Work.MANY) == 0, lambda: gate.running)
        await asyncio.sleep(0.05)
        assert not copy.done(), "the message of a conversation is still under way"
        if pauses:
            gate.leave(live, server.app.clock.monotonic_s())
        assert (await asyncio.wait_for(copy, 20)).status == 200
        assert pauses or server.app.clock.monotonic_s() - began_s >= 0.1
        assert gate.has_live() is not pauses


async def test_in_a_crowd_copies_are_committed_together(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        edge, gate = Edge(server.app, ()), server.app.admission
        copy = Entry(Work.MANY, "somebody", 0.0)
        assert edge.find_pace(copy) is Pace.ORDINARY
        busy = fill(server)
        waits = Entry(Work.PERSON, "somebody else", 0.0)
        gate.arrive(waits, 0.0)
        assert edge.find_pace(copy) is Pace.PATIENT
        assert edge.find_pace(waits) is Pace.ORDINARY
        assert edge.find_pace(busy[0]) is Pace.URGENT


async def test_a_parked_sync_takes_no_place(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        since = (await anna.get("/_matrix/client/v3/sync")).ok()["next_batch"]
        parked = asyncio.ensure_future(anna.get(f"/_matrix/client/v3/sync?timeout=5000&since={since}"))
        for _ in range(200):
            await asyncio.sleep(0.01)
            if server.app.notifier.count_parked():
                break
        assert server.app.notifier.count_parked() == 1
        assert server.app.admission.running == 0
        await make_room(anna)
        assert (await parked).status == 200
        assert server.app.admission.running == 0


@pytest.mark.parametrize("is_known", [True, False])
async def test_slow_bodies_keep_nobody_out(tmp_path: Path, is_known: bool) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        if is_known:
            (await anna.get("/_matrix/client/v3/account/whoami")).ok()
        never = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await never.wait()
            return {"type": "http.disconnect"}

        async def ignore(message: dict[str, Any]) -> None:
            pass

        path = "/_matrix/client/v3/keys/query"
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {anna.access_token}".encode())],
            "client": ("127.0.0.1", 1),
        }
        slow = [asyncio.ensure_future(server.asgi(dict(scope), receive, ignore)) for _ in range(500)]
        await asyncio.sleep(0.2)
        assert (await asyncio.wait_for(anna.get("/_matrix/client/v3/account/whoami"), 5)).status == 200
        assert server.app.admission.running == 0
        never.set()
        await asyncio.gather(*slow)
        assert server.app.admission.running == 0
