"""Pushers, and what waits to be pushed (client-server API, "Push Notifications")."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import StoredEvent

BADGE_ONLY = 0
"""In the place of an event's number: there is only a new number of unread messages to tell."""


@dataclass(frozen=True, slots=True)
class Pusher:
    """A push gateway that a user's client has asked for."""

    pusher_nid: int
    user_id: str
    app_id: str
    pushkey: str
    device_id: str
    json: bytes
    """What the client set, as GET /pushers shows it."""
    set_ts_ms: int
    position: int
    """Events up to here are not pushed."""
    failures: int = 0
    failing_since_ts_ms: int | None = None


class PusherStore(Protocol):
    """Pushers and the queue."""

    async def has_any(self, tx: Read) -> bool: ...

    async def load_of_user(self, tx: Read, user_id: str) -> list[Pusher]: ...

    async def load_of_members(self, tx: Read, room_nid: int) -> list[Pusher]:
        """The pushers of everybody in a room."""

    async def store(self, tx: Transaction, pusher: Pusher) -> None:
        """Add a pusher, or change the one of this user, app and key; that keeps its number and its place in the log."""

    async def delete(self, tx: Transaction, pusher_nid: int) -> None:
        """Delete a pusher with what waits for it."""

    async def delete_others(self, tx: Transaction, app_id: str, pushkey: str, user_id: str) -> None:
        """Delete the pushers of all other users with this app and key."""

    async def delete_key(self, tx: Transaction, user_id: str, app_id: str, pushkey: str) -> bool:
        """Delete one pusher; False when there is none."""

    async def delete_device(self, tx: Transaction, user_id: str, device_id: str) -> None: ...

    async def delete_user(self, tx: Transaction, user_id: str) -> None: ...

    async def load_progress(self, tx: Read) -> int:
        """How far the log has been put into the queue; what the number counts is the store's affair."""

    async def store_progress(self, tx: Transaction, expected: int, reached: int) -> bool:
        """Go on to `reached`; False when another process did so meanwhile."""

    async def load_step(self, tx: Read, reached: int, up_to: int) -> tuple[int, list[StoredEvent]]:
        """The events of the next short stretch, in order, and its end; the same number when there is nothing more.

        None has a position in the log after `up_to`.
        """

    async def load_end(self, tx: Read) -> int:
        """Where the progress would be if everything were in the queue."""

    async def insert_waiting(self, tx: Transaction, waiting: Sequence[tuple[int, int]], now_ms: int) -> None:
        """Let (pusher, event) wait, due at once unless the pusher is waiting already."""

    async def insert_badge(self, tx: Transaction, user_id: str, now_ms: int, *, except_app_id: str) -> None:
        """Let a new number of unread messages wait for all pushers of a user but those of one app."""

    async def claim_due(self, tx: Transaction, now_ms: int, until_ms: int, count_max: int) -> list[Pusher]:
        """Take pushers that are due; nobody else gets them before `until_ms`."""

    async def release(self, tx: Transaction, pusher_nids: Sequence[int], now_ms: int) -> None:
        """Give claimed pushers back: they are due at once."""

    async def load_next_due(self, tx: Read) -> int | None:
        """When the next pusher is due."""

    async def load_waiting(self, tx: Read, pusher_nid: int, count_max: int) -> list[int]:
        """The numbers of the events that wait for a pusher, in order."""

    async def delete_waiting(self, tx: Transaction, pusher_nid: int, event_nids: Sequence[int]) -> None: ...

    async def delete_oldest(self, tx: Transaction, pusher_nid: int, kept_max: int) -> None:
        """Keep only the newest of what waits for a pusher."""

    async def settle(self, tx: Transaction, pusher_nid: int, now_ms: int) -> None:
        """The gateway has answered: nothing fails any more; due again at once if something waits."""

    async def postpone(
        self, tx: Transaction, pusher_nid: int, failures: int, failing_since_ts_ms: int, due_ts_ms: int
    ) -> None:
        """The gateway has not answered: try again later."""
