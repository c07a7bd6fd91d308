"""The server on a loopback port in the test's own event loop, with a meter of how long anything holds that loop, and a client that sends any bytes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from asyncio import events
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from tests.client import Answer, Client, InProcessServer, running_server
from uvicorn import Config as UvicornConfig
from uvicorn import Server as UvicornServer

from zajil.main.protocol import BoundedHttpProtocol

ANSWER_S_MAX = 20.0


class StallMeter:
    """CPU seconds of the longest single step of the event loop: other processes of a busy machine do not count."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    def take(self) -> float:
        """The longest since the last time."""
        longest_s, self.longest_s = self.longest_s, 0.0
        return longest_s

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        original = events.Handle._run  # type: ignore[attr-defined]

        def measured(handle: Any) -> None:
            started_s = time.thread_time()
            original(handle)
            self.longest_s = max(self.longest_s, time.thread_time() - started_s)

        events.Handle._run = measured  # type: ignore[attr-defined]
        gc.freeze()  # a full collection of the test's own objects would count as a stall
        try:
            yield
        finally:
            gc.unfreeze()
            events.Handle._run = original  # type: ignore[attr-defined]


@dataclass
class Loopback:
    """The running server."""

    server: InProcessServer
    port: int
    stalls: StallMeter

    async def send(self, raw: bytes) -> Answer:
        """What the server answers to these bytes; status 0 when it closes without a word."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            return await asyncio.wait_for(read_answer(reader), ANSWER_S_MAX)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def request(
        self, method: str, target: str | bytes, body: bytes | None = None, token: str | None = None, headers: str = ""
    ) -> Answer:
        """One request on a connection of its own; the target goes out as it is."""
        raw_target = target if isinstance(target, bytes) else target.encode("utf-8", "surrogatepass")
        head = f"Host: localhost\r\nConnection: close\r\n{headers}"
        if token is not None:
            head += f"Authorization: Bearer {token}\r\n"
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        return await self.send(
            b"%b %b HTTP/1.1\r\n%b\r\n" % (method.encode(), raw_target, head.encode()) + (body or b"")
        )

    async def register(self, name: str) -> Client:
        return await self.server.register(name)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Status, headers and body of a response whose connection closes after it."""
    try:
        raw = await reader.read()
    except ConnectionError:
        raw = b""
    head, _, body = raw.partition(b"\r\n\r\n")
    status_line, *lines = head.split(b"\r\n")
    if not status_line.startswith(b"HTTP/1.1 "):
        return Answer(0, {}, b"")
    headers = dict(line.decode("latin-1").lower().split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") == "chunked":
        body = join_chunks(body)
    return Answer(int(status_line.split()[1]), headers, body)


def join_chunks(body: bytes) -> bytes:
    joined = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        joined, body = joined + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return joined


def errcode_of(answer: Answer) -> str:
    """The Matrix error code; empty when there is none."""
    try:
        body = orjson.loads(answer.raw)
    except orjson.JSONDecodeError:
        return ""
    return body.get("errcode", "") if isinstance(body, dict) else ""


@contextlib.asynccontextmanager
async def running_loopback(data: Path, **options: Any) -> AsyncIterator[Loopback]:
    """The server with uvicorn and the project's own protocol in front, as `zajil serve` has it."""
    async with running_server(data, **options) as server:
        listener = socket.create_server(("127.0.0.1", 0))
        config = UvicornConfig(
            server.asgi, loop="asyncio", http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        uvicorn = UvicornServer(config)
        uvicorn.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(uvicorn._serve([listener]))
        while not uvicorn.started:
            await asyncio.sleep(0.01)
        meter = StallMeter()
        try:
            with meter.running():
                yield Loopback(server, listener.getsockname()[1], meter)
        finally:
            uvicorn.should_exit = True
            await serving
