"""A real HTTP endpoint that stands for a push gateway or a push service, and does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass
class Hit:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def notification(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)["notification"]
        return found


@dataclass
class Receiver:
    """What came, and what is answered."""

    base: str
    hits: list[Hit] = field(default_factory=list)
    status: int = 200
    rejected: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, requests wait for their answer."""

    @property
    def gateway(self) -> str:
        return f"{self.base}/_matrix/push/v1/notify"

    async def wait(self, count: int, timeout_s: float = 10) -> list[Hit]:
        """The first `count` requests, when they have come."""
        async with asyncio.timeout(timeout_s):
            while len(self.hits) < count:
                self.came.clear()
                await self.came.wait()
        return self.hits[:count]

    async def wait_for(self, event_id: str, timeout_s: float = 10) -> Hit:
        """The request about an event."""
        async with asyncio.timeout(timeout_s):
            while True:
                for hit in self.hits:
                    if hit.notification.get("event_id") == event_id:
                        return hit
                self.came.clear()
                await self.came.wait()

    async def answer(self, request: web.Request) -> web.Response:
        self.hits.append(Hit(request.path, dict(request.headers), await request.read()))
        self.came.set()
        await self.answers.wait()
        return web.json_response({"rejected": self.rejected}, status=self.status)


@contextlib.asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver("")
    receiver.answers.set()
    application = web.Application()
    application.router.add_route("POST", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.base = f"http://{host}:{port}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
