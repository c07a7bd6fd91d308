"""What presence and the delivered signal need to know of rooms, and how far messages have been delivered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class DeliveredMark:
    """The newest message of somebody else in a room that has reached a device of the user."""

    room_nid: int
    user_id: str
    event_id: str
    position: int
    ts_ms: int
    noted_at: int
    """Where the log stood when this was noted: a client whose token is older has not heard of it."""


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A room with events later than a user's mark there."""

    room_id: str
    marked: int
    """The mark's position, 0 where there is none."""


class SignalStore(Protocol):
    """Small rooms, and marks of delivery in them."""

    async def load_small_rooms(self, tx: Read, user_id: str, members_max: int) -> list[str]:
        """Rooms the user is in that have at most `members_max` joined members."""

    async def load_near(self, tx: Read, user_id: str, members_max: int) -> list[str]:
        """Everybody in the user's rooms of at most that many joined members, the user too; a thousand at most."""

    async def load_neighbours(self, tx: Read, user_id: str, members_max: int, seen_since_ms: int) -> list[str]:
        """Users in the user's small rooms, of whom a device was seen at that time or later; no more than a bounded number."""

    async def load_marks(self, tx: Read, room_nid: int) -> list[DeliveredMark]:
        """The marks of those who are in the room."""

    async def load_rooms_noted_since(self, tx: Read, user_id: str, position: int) -> list[str]:
        """Rooms of the user with a mark that was noted when the log stood at `position` or later."""

    async def load_unmarked(self, tx: Read, user_id: str, members_max: int) -> list[Unmarked]:
        """Small rooms of the user that have events later than the user's mark."""

    async def store_marks(self, tx: Transaction, marks: Sequence[DeliveredMark]) -> None:
        """Keep marks; one that is further already stays."""
