"""Server names are chosen by anybody: none of them leads to this machine or an inner network, whatever DNS and other servers say."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from zajil.core.signing import SigningKey
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


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener(0)

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


def build(hosts: dict[str, list[str]], srv: list[SrvRecord], networks: tuple[str, ...] = ()) -> HttpTransport:
    return HttpTransport(
        "here.example",
        SigningKey(b"s" * 32, "ed25519:1"),
        SystemClock(),
        SystemRandomness(),
        allowed_networks=[ipaddress.ip_network(each) for each in networks],
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
