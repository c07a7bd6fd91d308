"""Account data and filters."""

from dataclasses import dataclass
from typing import Any, Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class AccountData:
    """One account data event; `room_id` is empty for the global kind."""

    room_id: str
    type: str
    content: bytes
    """JSON, ready to be sent."""
    position: int


class AccountDataStore(Protocol):
    """Account data."""

    async def load(self, tx: Read, user_id: str, room_id: str, type: str) -> dict[str, Any] | None:
        """The content of one event."""

    async def load_all(self, tx: Read, user_id: str) -> list[AccountData]:
        """Everything of a user, global and of rooms."""

    async def load_of_room(self, tx: Read, user_id: str, room_id: str) -> list[AccountData]:
        """Everything of one room (or, with an empty `room_id`, the global kind)."""

    async def load_changes(self, tx: Read, user_id: str, after: int, up_to: int) -> list[AccountData]:
        """What was last set at a position in (after, up_to], in order of position."""

    async def count(self, tx: Read, user_id: str) -> int:
        """How many events a user has, global and of rooms."""

    async def store(self, tx: Transaction, user_id: str, entry: AccountData) -> None: ...

    async def delete_all(self, tx: Transaction, user_id: str) -> None: ...


class FilterStore(Protocol):
    """Filters that clients have stored."""

    async def load(self, tx: Read, user_id: str, filter_id: str) -> dict[str, Any] | None: ...

    async def store(
        self, tx: Transaction, user_id: str, filter_id: str, json: bytes, created_ts_ms: int, filters_max: int
    ) -> None:
        """Keep a filter; beyond `filters_max` of the user the oldest goes."""

    async def delete_all(self, tx: Transaction, user_id: str) -> None: ...
