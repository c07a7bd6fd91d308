"""Just enough of an HTTP client to send thousands of requests a second on connections that are kept, and to tell when each was answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import orjson

ANSWER_S_MAX = 70.0
CIPHERTEXT = "A" * 700  # about the size of a Megolm-encrypted text message
CONTENT = orjson.dumps(
    {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": CIPHERTEXT,
        "session_id": "s" * 43,
        "device_id": "FLOODDEVIC",
        "sender_key": "k" * 43,
    }
)


@dataclass
class Answer:
    """What came back, and when."""

    status: int
    body: bytes
    retry_after_s: int | None
    at_s: float

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def retry_after_ms(self) -> int:
        return int(self.json()["retry_after_ms"])


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiter: asyncio.Future[Answer] | None = None
        self.is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        assert self.transport is not None
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._waiter

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = int(_find_header(head, b"content-length") or 0)
        if len(self._buffer) < end + 4 + length:
            return
        body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
        retry_after = _find_header(head, b"retry-after")
        if _find_header(head, b"connection") == b"close":
            self.is_closed = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            seconds = int(retry_after) if retry_after else None
            waiter.set_result(Answer(int(head[9:12]), body, seconds, time.monotonic()))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionError("the server has closed the connection"))


def _find_header(head: bytes, name: bytes) -> bytes | None:
    at = head.find(b"\r\n" + name + b":")
    return None if at < 0 else head[at + len(name) + 3 :].partition(b"\r\n")[0].strip()


class Pool:
    """Connections to one server; a new one whenever none is free."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._free: list[Connection] = []
        self.opened = 0

    async def ask(self, request: bytes) -> Answer:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed:
                break
        else:
            self.opened += 1
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self.port)
        async with asyncio.timeout(ANSWER_S_MAX):
            answer = await connection.ask(request)
        if not connection.is_closed:
            self._free.append(connection)
        return answer

    def close(self) -> None:
        for connection in self._free:
            if connection.transport is not None:
                connection.transport.close()
        self._free.clear()


def build_request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )


def build_send(token: str, room_id: str, txn_id: str) -> bytes:
    path = f"/_matrix/client/v3/rooms/{room_id}/send/m.room.encrypted/{txn_id}"
    return build_request("PUT", path, token, CONTENT)


async def keep_schedule(times_s: list[float], act: Callable[[int, float], Awaitable[None]]) -> float:
    """Begin `act(number, time)` at each of the times, whatever became of those before; returns by how much one was late at most."""
    tasks: set[asyncio.Task[None]] = set()
    late_s = 0.0
    for number, at_s in enumerate(times_s):
        now_s = time.monotonic()
        if at_s > now_s:
            await asyncio.sleep(at_s - now_s)
        late_s = max(late_s, time.monotonic() - at_s)
        task = asyncio.ensure_future(act(number, at_s))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks, timeout=ANSWER_S_MAX)
    return late_s
