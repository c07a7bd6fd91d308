"""The bus between processes of one server. It only wakes and carries what lives in memory; losing a message must never lose anything (DESIGN §3)."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

MESSAGE_BYTES_MAX = 64 * 1024
"""A longer message is dropped."""

Listener = Callable[[bytes], None]


class Topic(StrEnum):
    """What a message is about, and what is in it."""

    LOG = "log"  # the position the log has reached, in decimal
    EPHEMERAL = "ephemeral"  # typing and presence, as the services agree


class Bus(Protocol):
    """Messages reach the other processes in the order in which one process publishes them, or not at all."""

    def publish(self, topic: Topic, message: bytes) -> None:
        """Hand a message over for sending. It never waits and never raises."""

    def subscribe(self, topic: Topic, listener: Listener) -> None:
        """Call `listener` with every message other processes publish; not with this process's own."""

    async def start(self) -> None:
        """Connect, or go on trying to."""

    async def close(self) -> None:
        """Send what waits, for a moment, and disconnect."""
