"""A network that can be cut: everything a drill's clients send goes through it."""

import asyncio
import contextlib
from typing import Final

CHUNK: Final = 64 * 1024
DROP_S: Final = 0.05
"""So long also connections break that were being made."""


class Proxy:
    """Passes bytes from a port of 127.0.0.1 to a server and back. A server is a host and a port, or the path of a socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break every connection, and every new one, until `restore`."""
        self._is_cut = True
        self._break_all()

    def restore(self) -> None:
        self._is_cut = False

    def drop(self) -> None:
        """Break every connection, also those that are being made; new ones are served a moment later."""
        self.cut()
        asyncio.get_running_loop().call_later(DROP_S, self.restore)

    def _break_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._break_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            other_reader, other_writer = await self._connect()
        except OSError:
            self._close(writer)
            return
        self._open.add(other_writer)
        with contextlib.suppress(asyncio.CancelledError):  # the drill has ended
            await asyncio.gather(self._pass(reader, other_writer), self._pass(other_reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
        self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()
