"""Typing, presence and delivered marks between the processes of one server, over the bus: each tells the others what it heard first.

None of it is in the log, and none of it has to arrive: what is lost is told again, or is over soon.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import orjson
import structlog

from zajil.ports.bus import MESSAGE_BYTES_MAX, Bus, Topic

PIECE_BYTES_MAX = MESSAGE_BYTES_MAX // 2

log = structlog.get_logger(__name__)

Handler = Callable[[Any], None]


class Signal(StrEnum):
    """What a message tells, and what is in it."""

    TYPING = "typing"  # room ID, user ID, milliseconds (0: types no more)
    PRESENCE = "presence"  # name of the process, list of [user ID, state] or [user ID, state, status message]
    PRESENCE_WANTED = "presence_wanted"  # nothing: a process has begun, and wants to know who is online elsewhere
    NEWCOMER = "newcomer"  # room ID, user ID of who has joined it
    OTHER_SERVER = "other_server"  # server name, what is told it for a moment: list of [EDU type, subject, content]; empty: it was heard of
    DELIVERED = "delivered"  # room ID, fields of the mark, user IDs of the senders to be told


class NodeSignals:
    """The services' end of the bus. Without a bus nothing is sent."""

    def __init__(self) -> None:
        self._bus: Bus | None = None
        self._handlers: dict[str, Handler] = {}

    @property
    def is_on(self) -> bool:
        """Whether there may be other processes to tell."""
        return self._bus is not None

    def connect(self, bus: Bus) -> None:
        """Send over this bus from now on."""
        self._bus = bus
        bus.subscribe(Topic.EPHEMERAL, self._hear)

    def listen(self, signal: Signal, handler: Handler) -> None:
        """Call `handler` with the content of such messages of other processes."""
        self._handlers[signal] = handler

    def publish(self, signal: Signal, content: Any) -> None:
        if self._bus is not None:
            self._bus.publish(Topic.EPHEMERAL, orjson.dumps([signal, content]))

    def publish_list(self, signal: Signal, first: str, entries: list[Any]) -> None:
        """The same for a list of any length: several messages [first, part of the list], each small enough for the bus."""
        piece: list[Any] = []
        size = 0
        for entry in entries if self.is_on else ():
            piece.append(entry)
            size += len(orjson.dumps(entry))
            if size >= PIECE_BYTES_MAX:
                self.publish(signal, [first, piece])
                piece, size = [], 0
        if piece:
            self.publish(signal, [first, piece])

    def _hear(self, message: bytes) -> None:
        signal, content = orjson.loads(message)
        handler = self._handlers.get(signal)
        if handler is None:
            log.info("another process tells of something this one does not know", signal=signal)
        else:
            handler(content)
