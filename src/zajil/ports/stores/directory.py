"""How rooms are found: aliases, the published rooms, and what is known of rooms before they are joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class Alias:
    """A local alias, and who made it."""

    room_alias: str
    room_id: str
    room_nid: int
    creator: str


@dataclass(frozen=True, slots=True)
class PublishedRoom:
    """A room's place in the list of published rooms: by number of members, most first."""

    joined_count: int
    room_id: str


class DirectoryStore(Protocol):
    """Aliases, published rooms, invitations' stripped state, and rooms of server notices."""

    async def load_alias(self, tx: Read, room_alias: str) -> Alias | None: ...

    async def load_aliases(self, tx: Read, room_nid: int) -> list[Alias]:
        """The room's aliases, in the order of the alphabet."""

    async def count_aliases(self, tx: Read, room_nid: int) -> int: ...

    async def store_alias(self, tx: Transaction, room_alias: str, room_nid: int, creator: str, now_ms: int) -> None: ...

    async def delete_alias(self, tx: Transaction, room_alias: str) -> None: ...

    async def move_aliases(self, tx: Transaction, from_nid: int, to_nid: int) -> None: ...

    async def set_published(self, tx: Transaction, room_nid: int, is_public: bool) -> None: ...

    async def load_published(
        self, tx: Read, start: PublishedRoom | None, *, backwards: bool, limit: int
    ) -> list[PublishedRoom]:
        """Up to `limit` published rooms after `start` in the list's order, or before it, nearest first."""

    async def count_published(self, tx: Read) -> int: ...

    async def load_invite_state(self, tx: Read, room_nid: int, user_id: str) -> list[dict[str, Any]] | None:
        """What came with a remote invitation; None when the room itself is known."""

    async def store_invite_state(
        self, tx: Transaction, room_nid: int, user_id: str, stripped: Sequence[dict[str, Any]]
    ) -> None: ...

    async def delete_invite_state(self, tx: Transaction, room_nid: int, user_id: str) -> None: ...

    async def load_notice_room(self, tx: Read, user_id: str) -> str | None:
        """The room ID in which the user gets server notices."""

    async def store_notice_room(self, tx: Transaction, user_id: str, room_id: str) -> None: ...
