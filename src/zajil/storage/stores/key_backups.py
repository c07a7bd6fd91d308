"""The store of key backups."""

from zajil.core.key_backup import BackedUpSession
from zajil.ports.database import Read, Transaction, Value
from zajil.ports.stores.key_backups import KeyBackup

_VERSION = "user_id = ? AND version = ?"


def _build_scope(user_id: str, version: int, room_id: str | None, session_id: str | None) -> tuple[str, list[Value]]:
    """The WHERE clause of a whole version, of one room's sessions, or of one session."""
    clause = _VERSION
    values: list[Value] = [user_id, version]
    for column, value in (("room_id", room_id), ("session_id", session_id)):
        if value is not None:
            clause += f" AND {column} = ?"
            values.append(value)
    return clause, values


class SqlKeyBackupStore:
    """`ports.stores.key_backups.KeyBackupStore`."""

    async def load_backup(self, tx: Read, user_id: str, version: int | None) -> KeyBackup | None:
        clause = "user_id = ?" if version is None else _VERSION
        values = (user_id,) if version is None else (user_id, version)
        row = await tx.fetch_row(
            "SELECT user_id, version, algorithm, auth_data, etag, key_count, bytes FROM key_backups"
            f" WHERE {clause} ORDER BY version DESC LIMIT 1",
            *values,
        )
        return None if row is None else KeyBackup(*row)

    async def count_backups(self, tx: Read, user_id: str) -> int:
        count: int = await tx.fetch_value("SELECT COUNT(*) FROM key_backups WHERE user_id = ?", user_id)
        return count

    async def load_last_version(self, tx: Read, user_id: str) -> int:
        version: int | None = await tx.fetch_value(
            "SELECT last_version FROM key_backup_versions WHERE user_id = ?", user_id
        )
        return version or 0

    async def take_version(self, tx: Transaction, user_id: str) -> int:
        await tx.execute(
            "INSERT INTO key_backup_versions (user_id, last_version) VALUES (?, 1)"
            " ON CONFLICT (user_id) DO UPDATE SET last_version = key_backup_versions.last_version + 1",
            user_id,
        )
        return await self.load_last_version(tx, user_id)

    async def lock_backup(self, tx: Transaction, user_id: str, version: int) -> None:
        await tx.execute(f"UPDATE key_backups SET etag = etag WHERE {_VERSION}", user_id, version)

    async def insert_backup(self, tx: Transaction, backup: KeyBackup) -> None:
        await tx.execute(
            "INSERT INTO key_backups (user_id, version, algorithm, auth_data, etag, key_count, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
            backup.user_id,
            backup.version,
            backup.algorithm,
            backup.auth_data,
            backup.etag,
            backup.key_count,
            backup.bytes,
        )

    async def store_auth_data(self, tx: Transaction, user_id: str, version: int, auth_data: bytes) -> None:
        await tx.execute(f"UPDATE key_backups SET auth_data = ? WHERE {_VERSION}", auth_data, user_id, version)

    async def store_totals(
        self, tx: Transaction, user_id: str, version: int, etag: int, key_count: int, size: int
    ) -> None:
        await tx.execute(
            f"UPDATE key_backups SET etag = ?, key_count = ?, bytes = ? WHERE {_VERSION}",
            etag,
            key_count,
            size,
            user_id,
            version,
        )

    async def delete_backup(self, tx: Transaction, user_id: str, version: int) -> None:
        await tx.execute(f"DELETE FROM key_backups WHERE {_VERSION}", user_id, version)

    async def load_orphaned_versions(self, tx: Read, user_id: str) -> list[int]:
        orphaned: list[int] = []
        version = 0
        while True:
            version = await tx.fetch_value(
                "SELECT MIN(version) FROM key_backup_sessions WHERE user_id = ? AND version > ?", user_id, version
            )
            if version is None:
                return orphaned
            if await self.load_backup(tx, user_id, version) is None:
                orphaned.append(version)

    async def load_session(
        self, tx: Read, user_id: str, version: int, room_id: str, session_id: str
    ) -> BackedUpSession | None:
        row = await tx.fetch_row(
            "SELECT first_message_index, forwarded_count, is_verified, session_data FROM key_backup_sessions"
            f" WHERE {_VERSION} AND room_id = ? AND session_id = ?",
            user_id,
            version,
            room_id,
            session_id,
        )
        return None if row is None else BackedUpSession(row[0], row[1], bool(row[2]), row[3])

    async def load_sessions(
        self, tx: Read, user_id: str, version: int, room_id: str | None, after: tuple[str, str], count_max: int
    ) -> list[tuple[str, str, BackedUpSession]]:
        clause, values = _build_scope(user_id, version, room_id, None)
        rows = await tx.fetch(
            "SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM key_backup_sessions"
            f" WHERE {clause} AND (room_id, session_id) > (?, ?) ORDER BY room_id, session_id LIMIT ?",
            *values,
            *after,
            count_max,
        )
        return [(row[0], row[1], BackedUpSession(row[2], row[3], bool(row[4]), row[5])) for row in rows]

    async def store_session(
        self, tx: Transaction, user_id: str, version: int, room_id: str, session_id: str, session: BackedUpSession
    ) -> None:
        await tx.execute(
            "INSERT INTO key_backup_sessions (user_id, version, room_id, session_id, first_message_index, forwarded_count,"
            " is_verified, session_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, version, room_id, session_id)"
            " DO UPDATE SET first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,"
            " is_verified = excluded.is_verified, session_data = excluded.session_data",
            user_id,
            version,
            room_id,
            session_id,
            session.first_message_index,
            session.forwarded_count,
            int(session.is_verified),
            session.session_data,
        )

    async def delete_sessions(
        self, tx: Transaction, user_id: str, version: int, room_id: str | None, session_id: str | None, count_max: int
    ) -> tuple[int, int]:
        clause, values = _build_scope(user_id, version, room_id, session_id)
        rows = await tx.fetch(
            f"SELECT room_id, session_id, LENGTH(session_data) FROM key_backup_sessions WHERE {clause} LIMIT ?",
            *values,
            count_max,
        )
        if rows:
            await tx.execute_many(
                f"DELETE FROM key_backup_sessions WHERE {_VERSION} AND room_id = ? AND session_id = ?",
                [(user_id, version, room, session) for room, session, _ in rows],
            )
        return len(rows), sum(size for _, _, size in rows)

    async def delete_all_backups(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM key_backups WHERE user_id = ?", user_id)

    async def forget_versions(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM key_backup_versions WHERE user_id = ?", user_id)
