"""Whose devices changed, and who has to know (client-server API, "Tracking the device list for a user")."""

from collections.abc import Sequence
from typing import Protocol

from zajil.ports.database import Read, Transaction


class DeviceListStore(Protocol):
    """The last change of every user's device list, and who shares encrypted rooms with whom."""

    async def store_change(self, tx: Transaction, user_id: str, position: int) -> None: ...

    async def store_signature_change(self, tx: Transaction, signer: str, target: str, position: int) -> None: ...

    async def count_changes(self, tx: Read, since: int, count_max: int) -> int:
        """How many users' devices changed after `since`, counted up to `count_max`."""

    async def load_changed_users(self, tx: Read, user_id: str, since: int, up_to: int) -> list[str]:
        """Users whose devices changed in (since, up_to] and who share a room with `user_id`; the user too."""

    async def load_signed_users(self, tx: Read, signer: str, since: int, up_to: int) -> list[str]: ...

    async def load_moved_members(self, tx: Read, user_id: str, since: int) -> list[tuple[int, str, str]]:
        """(room, user, membership) of others whose membership was written after `since` in the user's encrypted rooms."""

    async def load_encrypted_rooms(self, tx: Read, room_nids: Sequence[int]) -> list[int]:
        """Those of the rooms that are encrypted."""

    async def load_rooms_encrypted_at(self, tx: Read, room_nids: Sequence[int], position: int) -> list[int]:
        """Those of the rooms that were encrypted at a position of the log."""

    async def load_newly_encrypted_rooms(self, tx: Read, user_id: str, since: int) -> list[int]:
        """Rooms the user is in whose encryption was set after `since`."""

    async def load_joined_users(self, tx: Read, room_nids: Sequence[int], up_to: int | None = None) -> set[str]:
        """Members; with `up_to` only those whose membership was written no later."""

    async def load_moved_users(self, tx: Read, room_nids: Sequence[int], since: int) -> list[tuple[int, str]]:
        """(room, user) of every membership of the rooms that was written after `since`."""

    async def load_sharing_users(self, tx: Read, user_id: str, among: Sequence[str]) -> set[str]:
        """Those of `among` who share an encrypted room with the user now."""
