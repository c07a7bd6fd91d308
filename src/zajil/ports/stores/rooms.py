"""Rooms: their heads, their states, their members."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import StoredEvent


@dataclass(slots=True)
class RoomRow:
    """A room's head (schema/10_rooms.sql)."""

    room_nid: int
    room_id: str
    room_version: str
    creator: str
    created_ts_ms: int
    head_version: int
    extremities: list[str]
    depth: int
    snapshot_id: int
    members_root: bytes
    rest_root: bytes
    joined_count: int
    invited_count: int
    is_public: bool
    partial_state: bool
    """This server joined with a part of the state, and the rest is not here yet."""
    blocked_reason: str | None
    completed_at: int | None = None
    """Where in the log the rest of the state came, of a room that was joined with a part of it."""


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """Where a user stands in a room now."""

    room_nid: int
    room_id: str
    user_id: str
    membership: str
    event_nid: int
    position: int
    forgotten: bool
    display_name: str | None
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One entry of a local user's own membership history."""

    position: int
    room_nid: int
    room_id: str
    membership: str
    event_nid: int


class RoomStore(Protocol):
    """Rooms, snapshots of their state, and current memberships."""

    async def load_row(self, tx: Read, room_id: str) -> RoomRow | None: ...

    async def load_head_version(self, tx: Read, room_nid: int) -> int | None: ...

    async def insert_row(self, tx: Transaction, row: RoomRow) -> None: ...

    async def swap_head(self, tx: Transaction, row: RoomRow, expected_version: int) -> bool:
        """Store the head's changing columns if its version is still `expected_version`."""

    async def insert_snapshot(
        self, tx: Transaction, snapshot_id: int, members_root: bytes, rest_root: bytes
    ) -> None: ...

    async def load_snapshot(self, tx: Read, snapshot_id: int) -> tuple[bytes, bytes] | None:
        """(members_root, rest_root)."""

    async def load_event_snapshots(self, tx: Read, event_nid: int) -> tuple[int, int] | None:
        """(before, after) an event."""

    async def insert_event_snapshots(self, tx: Transaction, event_nid: int, before: int, after: int) -> None: ...

    async def load_nodes(self, tx: Read, names: Iterable[bytes]) -> dict[bytes, bytes]: ...

    async def insert_nodes(self, tx: Transaction, nodes: Mapping[bytes, bytes]) -> None: ...

    async def load_current_state(self, tx: Read, room_nid: int) -> list[StoredEvent]:
        """Everything but members."""

    async def store_current_state(
        self, tx: Transaction, room_nid: int, key: tuple[str, str], nid: int, position: int
    ) -> None: ...

    async def delete_current_state(self, tx: Transaction, room_nid: int, key: tuple[str, str]) -> None: ...

    async def delete_membership(self, tx: Transaction, room_nid: int, user_id: str) -> None:
        """The room's state has no member event of the user any more."""

    async def insert_branch_snapshots(self, tx: Transaction, event_nid: int, before: int, after: int) -> None:
        """Of an event on whose branch of the room's graph other state holds than in the room as a whole."""

    async def load_branch_snapshots(self, tx: Read, event_nids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """(before, after) each event on its own branch, whether or not that is the room's; unknown ones are left out."""

    async def load_member_event(self, tx: Read, room_nid: int, user_id: str) -> StoredEvent | None: ...

    async def store_membership(self, tx: Transaction, row: MembershipRow) -> None: ...

    async def insert_membership_change(self, tx: Transaction, user_id: str, change: MembershipChange) -> None: ...

    async def load_membership(self, tx: Read, room_nid: int, user_id: str) -> MembershipRow | None: ...

    async def load_memberships_of_user(
        self, tx: Read, user_id: str, memberships: Sequence[str]
    ) -> list[MembershipRow]: ...

    async def load_members(
        self, tx: Read, room_nid: int, memberships: Sequence[str], limit: int | None = None
    ) -> list[MembershipRow]:
        """Members in the order of their last change, oldest first."""

    async def load_member_page(
        self, tx: Read, room_nid: int, memberships: Sequence[str], after_user_id: str, limit: int
    ) -> list[StoredEvent]:
        """Current member events with one of `memberships`, in the order of user IDs, from the first after `after_user_id` on."""

    async def load_membership_changes(
        self, tx: Read, user_id: str, after: int, up_to: int
    ) -> list[MembershipChange]: ...

    async def load_membership_at(self, tx: Read, room_nid: int, user_id: str, position: int) -> MembershipChange | None:
        """A local user's last change in a room that is not later than `position`."""

    async def load_joined_at(self, tx: Read, room_nid: int, user_id: str) -> int | None:
        """Where a local user's unbroken stay in a room began; None when the user is not in it."""

    async def load_last_join(self, tx: Read, room_nid: int, user_id: str) -> int | None:
        """The position of a local user's last member event that says "join"."""

    async def load_departure(self, tx: Read, room_nid: int, user_id: str) -> MembershipChange | None:
        """What ended a local user's last stay in a room; None for who is in it or never was."""

    async def load_guests(self, tx: Read, room_nid: int) -> list[str]:
        """Guests of this server who are in the room."""

    async def load_snapshots_before(self, tx: Read, nids: Sequence[int]) -> dict[int, int]:
        """The snapshot before each event, by the event's number."""

    async def set_forgotten(self, tx: Transaction, room_nid: int, user_id: str) -> None: ...
