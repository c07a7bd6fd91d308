"""HTTP/1.1 as bare as it gets: nothing is ever retried behind the back of a test.

Ordinary client libraries repeat a request when a kept connection turns out to be closed; here that is a failure, and counted.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import orjson

REQUEST_SECONDS_MAX = 300.0


class Failed(Exception):
    """No answer, or not the one that was hoped for. `status` is 0 without an answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Connection:
    """One client's connection, kept open as long as the server likes, or opened for every request anew."""

    def __init__(self, port: int, token: str, *, keep: bool) -> None:
        self.port = port
        self.token = token
        self.keep = keep
        self.opened = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed answer. Raises `Failed`."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                status, answer = await self._exchange(method, path, body)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            self.close()
            raise Failed(f"{method} {path}: {error!r}") from error
        if status != 200:
            raise Failed(f"{method} {path}: {status} {answer!r}", status)
        return orjson.loads(answer)

    async def _exchange(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.opened += 1
        assert self._reader is not None
        data = b"" if body is None else orjson.dumps(body)
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
            f"{'' if self.keep else 'Connection: close' + chr(13) + chr(10)}"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        _, _, rest = head.partition(b"content-length:")
        answer = await self._reader.readexactly(int(rest[: rest.index(b"\r")])) if rest else b""
        if not self.keep or b"connection: close" in head:
            self.close()
        return status, answer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None


def send_path(room_id: str, transaction_id: str) -> str:
    return f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/send/m.room.message/{transaction_id}"
