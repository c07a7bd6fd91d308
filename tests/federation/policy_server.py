"""A small policy server over TLS (server-server API, "Policy Servers"): it has a user in the room, and signs what it is asked about unless it is told
not to. It can also send events past itself, as a server does that knows nothing of policy servers."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from tests.federation.peers import Authority

from zajil.core.events import Event, build_event, parse_pdu, sign_event
from zajil.core.policy_server import KEY_ID
from zajil.core.request_signing import parse_request_signature
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.core.server_keys import build_server_keys
from zajil.core.signing import SigningKey, encode_base64
from zajil.federation.transport import HttpTransport
from zajil.main.system import SystemClock, SystemRandomness
from zajil.ports.federation import FederationRequest
from zajil.services.federation.fetch_events import federation_path


@dataclass
class PolicyServer:
    """`refusal` is what it answers instead of signing: (status, body). `signs_with` is another key than its own."""

    name: str
    transport: HttpTransport
    key: SigningKey
    policy_key: SigningKey
    refusal: tuple[int, dict[str, Any]] | None = None
    signs_with: SigningKey | None = None
    is_silent: bool = False
    is_ending: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)

    @property
    def user_id(self) -> str:
        return f"@guard:{self.name}"

    @property
    def content(self) -> dict[str, Any]:
        """Of `m.room.policy`."""
        return {"via": self.name, "public_keys": {"ed25519": encode_base64(self.policy_key.public_key)}}

    async def answer_keys(self, request: web.Request) -> web.Response:
        until = SystemClock().now_ms() + 3_600_000
        return web.json_response(build_server_keys(self.name, self.key, (), until))

    async def answer_sign(self, request: web.Request) -> web.Response:
        pdu = await request.json()
        header = parse_request_signature(request.headers["Authorization"])
        assert header is not None
        self.asked.append({**pdu, "asked by": header.origin})
        if self.is_silent:
            await self.is_ending.wait()
        if self.refusal is not None:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        event = parse_pdu(pdu, self.find_rules(pdu))
        assert isinstance(event, Event), event
        key = self.signs_with or self.policy_key
        signed = sign_event(event, lambda message: {self.name: {KEY_ID: key.sign(message)}})
        return web.json_response({self.name: {KEY_ID: signed.pdu["signatures"][self.name][KEY_ID]}})

    async def answer_send(self, request: web.Request) -> web.Response:
        self.received += (await request.json())["pdus"]
        return web.json_response({"pdus": {}})

    def find_rules(self, pdu: dict[str, Any]) -> RoomRules:
        """All rooms here are of one of two versions, which their IDs tell apart."""
        return ROOM_RULES["11" if ":" in pdu["room_id"] else "12"]

    async def join(self, server: str, room_id: str) -> None:
        """Come into a room by way of a server that is in it."""
        path = federation_path("v1", "make_join", room_id, self.user_id)
        query = [("ver", version) for version in ROOM_RULES]
        made = await self.transport.request(FederationRequest(server, "GET", path, query=query))
        event = self.build(made["event"], made["event"]["content"], "m.room.member", self.user_id)
        path = federation_path("v2", "send_join", room_id, event.event_id)
        await self.transport.request(FederationRequest(server, "PUT", path, content=event.pdu))

    async def send(self, server: str, room_id: str, text: str, policy_key: SigningKey | None = None) -> str:
        """Send a message of our user's without asking anybody, with a recommendation by some key or none."""
        path = federation_path("v1", "make_leave", room_id, self.user_id)
        made = await self.transport.request(FederationRequest(server, "GET", path))
        # What a leave follows and cites is right for a message too, for members of a room in which nothing else is asked for.
        event = self.build(made["event"], {"msgtype": "m.text", "body": text}, "m.room.message", None)
        if policy_key is not None:
            event = sign_event(event, lambda message: {self.name: {KEY_ID: policy_key.sign(message)}})
        content = {"origin": self.name, "origin_server_ts": SystemClock().now_ms(), "pdus": [event.pdu], "edus": []}
        path = federation_path("v1", "send", event.event_id)
        answer = await self.transport.request(FederationRequest(server, "PUT", path, content=content))
        assert answer["pdus"] == {event.event_id: {}}, answer
        return event.event_id

    def build(self, told: dict[str, Any], content: dict[str, Any], event_type: str, state_key: str | None) -> Event:
        return build_event(
            self.find_rules(told),
            room_id=told["room_id"],
            type=event_type,
            sender=self.user_id,
            content=content,
            state_key=state_key,
            prev_events=told["prev_events"],
            auth_events=told["auth_events"],
            depth=told["depth"],
            origin_server_ts=SystemClock().now_ms(),
            sign=self.key.build_signer(self.name),
        )


@asynccontextmanager
async def running_policy_server(authority: Authority) -> AsyncIterator[PolicyServer]:
    """In this event loop, on a port of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)
    application = web.Application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    listener = socket.create_server(("127.0.0.1", 0))
    name = f"localhost:{listener.getsockname()[1]}"
    key, policy_key = SigningKey(b"k" * 32, "ed25519:1"), SigningKey(b"p" * 32, KEY_ID)
    networks = [ipaddress.ip_network("127.0.0.0/8")]
    transport = HttpTransport(
        name, key, SystemClock(), SystemRandomness(), allowed_networks=networks, ca_file=str(authority.ca)
    )
    server = PolicyServer(name, transport, key, policy_key)
    application.router.add_get("/_matrix/key/v2/server", server.answer_keys)
    application.router.add_post("/_matrix/policy/v1/sign", server.answer_sign)
    application.router.add_put("/_matrix/federation/v1/send/{txn}", server.answer_send)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=context).start()
    try:
        yield server
    finally:
        server.is_ending.set()
        await transport.close()
        await runner.cleanup()
