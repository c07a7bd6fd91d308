"""The bus of a server that is one process, and of several servers' parts in one test."""

import asyncio

from zajil.bus.listeners import Listeners
from zajil.ports.bus import MESSAGE_BYTES_MAX, Listener, Topic


class Hub:
    """Where buses of one process meet."""

    def __init__(self) -> None:
        self.members: list[InProcessBus] = []


class InProcessBus:
    """`ports.bus.Bus` between the members of a hub. Alone in one, it carries nothing."""

    def __init__(self, hub: Hub | None = None) -> None:
        self._hub = hub or Hub()
        self._listeners = Listeners()

    def publish(self, topic: Topic, message: bytes) -> None:
        others = [member for member in self._hub.members if member is not self]
        if others and len(message) <= MESSAGE_BYTES_MAX:
            loop = asyncio.get_running_loop()
            for member in others:
                loop.call_soon(member.receive, topic, message)

    def receive(self, topic: Topic, message: bytes) -> None:
        if self in self._hub.members:
            self._listeners.call(topic, message)

    def subscribe(self, topic: Topic, listener: Listener) -> None:
        self._listeners.add(topic, listener)

    async def start(self) -> None:
        self._hub.members.append(self)

    async def close(self) -> None:
        if self in self._hub.members:
            self._hub.members.remove(self)
