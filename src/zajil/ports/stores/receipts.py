"""Read receipts, the counts that follow from them, and users' push rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far a user has read."""

    user_id: str
    type: str
    thread_id: str
    """Empty for an unthreaded receipt, "main", or the thread root's event ID."""
    event_id: str
    history: int
    history_minor: int
    ts_ms: int
    position: int

    @property
    def key(self) -> tuple[str, str, str]:
        """A newer receipt with the same key replaces this one."""
        return self.user_id, self.type, self.thread_id

    @property
    def point(self) -> tuple[int, int]:
        """The event's place in the room's history."""
        return self.history, self.history_minor


@dataclass(frozen=True, slots=True)
class UnreadCheckpoint:
    """A user's unread events in a room as they were counted once."""

    user_id: str
    room_nid: int
    counted_to: int
    body: bytes


class ReceiptStore(Protocol):
    """Receipts and checkpoints of unread counts."""

    async def load(
        self, tx: Read, room_nid: int, user_id: str, receipt_type: str, thread_id: str
    ) -> Receipt | None: ...

    async def load_newest(self, tx: Read, room_nid: int, limit: int) -> list[Receipt]:
        """A room's latest receipts, the oldest of them first."""

    async def load_changes(self, tx: Read, room_nid: int, after: int, limit: int) -> list[Receipt]:
        """The latest receipts with a position after `after`, the oldest of them first."""

    async def load_from_history(self, tx: Read, room_nid: int, history: int, limit: int) -> list[Receipt]:
        """The latest receipts for events at or after a place in the room's history, the oldest of them first."""

    async def load_of_user(self, tx: Read, room_nid: int, user_id: str, limit: int) -> list[Receipt]:
        """One user's latest receipts in a room, the oldest of them first."""

    async def load_rooms_read(self, tx: Read, user_id: str, after: int) -> list[str]:
        """Room IDs in which the user sent a receipt after a position."""

    async def store(self, tx: Transaction, room_nid: int, receipt: Receipt) -> None: ...

    async def load_checkpoint(self, tx: Read, user_id: str, room_nid: int) -> UnreadCheckpoint | None: ...

    async def store_checkpoints(self, tx: Transaction, checkpoints: Sequence[UnreadCheckpoint]) -> None: ...

    async def delete_user(self, tx: Transaction, user_id: str) -> None:
        """Forget everything a user has read."""


class PushRuleStore(Protocol):
    """Users' push rules as `core.push_rules.build_stored` writes them."""

    async def load(self, tx: Read, user_id: str) -> bytes:
        """Empty when the user changed nothing."""

    async def store(self, tx: Transaction, user_id: str, stored: bytes) -> None: ...
