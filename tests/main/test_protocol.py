"""What a connection may cost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client import running_server
from uvicorn.config import Config as UvicornConfig
from uvicorn.server import Server, ServerState

from zajil.main import protocol
from zajil.main.protocol import BoundedHttpProtocol

PAUSE_S = 0.2
WAIT_S_MAX = 10.0


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(protocol, "BODY_PAUSE_S_MAX", PAUSE_S)
    monkeypatch.setattr(protocol, "HEAD_DURATION_S_MAX", PAUSE_S)
    async with running_server(tmp_path) as server:
        config = UvicornConfig(server.asgi, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None)
        config.load()
        state = Server(config).server_state
        assert isinstance(state, ServerState)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0)
        yield listener.sockets[0].getsockname()[1]
        listener.close()


async def talk(port: int, *pieces: bytes) -> tuple[bytes, float]:
    """Send pieces with pauses between them; returns what came back until the connection's end, and how long that took."""
    began = asyncio.get_running_loop().time()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(PAUSE_S / 2)
    async with asyncio.timeout(WAIT_S_MAX):
        answer = await reader.read()
    writer.close()
    return answer, asyncio.get_running_loop().time() - began


HEAD = b"POST /_matrix/client/v3/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"


async def test_a_head_that_stops_ends_the_connection(port: int) -> None:
    answer, took_s = await talk(port, HEAD[:30])
    assert answer == b"" and took_s >= PAUSE_S * 0.9


async def test_a_body_that_stops_ends_the_connection(port: int) -> None:
    for pieces in ((HEAD,), (HEAD, b"{")):
        answer, took_s = await talk(port, *pieces)
        assert answer == b"" and took_s >= PAUSE_S * 0.9


async def test_a_slow_body_that_goes_on_is_read(port: int) -> None:
    answer, took_s = await talk(port, HEAD, b"{", b" ", b" ", b"}")
    assert answer.startswith(b"HTTP/1.1 400") and took_s > PAUSE_S
