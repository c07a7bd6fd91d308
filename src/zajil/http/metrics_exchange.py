"""The metrics of all workers of this machine in one answer: the worker that is asked asks the others.

Workers share their listening sockets, so nobody outside can choose which of them answers. Each has a Unix socket of its own beside the data, which
says its numbers to whoever connects and closes.
"""

import asyncio
import contextlib
import os
from typing import Final

from zajil.http.metrics import write_metrics
from zajil.services.app import App
from zajil.status.link import short_path

FOLDER: Final = "metrics"
ANSWER_S_MAX: Final = 2.0
"""A worker that does not answer by then is told of as down; Prometheus itself waits for ten seconds."""
BLOCK: Final = b"# HELP "
UP: Final = b"zajil_worker_up"
UP_HEAD: Final = b"zajil_worker_up Whether the worker told its numbers.\n# TYPE zajil_worker_up gauge\n"


class MetricsExchange:
    """One worker's part; with a single worker there is nothing to exchange."""

    def __init__(self, app: App, number: int) -> None:
        self._app = app
        self._number = number
        self._folder = app.config.data / FOLDER
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Take the place of the worker that had this number before."""
        if self._app.config.workers == 1:
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with short_path(self._folder, str(self._number)) as path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108
            self._server = await asyncio.start_unix_server(self._tell, path)
            os.chmod(path, 0o600)  # noqa: PTH101
        self._app.gather_metrics = self.gather

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def gather(self) -> bytes:
        """The numbers of every worker."""
        others = range(self._app.config.workers)
        return merge_texts(dict(zip(others, await asyncio.gather(*map(self._read, others)), strict=True)))

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(write_metrics(self._app, str(self._number)))
            await writer.drain()
        writer.close()

    async def _read(self, number: int) -> bytes:
        """What a worker says; nothing when it is away."""
        if number == self._number:
            return write_metrics(self._app, str(number))
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_S_MAX):
                with short_path(self._folder, str(number)) as path:
                    reader, writer = await asyncio.open_unix_connection(path)
                try:
                    return await reader.read()
                finally:
                    writer.close()
        return b""


def merge_texts(texts: dict[int, bytes]) -> bytes:
    """One text out of several: the format wants all series of a name together."""
    heads: dict[bytes, bytes] = {}
    series: dict[bytes, list[bytes]] = {}
    for text in texts.values():
        for block in text.split(BLOCK)[1:]:
            name = block.split(b" ", 1)[0]
            told, kind, *rest = block.split(b"\n", 2)
            heads.setdefault(name, b"%s\n%s\n" % (told, kind))
            series.setdefault(name, []).extend(rest)
    heads[UP] = UP_HEAD
    series[UP] = [b'zajil_worker_up{worker="%d"} %d\n' % (number, bool(text)) for number, text in texts.items()]
    return b"".join(BLOCK + heads[name] + b"".join(series[name]) for name in heads)
