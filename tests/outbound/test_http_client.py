"""The client for URLs that users name: where it does not go, and how much it takes in."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web

from zajil.core.address_guard import is_allowed
from zajil.outbound.http_client import HttpClient
from zajil.ports.outbound_http import Failure, OutboundFailed, OutboundRequest

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1
100::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2001::1 2001:0:1::1 2001:db8::1 2002:7f00:1::
2002:808:808:: 3fff::1 5f00::1 4000::1
1 127.1 0x7f.1 localhost empty 1.2.3.4.5
""".split()  # noqa: SIM905
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.0.1 172.15.255.255
172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2606:4700:4700::1111 2a00:1450:4001:800::200e 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_refused(address: str) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address: str) -> None:
    assert is_allowed(address, ())


def test_an_operator_can_allow_a_network() -> None:
    allowed = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))
    assert is_allowed("10.1.2.3", allowed)
    assert is_allowed("::ffff:10.1.2.3", allowed)
    assert is_allowed("fd00::5", allowed)
    assert not is_allowed("10.2.0.1", allowed)
    assert not is_allowed("127.0.0.1", allowed)


class Site:
    """A web server on 127.0.0.1 with pages of every nasty kind, and the requests it has seen."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[str] = []
        self.bytes_sent = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.path)
        match request.path:
            case "/plain":
                return web.Response(text=f"{request.method} {(await request.read()).decode()}", headers={"X-A": "1"})
            case "/missing":
                return web.Response(status=404, text="no")
            case "/redirect":
                raise web.HTTPFound(request.query["to"])
            case "/loop":
                raise web.HTTPFound("/loop")
            case "/silent":
                await asyncio.sleep(60)
            case "/gzip":
                return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
            case "/cookie":
                response = web.Response(text=request.headers.get("Cookie", "none"))
                response.set_cookie("who", "you")
                return response
            case "/endless":
                return await self.send_endlessly(request)
        return web.Response(text="?")

    async def send_endlessly(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))
            self.bytes_sent += 65536


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(LOOPBACK)
    yield made
    await made.close()


@pytest.fixture
async def strict_client() -> AsyncIterator[HttpClient]:
    made = HttpClient()
    yield made
    await made.close()


async def failure_of(client: HttpClient, request: OutboundRequest) -> Failure:
    with pytest.raises(OutboundFailed) as caught:
        await client.fetch(request)
    return caught.value.failure


async def test_get_and_post(client: HttpClient, site: Site) -> None:
    got = await client.fetch(OutboundRequest(site.url("/plain")))
    assert (got.status, got.body, got.headers["x-a"], got.url) == (200, b"GET ", "1", site.url("/plain"))
    posted = await client.fetch(OutboundRequest(site.url("/plain"), method="POST", body=b"content"))
    assert posted.body == b"POST content"
    assert (await client.fetch(OutboundRequest(site.url("/missing")))).status == 404


async def test_nothing_is_remembered_between_requests(client: HttpClient, site: Site) -> None:
    for _ in range(2):
        assert (await client.fetch(OutboundRequest(site.url("/cookie")))).body == b"none"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "0"]
)
async def test_no_way_to_name_this_machine(strict_client: HttpClient, site: Site, host: str) -> None:
    failure = await failure_of(strict_client, OutboundRequest(site.url("/plain", host)))
    assert failure in (Failure.REFUSED, Failure.UNREACHABLE)
    assert site.seen == []


async def test_a_name_that_resolves_to_private_addresses(site: Site) -> None:
    async def resolve(_: str) -> Sequence[str]:
        return ["127.0.0.1", "::1", "10.0.0.1"]

    client = HttpClient(resolve=resolve)
    assert await failure_of(client, OutboundRequest(site.url("/plain", "example.org"))) == Failure.REFUSED
    assert site.seen == []
    await client.close()


async def test_a_name_that_changes_its_address(site: Site) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"]])

    async def resolve(_: str) -> Sequence[str]:
        return next(answers)

    client = HttpClient((ipaddress.ip_network("127.0.0.1/32"),), resolve)
    assert (await client.fetch(OutboundRequest(site.url("/missing", "example.org")))).status == 404
    await client.close()
    for _ in range(2):
        assert await failure_of(client, OutboundRequest(site.url("/plain", "example.org"))) == Failure.REFUSED
        await client.close()
    assert site.seen == ["/missing"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "/path",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org:70/",
        "http://",
        "http:///path",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://example.org:22/",
        "http://example.org:25/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:port/",
        "http://exam ple.org/",
        "http://example.org/\r\nHost: other",
        "http://example.org\\@127.0.0.1/",
        "http://[::1/",
        "http://example.org/" + "a" * 5000,
        "http://" + "a" * 300 + "/",
        "http://a..b/",
        "http://\x00/",
    ],
)
async def test_urls_that_are_refused(strict_client: HttpClient, url: str) -> None:
    assert await failure_of(strict_client, OutboundRequest(url)) != Failure.TIMEOUT


async def test_redirects(client: HttpClient, site: Site) -> None:
    url = site.url("/redirect?to=/plain")
    followed = await client.fetch(OutboundRequest(url, redirects_max=1))
    assert (followed.status, followed.url) == (200, site.url("/plain"))
    assert (await client.fetch(OutboundRequest(url))).status == 302
    posted = await client.fetch(OutboundRequest(url, method="POST", redirects_max=5))
    assert posted.status == 302
    assert await failure_of(client, OutboundRequest(site.url("/loop"), redirects_max=4)) == Failure.BAD_RESPONSE
    assert site.seen.count("/loop") == 5


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:1/", "http://[::1]/", "file:///etc/passwd", "http://localhost:22/"]
)
async def test_a_redirect_is_checked_like_a_url(site: Site, target: str) -> None:
    client = HttpClient((ipaddress.ip_network("127.0.0.1/32"),))
    request = OutboundRequest(site.url(f"/redirect?to={target}"), redirects_max=3)
    assert await failure_of(client, request) == Failure.REFUSED
    assert site.seen == ["/redirect"]
    await client.close()


async def test_hosts_the_caller_does_not_allow(client: HttpClient, site: Site) -> None:
    asked: list[str] = []

    def is_host_allowed(host: str) -> bool:
        asked.append(host)
        return host == "127.0.0.1"

    url = site.url("/redirect?to=http://EXAMPLE.org./x")
    request = OutboundRequest(url, redirects_max=3, is_host_allowed=is_host_allowed)
    assert await failure_of(client, request) == Failure.REFUSED
    request = OutboundRequest("http://ⓔxample.org/", is_host_allowed=is_host_allowed)
    assert await failure_of(client, request) == Failure.REFUSED
    assert asked == ["127.0.0.1", "example.org", "example.org"]


async def test_a_silent_server(client: HttpClient, site: Site) -> None:
    assert await failure_of(client, OutboundRequest(site.url("/silent"), timeout_ms=200)) == Failure.TIMEOUT


async def test_an_answer_that_does_not_end(client: HttpClient, site: Site) -> None:
    request = OutboundRequest(site.url("/endless"), body_bytes_max=100_000)
    assert await failure_of(client, request) == Failure.TOO_LARGE
    cut = await client.fetch(OutboundRequest(site.url("/endless"), body_bytes_max=100_000, truncates=True))
    assert len(cut.body) == 100_000
    assert site.bytes_sent < 50_000_000


async def test_an_encoding_nobody_asked_for(client: HttpClient, site: Site) -> None:
    assert await failure_of(client, OutboundRequest(site.url("/gzip"))) == Failure.BAD_RESPONSE


async def test_what_is_not_http(client: HttpClient) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    failure = await failure_of(client, OutboundRequest(f"http://127.0.0.1:{port}/"))
    assert failure in (Failure.BAD_RESPONSE, Failure.UNREACHABLE)
    server.close()
    assert await failure_of(client, OutboundRequest(f"http://127.0.0.1:{port}/")) == Failure.UNREACHABLE
