"""What a connection keeps while nothing happens on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.main.test_protocol import serve

from zajil.main.lean_connection import LeanEvent, LeanQueue
from zajil.main.protocol import BoundedHttpProtocol

SHARED_NAMES_MAX = 30
"""CPython shares the names of instances' dicts up to so many."""


async def test_an_event_wakes_all_who_wait() -> None:
    event = LeanEvent()
    assert not event.is_set()
    waiting = [asyncio.ensure_future(event.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    event.set()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert await event.wait()
    event.clear()
    again = asyncio.ensure_future(event.wait())
    await asyncio.sleep(0)
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    event.set()
    assert await event.wait()


def test_the_queue_gives_what_came_first() -> None:
    queue = LeanQueue()
    assert not queue
    queue.appendleft(1)
    queue.appendleft(2)
    assert (queue.pop(), queue.pop(), bool(queue)) == (1, 2, False)


async def test_pipelined_requests_are_answered_in_their_order(tmp_path: Path) -> None:
    async with serve(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        paths = ("/_matrix/client/versions", "/nothing", "/_matrix/client/v3/account/whoami")
        writer.write(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
        statuses = []
        for _ in paths:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            statuses.append(int(head[9:12]))
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        assert statuses == [200, 404, 401]
        writer.close()


async def test_a_connection_has_no_more_names_than_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[BoundedHttpProtocol] = []
    monkeypatch.setattr(BoundedHttpProtocol, "on_idle", staticmethod(seen.append))
    async with serve(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        while not seen:
            await asyncio.sleep(0.001)
        assert len(seen[0].__dict__) <= SHARED_NAMES_MAX
        writer.close()
