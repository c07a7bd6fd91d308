"""Refusals before a body is read: what a client sees of them, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client import Client, InProcessServer, running_server
from tests.overload.test_edge import fill, make_old, make_room, send
from uvicorn.config import Config as UvicornConfig
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from zajil.core.admission import Entry
from zajil.core.admission_work import BOUNDS, Work
from zajil.main.protocol import BoundedHttpProtocol

BODY = b'{"msgtype": "m.text", "body": "hello"}'


@contextlib.asynccontextmanager
async def listening(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The server on a port."""
    monkeypatch.setattr(BoundedHttpProtocol, "early_refusal", server.asgi.early_refusal)
    config = UvicornConfig(
        server.asgi, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=600
    )
    config.load()
    state, loop = ServerState(), asyncio.get_running_loop()
    listener = await loop.create_server(lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()


def fill_queues(server: InProcessServer) -> list[Entry]:
    """Take all places, and let so many messages to many rooms wait that no more may."""
    entries = fill(server)
    now_s = server.app.clock.monotonic_s()
    for number in range(BOUNDS[Work.MANY].waiting_max + 1):
        entry = Entry(Work.MANY, f"other{number}", now_s)
        entry.waiter = asyncio.get_running_loop().create_future()
        if server.app.admission.arrive(entry, now_s) is None:
            entries.append(entry)
    return entries


def empty(server: InProcessServer, entries: list[Entry]) -> None:
    for entry in entries:
        server.app.admission.leave(entry, server.app.clock.monotonic_s())


def build_head(client: Client, room_id: str, txn_id: str, size: int = len(BODY)) -> bytes:
    return (
        f"PUT /_matrix/client/v3/rooms/{room_id}/send/m.room.message/{txn_id} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {client.access_token}\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], dict[str, object]]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = json.loads(await reader.readexactly(int(headers["content-length"])))
    return int(head[0].split()[1]), headers, body


async def make_writer(server: InProcessServer, rooms_count: int = 1) -> tuple[Client, str]:
    """Somebody, no newcomer, who has written to so many rooms, and one of those."""
    anna = await server.register("anna")
    await make_old(server, anna)
    rooms = [await make_room(anna) for _ in range(rooms_count)]
    for room_id in rooms:
        (await send(anna, room_id, "one")).ok()
    return anna, rooms[-1]


async def make_spammer(server: InProcessServer) -> tuple[Client, str]:
    """Somebody who has written to many rooms, and one of those."""
    return await make_writer(server, 5)


async def make_conversation(server: InProcessServer) -> tuple[Client, str]:
    """One of two people who have answered each other in a room, and the room."""
    anne, ben = await server.register("anne"), await server.register("ben")
    room_id = await make_room(anne, ben)
    for number in range(2):
        for each in (anne, ben):
            (await send(each, room_id, f"{number}")).ok()
    return anne, room_id


async def test_a_refusal_comes_before_the_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server, listening(server, monkeypatch) as port:
        anna, room_id = await make_spammer(server)
        busy = fill_queues(server)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(build_head(anna, room_id, "two"))
        status, headers, body = await read_answer(reader)
        assert (status, body["errcode"]) == (429, "M_LIMIT_EXCEEDED")
        wait_ms = body["retry_after_ms"]
        assert isinstance(wait_ms, int)
        assert wait_ms > 0
        assert int(headers["retry-after"]) * 1000 >= wait_ms
        assert headers["access-control-allow-origin"] == "*"
        assert "many chats" in str(body["error"])
        refused = server.app.admission.refused[Work.MANY]
        writer.write(BODY[:5])
        writer.write(BODY[5:] + build_head(anna, room_id, "three") + BODY + build_head(anna, room_id, "four") + BODY)
        for _ in range(2):
            status, _, _ = await read_answer(reader)
            assert status == 429
        assert server.app.admission.refused[Work.MANY] == refused + 2
        empty(server, busy)
        writer.write(build_head(anna, room_id, "five") + BODY)
        status, _, body = await read_answer(reader)
        assert status == 200, body
        writer.close()
        assert server.app.admission.running == 0
        assert server.app.measurements.statuses[429] == 3


async def test_who_is_let_in_early_waits_and_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server, listening(server, monkeypatch) as port:
        anna, room_id = await make_writer(server)
        busy = fill_queues(server)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(build_head(anna, room_id, "two") + BODY)
        while not server.app.admission.count_waiting(Work.FIRST):
            await asyncio.sleep(0.001)
        empty(server, busy)
        status, _, body = await read_answer(reader)
        assert status == 200, body
        writer.close()
        assert (server.app.admission.running, server.app.admission.waiting) == (0, 0)


async def test_a_request_that_fails_after_it_was_let_in_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path) as server, listening(server, monkeypatch) as port:
        anna, room_id = await make_writer(server)
        busy = fill_queues(server)
        waited = []

        def fail(protocol: HttpToolsProtocol) -> None:
            waited.append(server.app.admission.count_waiting(Work.FIRST))
            raise ValueError

        monkeypatch.setattr(HttpToolsProtocol, "on_headers_complete", fail)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(build_head(anna, room_id, "two") + BODY)
        status, _, _ = await read_answer(reader)
        assert (status, waited) == (400, [1])
        writer.close()
        assert not server.app.admission.count_waiting(Work.FIRST)
        empty(server, busy)
        assert (server.app.admission.running, server.app.admission.waiting) == (0, 0)


async def test_a_client_that_goes_away_while_it_waits_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path) as server, listening(server, monkeypatch) as port:
        anna, room_id = await make_writer(server)
        busy = fill_queues(server)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(build_head(anna, room_id, "two", 100))
        while not server.app.admission.count_waiting(Work.FIRST):
            await asyncio.sleep(0.001)
        writer.transport.abort()
        empty(server, busy)
        while server.app.admission.waiting or server.app.admission.running:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("is_early", [True, False])
async def test_a_conversation_is_known_before_the_token_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    """After a start no token is in memory. Those in conversations must not wait among strangers for that."""
    async with running_server(tmp_path) as server, listening(server, monkeypatch) as port:
        if not is_early:
            monkeypatch.setattr(BoundedHttpProtocol, "early_refusal", None)
        anna, room_id = await make_conversation(server)
        server.app.sessions.forget_all()
        admission = server.app.admission
        busy = fill_queues(server)
        for _ in range(100):  # and everything that can be shed is
            admission.overload.level += 1
        began = admission.started[Work.LIVE]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(build_head(anna, room_id, "late") + BODY)
        while not admission.count_waiting(Work.UNKNOWN):
            await asyncio.sleep(0.001)
        many = [entry for entry in busy if entry.work is Work.MANY]
        empty(server, [entry for entry in busy if entry.work is not Work.MANY])
        status, _, body = await read_answer(reader)
        assert status == 200, body
        assert admission.started[Work.LIVE] == began + 1
        writer.close()
        empty(server, many)
