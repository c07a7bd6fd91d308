"""Server names are chosen by anybody: none of them leads to this machine or an inner network, whatever DNS and other servers say."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.federation.peers import make_authority

from zajil.core.server_discovery import WELL_KNOWN_BYTES_MAX
from zajil.core.signing import SigningKey
from zajil.federation import transport as transport_module
from zajil.federation.resolver import SrvRecord
from zajil.federation.transport import HttpTransport
from zajil.main.system import SystemClock, SystemRandomness
from zajil.ports.federation import FederationFailed, FederationRequest


@dataclass
class Listener:
    """Something on this machine that must not be reached."""

    port: int
    connections: int = 0


@dataclass
class Srv:
    """DNS that an attacker has written."""

    records: list[SrvRecord] = field(default_factory=list)

    async def query(self, name: str) -> list[SrvRecord]:
        return self.records


@contextlib.asynccontextmanager
async def listening(address: str) -> AsyncIterator[Listener]:
    made = Listener(0)

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        writer.close()

    server = await asyncio.start_server(count, address, 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening("127.0.0.1") as made:
        yield made


def build(
    hosts: dict[str, list[str]],
    srv: list[SrvRecord],
    networks: tuple[str, ...] = (),
    unverified: tuple[str, ...] = (),
) -> HttpTransport:
    return HttpTransport(
        "here.example",
        SigningKey(b"s" * 32, "ed25519:1"),
        SystemClock(),
        SystemRandomness(),
        allowed_networks=[ipaddress.ip_network(each) for each in networks],
        unverified=unverified,
        hosts=hosts,
        srv=Srv(srv),
    )


async def ask(transport: HttpTransport, destination: str) -> str:
    """Why there is no answer."""
    request = FederationRequest(destination, "GET", "/_matrix/key/v2/server", timeout_ms=10_000, is_signed=False)
    try:
        with pytest.raises(FederationFailed) as failed:
            await transport.request(request)
    finally:
        await transport.close()
    assert failed.value.status is None
    return str(failed.value)


PRIVATE = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"]
PRIVATE += ["::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_no_name_leads_to_an_inner_address(listener: Listener, address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    text = await ask(build({}, []), f"{literal}:{listener.port}")
    assert "refused" in text or "not" in text, text
    by_dns = build({"evil.example": [address]}, [])
    await ask(by_dns, f"evil.example:{listener.port}")
    by_srv = build({"evil.example": [address], "inner.example": [address]}, [(0, 0, "inner.example", listener.port)])
    await ask(by_srv, "evil.example")
    assert listener.connections == 0


async def test_the_listener_would_have_been_reached(listener: Listener) -> None:
    """The same ways lead there when the operator lets them."""
    await ask(build({}, [], ("127.0.0.0/8",)), f"127.0.0.1:{listener.port}")
    assert listener.connections == 1
    hosts = {"evil.example": ["127.0.0.1"], "inner.example": ["127.0.0.1"]}
    await ask(build(hosts, [(0, 0, "inner.example", listener.port)], ("127.0.0.0/8",)), "evil.example")
    assert listener.connections == 2


OUTER, INNER = "127.0.0.1", "127.0.0.2"
"""Addresses of this machine, one of which stands for the internet: the operator lets it be reached."""
HOSTS = {"evil.example": [OUTER], "inner.example": [INNER]}


@dataclass
class Web:
    """The web server of evil.example, where well-known documents are looked for."""

    answer: Callable[[web.Request], Any]
    asked: int = 0
    written: int = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        answer = self.answer(request)
        if isinstance(answer, dict):
            return web.json_response(answer)
        if isinstance(answer, str):
            return web.Response(status=302, headers={"Location": answer})
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(answer)
                self.written += len(answer)
        return response


@contextlib.asynccontextmanager
async def serving_well_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[web.Request], Any]
) -> AsyncIterator[Web]:
    made = Web(answer)
    authority = make_authority(folder)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority.certificate, authority.key)
    app = web.Application()
    app.router.add_get("/{path:.*}", made.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, OUTER, 0, ssl_context=tls).start()
    own_port = runner.addresses[0][1]
    build_resolver = transport_module.build_fixed_resolver

    def build_moved_resolver(hosts: Any) -> Any:
        """As DNS, but port 443, which tests cannot listen on, is that of the web server here."""
        resolver = build_resolver(hosts)
        resolve = resolver.resolve

        async def resolve_moved(host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
            return await resolve(host, own_port if port == 443 else port, family)

        monkeypatch.setattr(resolver, "resolve", resolve_moved)
        return resolver

    monkeypatch.setattr(transport_module, "build_fixed_resolver", build_moved_resolver)
    try:
        yield made
    finally:
        await runner.cleanup()


def go_further(request: web.Request, place: str) -> str:
    return place if request.path == "/further" else "https://evil.example/further"


WAYS: dict[str, Callable[[web.Request, int], Any]] = {
    "redirected to an address": lambda request, port: f"https://{INNER}:{port}/x",
    "redirected to an address without TLS": lambda request, port: f"http://{INNER}:{port}/x",
    "redirected to a name": lambda request, port: f"https://inner.example:{port}/x",
    "redirected twice": lambda request, port: go_further(request, f"https://inner.example:{port}/x"),
    "delegated to an address": lambda request, port: {"m.server": f"{INNER}:{port}"},
    "delegated to a name and port": lambda request, port: {"m.server": f"inner.example:{port}"},
    "delegated to a name with an SRV record": lambda request, port: {"m.server": "inner.example"},
}


@pytest.mark.parametrize("way", WAYS)
async def test_no_well_known_document_leads_to_an_inner_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    async with (
        listening(INNER) as inner,
        serving_well_known(tmp_path, monkeypatch, lambda request: WAYS[way](request, inner.port)) as evil,
    ):
        records = [(0, 0, "inner.example", inner.port)] if "SRV" in way else []
        await ask(build(HOSTS, records, (f"{OUTER}/32",), ("*",)), "evil.example")
        assert evil.asked == (2 if "twice" in way else 1)
        assert inner.connections == 0
        await ask(build(HOSTS, records, ("127.0.0.0/8",), ("*",)), "evil.example")
        assert inner.connections > 0, "the same way leads there when the operator lets it"


async def test_well_known_documents_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: web.Request) -> Any:
        return b" " * 16_384

    async with serving_well_known(tmp_path, monkeypatch, answer) as evil:
        await ask(build(HOSTS, [], (f"{OUTER}/32",), ("*",)), "evil.example")
        assert evil.asked == 1
        assert evil.written < WELL_KNOWN_BYTES_MAX + 8 * 1024 * 1024, "no more than what the sockets hold"


async def test_redirections_that_have_no_end_are_followed_only_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: web.Request) -> Any:
        return f"https://evil.example{request.path}x"

    async with serving_well_known(tmp_path, monkeypatch, answer) as evil:
        transport = build(HOSTS, [], (f"{OUTER}/32",), ("*",))
        await asyncio.gather(*(transport.resolver.find_targets("evil.example") for _ in range(50)))
        await transport.close()
        assert 1 < evil.asked <= transport_module.WELL_KNOWN_REDIRECTS_MAX + 1, "fifty requests are one question"
