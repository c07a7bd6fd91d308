"""What a connection may cost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client import running_server
from uvicorn.config import Config as UvicornConfig
from uvicorn.server import Server, ServerState

from zajil.main import protocol
from zajil.main.protocol import BoundedHttpProtocol, is_status_request

PAUSE_S = 0.2
WAIT_S_MAX = 10.0


@contextlib.asynccontextmanager
async def serve(folder: Path, connections_max: int | None = None, rest_s: int = 5) -> AsyncIterator[int]:
    """A server in this process, on a port."""
    async with running_server(folder) as server:
        config = UvicornConfig(
            server.asgi,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            limit_concurrency=connections_max,
            timeout_keep_alive=rest_s,
        )
        config.load()
        state = Server(config).server_state
        assert isinstance(state, ServerState)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0)
        yield listener.sockets[0].getsockname()[1]
        listener.close()


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(protocol, "BODY_PAUSE_S_MAX", PAUSE_S)
    monkeypatch.setattr(protocol, "HEAD_DURATION_S_MAX", PAUSE_S)
    async with serve(tmp_path) as port:
        yield port


async def talk(port: int, *pieces: bytes) -> tuple[bytes, float]:
    """Send pieces with pauses between them; returns what came back until the connection's end, and how long that took."""
    clock = asyncio.get_running_loop().time
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = clock()
    answer = b""
    with contextlib.suppress(ConnectionError):  # closed, with something unread
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(PAUSE_S / 2)
        async with asyncio.timeout(WAIT_S_MAX):
            answer = await reader.read()
    writer.close()
    return answer, clock() - began


VERSIONS = b"GET /_matrix/client/versions HTTP/1.1\r\nhost: localhost\r\n\r\n"
HEAD = b"POST /_matrix/client/v3/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"


async def test_a_head_that_stops_ends_the_connection(port: int) -> None:
    answer, took_s = await talk(port, HEAD[:30])
    assert answer == b"" and took_s >= PAUSE_S * 0.9


async def test_a_second_head_that_stops_ends_the_connection(port: int) -> None:
    answer, took_s = await talk(port, VERSIONS, VERSIONS[:30])
    assert answer.count(b"HTTP/1.1 200") == 1 and took_s >= PAUSE_S * 1.4


async def test_a_connection_at_rest_is_closed_in_time(tmp_path: Path) -> None:
    """Every answer puts it off."""
    rest_s = 1
    async with serve(tmp_path, rest_s=rest_s) as port:
        requests = round(rest_s * 1.5 / (PAUSE_S / 2))
        answer, took_s = await talk(port, *[VERSIONS] * requests)
    assert answer.count(b"HTTP/1.1 200") == requests
    assert requests * PAUSE_S / 2 + rest_s * 0.8 <= took_s < WAIT_S_MAX


async def test_a_connection_whose_body_ends_after_its_answer_is_closed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "BODY_PAUSE_S_MAX", 5.0)
    unknown = b"PUT /_matrix/client/v3/rooms/!r:x/send/m/1 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: 20\r\n\r\n"
    async with serve(tmp_path, rest_s=1) as port:
        answer, took_s = await talk(port, unknown, *[b"x"] * 20)
    assert answer.startswith(b"HTTP/1.1 401")
    assert 20 * PAUSE_S / 2 + 0.8 <= took_s < WAIT_S_MAX


async def test_a_body_that_stops_ends_the_connection(port: int) -> None:
    for pieces in ((HEAD,), (HEAD, b"{")):
        answer, took_s = await talk(port, *pieces)
        assert answer == b"" and took_s >= PAUSE_S * 0.9


async def test_a_slow_body_that_goes_on_is_read(port: int) -> None:
    """Until it was this machine that made no pause: a server that reads no slow body never gets there."""
    answer = b""
    while not answer:
        answer, took_s = await talk(port, HEAD, b"{", b" ", b" ", b"}")
    assert answer.startswith(b"HTTP/1.1 400") and took_s > PAUSE_S


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        (b"GET", b"/status", True),
        (b"HEAD", b"/status?lang=ar", True),
        (b"GET", b"/status.json", True),
        (b"GET", b"/status/operator", True),
        (b"POST", b"/status/operator", False),
        (b"GET", b"/statuses", False),
        (b"GET", b"/_matrix/client/v3/sync?x=/status", False),
    ],
)
def test_what_is_a_request_for_the_status(method: bytes, url: bytes, expected: bool) -> None:
    assert is_status_request(method, url) is expected


async def ask(port: int, path: bytes, *, ends: bool = True) -> tuple[bytes, asyncio.StreamWriter]:
    """An answer's head and what came with it, or all until the connection's end; and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
    async with asyncio.timeout(WAIT_S_MAX):
        return (await reader.read() if ends else await reader.readuntil(b"\r\n\r\n")), writer


async def test_beyond_the_limit_of_connections_the_status_still_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "STATUS_CONNECTIONS_MAX", 2)
    async with serve(tmp_path, connections_max=3) as port:
        crowd = []
        for _ in range(3):
            answer, writer = await ask(port, b"/_matrix/client/versions", ends=False)
            assert answer.startswith(b"HTTP/1.1 200"), "who was let in is served, also when that was the last place"
            crowd.append(writer)
        for path in (b"/status", b"/status.json", b"/status.atom"):
            answer, _ = await ask(port, path)
            assert answer.startswith(b"HTTP/1.1 200") and b"\r\nconnection: close\r\n" in answer
        refused, _ = await ask(port, b"/_matrix/client/versions")
        assert refused.startswith(b"HTTP/1.1 503") and b"retry-after" in refused and b"as many connections" in refused
        # Who asks for nothing cannot take the places of those who do, but for a moment.
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        refused, _ = await ask(port, b"/status")
        assert refused.startswith(b"HTTP/1.1 503") and b"as many connections" in refused
        for _, writer in silent:
            writer.close()
        crowd.pop().close()
        while not (await ask(port, b"/status"))[0].startswith(b"HTTP/1.1 200"):
            await asyncio.sleep(0.01)
