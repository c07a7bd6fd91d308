"""Between the workers of a machine and the process that watches them: one Unix socket, lines of JSON each way.

A worker tells its measurements once a second and does what needs the database; the watcher tells what is to be stored and how the pages look.
That the line breaks is the first sign of a worker's end.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
FOLDER: Final = "status"
SOCKET: Final = "watcher.socket"
CONNECT_S_MAX: Final = 2.0


@contextlib.contextmanager
def short_path(folder: Path, name: str) -> Iterator[str]:
    """A path to the socket that fits into the 108 bytes an address may have, wherever the folder is."""
    plain = str(folder / name)
    if len(os.fsencode(plain)) < 100 or not Path("/proc/self/fd").is_dir():
        yield plain
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


class Line:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: Mapping[str, Any]) -> None:
        """Send without waiting. Raises `OSError` when the other end is gone or far behind."""
        if self._writer.transport.get_write_buffer_size() > LINE_BYTES_MAX:
            raise ConnectionError("the other end does not read")
        if self._writer.is_closing():
            raise ConnectionError("the other end is gone")
        self._writer.write(orjson.dumps(message) + b"\n")

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the other end says, until it is gone."""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
                message = orjson.loads(line)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, orjson.JSONDecodeError):
                return
            if isinstance(message, dict):
                yield message

    async def drain(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


async def connect(data: Path) -> Line:
    """To the watcher of this data folder. Raises `OSError` when there is none."""
    try:
        async with asyncio.timeout(CONNECT_S_MAX):
            with short_path(data / FOLDER, SOCKET) as path:
                return Line(*await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX))
    except TimeoutError:
        raise ConnectionError("the watcher does not answer") from None


async def ask(data: Path, question: Mapping[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """One question to the watcher and its answer. Raises `OSError` when there is no watcher, or no answer."""
    line = await connect(data)
    try:
        async with asyncio.timeout(timeout_s):
            line.send({**question, "asks": True})
            async for message in line.messages():
                if "answer" in message:
                    answer: dict[str, Any] = message["answer"]
                    return answer
    except TimeoutError:
        pass
    finally:
        line.close()
    raise ConnectionError("the watcher does not answer")
