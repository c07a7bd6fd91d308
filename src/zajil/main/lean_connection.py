"""Parts of a connection that take memory only when they are used: of ten thousand connections nearly all only wait for the next news.

An empty deque takes 624 bytes, and uvicorn and asyncio make three for a connection with a request.
"""

import asyncio
from collections import deque
from typing import Any, Literal

from uvicorn.protocols.http.flow_control import FlowControl


class LeanEvent(asyncio.Event):
    """An event that nobody waits for, nearly always."""

    def __init__(self) -> None:
        self._value = False
        self._waiters: Any = ()

    async def wait(self) -> Literal[True]:
        if not self._waiters and not self._value:
            self._waiters = deque()
        return await super().wait()


class LeanFlow(FlowControl):
    """uvicorn's, with such an event."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = self.write_paused = False
        self._is_writable_event = LeanEvent()
        self._is_writable_event.set()


class LeanQueue(list[Any]):
    """What uvicorn asks of its queue of pipelined requests."""

    __slots__ = ()

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)
