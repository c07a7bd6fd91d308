"""Server-side key backups (client-server API, "Server-side key backups")."""

from dataclasses import dataclass
from typing import Protocol

from zajil.core.key_backup import BackedUpSession
from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class KeyBackup:
    """A version of a user's backup."""

    user_id: str
    version: int
    algorithm: str
    auth_data: bytes
    etag: int
    key_count: int
    bytes: int


class KeyBackupStore(Protocol):
    """Backups and the sessions in them."""

    async def load_backup(self, tx: Read, user_id: str, version: int | None) -> KeyBackup | None:
        """A version, or the current one (the newest) for None."""

    async def count_backups(self, tx: Read, user_id: str) -> int: ...

    async def load_last_version(self, tx: Read, user_id: str) -> int:
        """The highest version there ever was; 0 for none."""

    async def take_version(self, tx: Transaction, user_id: str) -> int:
        """The next version, which nobody else gets."""

    async def lock_backup(self, tx: Transaction, user_id: str, version: int) -> None:
        """Keep other processes from changing this version's sessions until the commit."""

    async def insert_backup(self, tx: Transaction, backup: KeyBackup) -> None: ...

    async def store_auth_data(self, tx: Transaction, user_id: str, version: int, auth_data: bytes) -> None: ...

    async def store_totals(
        self, tx: Transaction, user_id: str, version: int, etag: int, key_count: int, size: int
    ) -> None: ...

    async def delete_backup(self, tx: Transaction, user_id: str, version: int) -> None:
        """Delete the version itself; its sessions are orphans from then on."""

    async def load_orphaned_versions(self, tx: Read, user_id: str) -> list[int]:
        """Deleted versions of which sessions are left."""

    async def load_session(
        self, tx: Read, user_id: str, version: int, room_id: str, session_id: str
    ) -> BackedUpSession | None: ...

    async def load_sessions(
        self, tx: Read, user_id: str, version: int, room_id: str | None, after: tuple[str, str], count_max: int
    ) -> list[tuple[str, str, BackedUpSession]]:
        """(room, session, data) after a (room, session), in that order."""

    async def store_session(
        self, tx: Transaction, user_id: str, version: int, room_id: str, session_id: str, session: BackedUpSession
    ) -> None: ...

    async def delete_sessions(
        self, tx: Transaction, user_id: str, version: int, room_id: str | None, session_id: str | None, count_max: int
    ) -> tuple[int, int]:
        """Delete up to `count_max` sessions of a version, of one of its rooms, or the one session; returns their number and bytes."""

    async def delete_all_backups(self, tx: Transaction, user_id: str) -> None:
        """Delete all of a user's versions, leaving their sessions orphaned."""

    async def forget_versions(self, tx: Transaction, user_id: str) -> None:
        """Forget that the user ever had a backup."""
