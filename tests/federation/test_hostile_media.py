"""Files of other servers: what is fetched ends, comes from no inner address, and is asked for once however many want it."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from tests.client import Answer, Client, InProcessServer, running_server
from tests.federation.listening_server import ListeningServer
from tests.federation.peers import Authority, make_authority
from tests.federation.test_closed_addresses import INNER, OUTER, listening

from zajil.federation import remote_media
from zajil.federation.remote_media import FederatedMedia
from zajil.outbound.http_client import HttpClient
from zajil.services.media.media_repository import FETCHES_MAX, FETCHES_PER_SERVER_MAX

FILE_BYTES_MAX = 1_000_000
SOCKETS_BYTES_MAX = 16 * 1024 * 1024
"""What the buffers of two sockets may hold."""
BEGIN = b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n"
END = b"\r\n--b--\r\n"
MEDIA = "/_matrix/client/v1/media"

Write = Callable[[bytes], Awaitable[None]]


class MediaServer(ListeningServer):
    """Answers each request for a file with what `send` writes."""

    asked = 0
    open_answers = 0
    written = 0

    async def send(self, request: web.Request, write: Write) -> None:
        await write(BEGIN + b"Content-Type: text/plain\r\n\r\na file" + END)

    async def serve_file(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        self.open_answers += 1
        response = web.StreamResponse(headers={"Content-Type": "multipart/mixed; boundary=b"})

        async def write(data: bytes) -> None:
            await response.write(data)
            self.written += len(data)

        try:
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                await self.send(request, write)
        finally:
            self.open_answers -= 1
        return response

    async def wait_until_let_go(self) -> None:
        """Until nobody reads its answers any more."""
        async with asyncio.timeout(5):
            while self.open_answers:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def begin(folder: Path, kind: type[MediaServer]) -> AsyncIterator[tuple[InProcessServer, MediaServer]]:
    """A server of ours, and another one; both reach nothing else than `OUTER`."""
    authority = make_authority(folder / "authority")
    other = kind(authority)
    await other.start()
    options = {"federation_networks": [f"{OUTER}/32"], "outbound_allow": [f"{OUTER}/32"]}
    try:
        async with running_server(
            folder / "data", federation_ca=authority.ca, upload_size_max=FILE_BYTES_MAX, **options
        ) as server:
            yield server, other
    finally:
        await other.stop()


async def download(client: Client, other: MediaServer, media_id: str = "file") -> Answer:
    return await client.get(f"{MEDIA}/download/{other.name}/{media_id}")


class Endless(MediaServer):
    async def send(self, request: web.Request, write: Write) -> None:
        await write(BEGIN + b"\r\n")
        while True:
            await write(bytes(65_536))
            await asyncio.sleep(0)  # a write into what has just been closed neither fails nor waits, and nobody would hear of the end


async def test_a_file_without_an_end_is_given_up_at_the_limit(tmp_path: Path) -> None:
    async with begin(tmp_path, Endless) as (server, other):
        ali = await server.register("ali")
        got = await download(ali, other)
        assert (got.status, got.errcode) == (502, "M_TOO_LARGE")
        await other.wait_until_let_go()
        assert other.written < FILE_BYTES_MAX + SOCKETS_BYTES_MAX
        assert not await server.app.db.reader.fetch_value("SELECT COUNT(*) FROM media")


class Trickling(MediaServer):
    async def send(self, request: web.Request, write: Write) -> None:
        await write(BEGIN + b"\r\n")
        while True:
            await write(b"x")
            await asyncio.sleep(0.02)


class Silent(MediaServer):
    async def send(self, request: web.Request, write: Write) -> None:
        await write(BEGIN + b"\r\nx")
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", [Trickling, Silent])
async def test_a_file_that_does_not_come_to_its_end_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[MediaServer]
) -> None:
    monkeypatch.setattr(remote_media, "PAUSE_S_MAX", 0.5)
    monkeypatch.setattr(remote_media, "TRANSFER_S_MAX", 1.0)
    async with begin(tmp_path, kind) as (server, other):
        ali = await server.register("ali")
        async with asyncio.timeout(10):
            got = await download(ali, other)
        assert (got.status, got.errcode) == (502, "M_UNKNOWN")
        await other.wait_until_let_go()


class Elsewhere(MediaServer):
    """Says that the file is at `place`."""

    place = ""

    async def send(self, request: web.Request, write: Write) -> None:
        await write(BEGIN + f"Location: {self.place}\r\n\r\n".encode() + END)


async def resolve(host: str) -> list[str]:
    return [INNER if host == "inner.example" else OUTER]


@contextlib.asynccontextmanager
async def serving(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A web server; yields its address."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, OUTER, 0).start()
    try:
        yield f"http://outer.example:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def reaching(server: InProcessServer, *networks: str) -> AsyncIterator[None]:
    """Files that are elsewhere are fetched from the internet and `networks`."""
    outbound = HttpClient([ipaddress.ip_network(each) for each in networks], resolve=resolve)
    server.app.media.remote = FederatedMedia(server.app.federation, outbound, server.app.clock, FILE_BYTES_MAX)
    try:
        yield
    finally:
        await outbound.close()


@pytest.mark.parametrize("host", [INNER, "inner.example"])
@pytest.mark.parametrize("is_redirected", [False, True])
async def test_no_file_is_fetched_from_an_inner_address(tmp_path: Path, host: str, is_redirected: bool) -> None:
    async with listening(INNER) as inner, begin(tmp_path, Elsewhere) as (server, other):
        ali = await server.register("ali")
        place = f"http://{host}:{inner.port}/file"

        async def redirect(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": place})

        async with serving(redirect) as outer:
            other.place = f"{outer}/x" if is_redirected else place
            async with reaching(server, f"{OUTER}/32"):
                got = await download(ali, other)
            assert (got.status, got.errcode) == (502, "M_UNKNOWN")
            assert INNER not in got.body["error"]
            assert inner.connections == 0
            async with reaching(server, "127.0.0.0/8"):
                await download(ali, other)
            assert inner.connections > 0, "the same way leads there when the operator lets it"


async def test_a_file_elsewhere_without_an_end_is_given_up_at_the_limit(tmp_path: Path) -> None:
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(65_536))
                written += 65_536
        return response

    async with begin(tmp_path, Elsewhere) as (server, other), serving(endless) as outer:
        ali = await server.register("ali")
        other.place = f"{outer}/x"
        async with reaching(server, f"{OUTER}/32"):
            got = await download(ali, other)
        assert got.status == 502
        assert written < FILE_BYTES_MAX + SOCKETS_BYTES_MAX


async def test_one_server_that_sends_us_to_slow_places_leaves_a_turn_for_the_others(tmp_path: Path) -> None:
    may_answer, slow = asyncio.Event(), 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal slow
        if request.path == "/slow":
            slow += 1
            await may_answer.wait()
        return web.Response(body=b"from elsewhere")

    async with begin(tmp_path, Elsewhere) as (server, other), serving(answer) as outer:
        ali = await server.register("ali")
        healthy = Elsewhere(other.authority)
        await healthy.start()
        other.place, healthy.place = f"{outer}/slow", f"{outer}/quick"
        async with reaching(server, f"{OUTER}/32"):
            asking = [asyncio.create_task(download(ali, other, f"file{number}")) for number in range(5)]
            try:
                while slow < remote_media.REDIRECTED_OF_ONE_SERVER_MAX or other.open_answers:
                    await asyncio.sleep(0.01)
                async with asyncio.timeout(10):
                    assert (await download(ali, healthy)).raw == b"from elsewhere"
                assert slow == remote_media.REDIRECTED_OF_ONE_SERVER_MAX
            finally:
                may_answer.set()
                answers = await asyncio.gather(*asking)
                await healthy.stop()
        assert [each.raw for each in answers] == [b"from elsewhere"] * 5


class Patient(MediaServer):
    """Answers when it is told to."""

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self.may_answer = asyncio.Event()

    async def send(self, request: web.Request, write: Write) -> None:
        await self.may_answer.wait()
        await super().send(request, write)


async def test_a_file_that_a_hundred_want_at_once_is_fetched_once(tmp_path: Path) -> None:
    async with begin(tmp_path, Patient) as (server, other):
        people = [await server.register(f"user{number}") for number in range(5)]
        asking = [asyncio.create_task(download(people[number % 5], other)) for number in range(100)]
        while not other.asked:
            await asyncio.sleep(0.01)
        other.may_answer.set()
        for answer in await asyncio.gather(*asking):
            assert (answer.status, answer.raw) == (200, b"a file")
        assert other.asked == 1


async def test_who_is_not_logged_in_has_nothing_fetched(tmp_path: Path) -> None:
    async with begin(tmp_path, MediaServer) as (server, other):
        stranger = server.client()
        for version in ("v1", "v3", "r0"):
            for path in (f"/download/{other.name}/file", f"/thumbnail/{other.name}/file?width=32&height=32"):
                assert (await stranger.get(f"/_matrix/media/{version}{path}")).status == 404
                assert (await stranger.get(f"{MEDIA}{path}")).errcode == "M_MISSING_TOKEN"
        assert other.asked == 0
        assert (await download(await server.register("ali"), other)).raw == b"a file"


async def test_one_server_that_does_not_answer_leaves_places_for_the_others(tmp_path: Path) -> None:
    async with begin(tmp_path, Patient) as (server, other):
        ali = await server.register("ali")
        healthy = MediaServer(other.authority)
        await healthy.start()
        try:
            asked = FETCHES_MAX + 1
            asking = [asyncio.create_task(download(ali, other, f"file{number}")) for number in range(asked)]
            refused = 0
            async with asyncio.timeout(10):
                while refused < asked - FETCHES_PER_SERVER_MAX:
                    await asyncio.sleep(0.01)
                    refused = sum(each.done() for each in asking)
            assert (await download(ali, healthy)).raw == b"a file"
            async with asyncio.timeout(5):
                assert other.asked == FETCHES_PER_SERVER_MAX
                assert (await ali.get(f"/_matrix/client/v3/profile/@guest:{other.name}")).status in (404, 502)
            other.may_answer.set()
            statuses = [answer.status for answer in await asyncio.gather(*asking)]
            assert (statuses.count(200), statuses.count(429)) == (FETCHES_PER_SERVER_MAX, refused)
        finally:
            other.may_answer.set()
            await healthy.stop()
