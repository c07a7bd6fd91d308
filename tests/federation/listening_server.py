"""Other servers as small as can be: they listen on loopback over TLS, join rooms, and note what they are sent."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession, TCPConnector, web
from tests.federation.peers import Authority

from zajil.core.events import build_event
from zajil.core.request_signing import build_request_header
from zajil.core.room_rules import ROOM_RULES
from zajil.core.server_keys import build_server_keys
from zajil.core.signing import SigningKey

VALID_UNTIL_MS = 2**52
MEMBER_FIELDS = ("auth_events", "prev_events", "depth", "origin_server_ts", "content")


@dataclass
class Arrival:
    """An event, when it came (monotonic seconds), and with which transaction."""

    event: dict[str, Any]
    came_s: float
    txn_id: str


class ListeningServer:
    """One other server, under the name localhost:PORT. `delay` is awaited before each transaction is answered."""

    def __init__(self, authority: Authority, delay: Callable[[], Awaitable[None]] | None = None) -> None:
        self.authority = authority
        self._delay = delay
        self._runner: web.AppRunner | None = None
        self.key = SigningKey(hashlib.sha256(b"listening").digest(), "ed25519:a_test")
        self.port = 0
        self.arrivals: list[Arrival] = []
        self.now = 0
        """Transactions that are being taken in."""
        self.most_at_once = 0

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    @property
    def user_id(self) -> str:
        return f"@guest:{self.name}"

    async def start(self) -> None:
        """Listen, on the former port if there was one."""
        app = web.Application(client_max_size=20 * 1024 * 1024)
        app.router.add_get("/_matrix/key/v2/server", self._get_keys)
        app.router.add_put("/_matrix/federation/v1/send/{txn_id}", self.receive)
        app.router.add_get("/_matrix/federation/v1/media/download/{media_id}", self.serve_file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.authority.certificate, self.authority.key)
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _get_keys(self, _: web.Request) -> web.Response:
        return web.json_response(build_server_keys(self.name, self.key, (), VALID_UNTIL_MS))

    async def serve_file(self, request: web.Request) -> web.StreamResponse:
        """GET /media/download. It has no files."""
        return web.json_response({"errcode": "M_NOT_FOUND", "error": "none"}, status=404)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """PUT /send."""
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            content = await request.json()
            came_s = time.monotonic()
            self.arrivals += [Arrival(each, came_s, request.match_info["txn_id"]) for each in content["pdus"]]
            if self._delay is not None:
                await self._delay()
        finally:
            self.now -= 1
        return web.json_response({"pdus": {}})

    async def join(self, base: str, destination: str, room_id: str, version: str) -> None:
        """Have this server's user join a room on the server that answers at `base`."""
        room = quote(room_id, safe="")
        made = await self._call(
            base, destination, "GET", f"/v1/make_join/{room}/{quote(self.user_id, safe='')}?ver={version}"
        )
        event = build_event(
            ROOM_RULES[version],
            room_id=room_id,
            type="m.room.member",
            sender=self.user_id,
            state_key=self.user_id,
            sign=self.key.build_signer(self.name),
            **{name: made["event"][name] for name in MEMBER_FIELDS},
        )
        await self._call(base, destination, "PUT", f"/v2/send_join/{room}/{quote(event.event_id, safe='')}", event.pdu)

    async def _call(self, base: str, destination: str, method: str, path: str, content: Any = None) -> Any:
        uri = "/_matrix/federation" + path
        header = build_request_header(method, uri, self.name, destination, content, self.key)
        connector = TCPConnector(ssl=ssl.create_default_context(cafile=str(self.authority.ca)))
        async with ClientSession(connector=connector) as session:
            from yarl import URL

            async with session.request(
                method,
                URL(base + uri, encoded=True),
                data=None if content is None else json.dumps(content),
                headers={"Authorization": header, "Content-Type": "application/json"},
            ) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

    def texts(self) -> list[str]:
        """Bodies of the messages that came, in their order."""
        return [each.event["content"]["body"] for each in self.arrivals if each.event["type"] == "m.room.message"]

    async def wait_for(self, count: int, timeout_s: float = 60.0) -> None:
        """Until so many messages have come."""
        async with asyncio.timeout(timeout_s):
            while len(set(self.texts())) < count:
                await asyncio.sleep(0.02)
