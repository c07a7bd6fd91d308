"""Servers in one process that talk with each other without sockets, over links that can be cut. Time stands still unless it is moved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from tests.client import Client, InProcessServer, running_server

from zajil.core.request_signing import build_request_header
from zajil.ports.federation import FederationFailed, FederationRequest, FederationStream
from zajil.services.app import App

START_MS = 1_700_000_000_000
SETTLING_MAX = 50_000
"""Looks at the queues, not seconds: a slow machine may need many."""


class StillClock:
    """A clock that goes on by a millisecond each time somebody looks at it."""

    def __init__(self) -> None:
        self._ms = START_MS

    def now_ms(self) -> int:
        self._ms += 1
        return self._ms

    def monotonic_s(self) -> float:
        return self._ms / 1000

    def move(self, seconds: int) -> None:
        self._ms += seconds * 1000


class Network:
    """Who can reach whom."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.servers: dict[str, InProcessServer] = {}
        self.cut: set[tuple[str, str]] = set()
        self.requests = 0

    def heal(self) -> None:
        self.cut.clear()
        self.clock.move(3_600)
        for server in self.servers.values():
            server.app.destinations.retry_now()

    async def settle(self) -> None:
        """Until nothing waits to be sent anywhere. Everything must be reachable."""
        for _ in range(SETTLING_MAX):
            for server in self.servers.values():
                server.app.destinations.retry_now()
            await asyncio.sleep(0.002)
            if not await self._has_waiting():
                return
        raise AssertionError("the queues do not empty")

    async def _has_waiting(self) -> bool:
        for server in self.servers.values():
            store, reader = server.app.stores.federation_queue, server.app.db.reader
            if await store.load_outbox(reader, 1) or await store.load_waiting_servers(reader):
                return True
        return False


class Link:
    """`FederationTransport` of one server."""

    def __init__(self, network: Network, app: App) -> None:
        self._network = network
        self._app = app

    async def request(self, request: FederationRequest) -> Any:
        await asyncio.sleep(0)
        network, app = self._network, self._app
        own, destination = app.server_name, request.destination
        if destination not in network.servers or (own, destination) in network.cut:
            raise FederationFailed(destination, "cut")
        network.requests += 1
        uri = request.path + ("?" + urlencode(request.query) if request.query else "")
        client = Client(network.servers[destination])
        if request.is_signed:
            client.headers["authorization"] = build_request_header(
                request.method, uri, own, destination, request.content, app.signing_key
            )
        body = None if request.content is None else orjson.dumps(request.content)
        answer = await client.call(request.method, uri, body)
        if (destination, own) in network.cut:
            raise FederationFailed(destination, "cut before the answer")
        if answer.status != 200:
            raise FederationFailed(destination, str(answer.status), status=answer.status, errcode=answer.errcode)
        return answer.body

    async def stream(self, request: FederationRequest) -> FederationStream:
        raise FederationFailed(request.destination, "no streams here")

    async def close(self) -> None:
        return None


@contextlib.asynccontextmanager
async def running_network(folder: Path, names: Sequence[str]) -> AsyncIterator[Network]:
    """Servers of these names, all links whole."""
    clock = StillClock()
    network = Network(clock)
    async with contextlib.AsyncExitStack() as stack:
        for name in names:
            server = await stack.enter_async_context(
                running_server(folder / name, server_name=name, presence=False, status=False)
            )
            server.app.federation = Link(network, server.app)
            server.app.clock = clock
            network.servers[name] = server
        yield network
