"""The worker's end of the socket to its supervisor: says that it is ready and alive, hears that it is to retire."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

MESSAGE_SIZE_MAX = 16 * 1024
SIGN_OF_LIFE_S = 1.0
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


class Channel:
    """Exits the process at once when the supervisor is gone, as after a crash: all that was acknowledged is on disk."""

    def __init__(self, end: socket.socket, retire: Callable[[socket.socket | None], None]) -> None:
        self._end = end
        self._retire = retire
        self._pulse: asyncio.Task[None] | None = None

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._end.fileno(), self._hear)

    def tell_ready(self, **content: str) -> None:
        self._tell({"type": "ready", **content})
        self._pulse = asyncio.create_task(self._beat())

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BlockingIOError):  # a supervisor that does not read is not worth waiting for
            self._end.send(json.dumps(message).encode())

    async def _beat(self) -> None:
        """Only an event loop that runs gets to say so. For want of memory one may be left out, not all that would follow."""
        while True:
            with contextlib.suppress(MemoryError):
                self._tell({"type": "alive", "memory": find_memory()})
            await asyncio.sleep(SIGN_OF_LIFE_S)

    def _hear(self) -> None:
        try:
            text, files, _, _ = socket.recv_fds(self._end, MESSAGE_SIZE_MAX, 1)
        except BlockingIOError:
            return
        except OSError:
            text, files = b"", []
        if not text:
            os._exit(1)
        give = None
        for each in files:
            give = socket.socket(fileno=each)
            give.set_inheritable(False)
            give.setblocking(False)
        if json.loads(text).get("type") == "retire":
            self._retire(give)


def find_memory() -> int:
    """Bytes of memory that this process occupies; 0 when the system does not tell."""
    try:
        with Path("/proc/self/statm").open() as file:
            return int(file.read().split()[1]) * PAGE_SIZE
    except OSError:  # no files left
        return 0
