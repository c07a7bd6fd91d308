"""The store of device-list changes."""

from collections.abc import Sequence

from zajil.core.sync_tokens import NUMBER_MAX
from zajil.ports.database import Read, Transaction
from zajil.storage.stores.lists import chunks


def _is_encrypted(room_nid: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM current_state e WHERE e.room_nid = {room_nid}"
        " AND e.type = 'm.room.encryption' AND e.state_key = '')"
    )


_SHARES_WITH = (
    "EXISTS (SELECT 1 FROM memberships mine WHERE mine.room_nid = theirs.room_nid AND mine.user_id = ?"
    " AND mine.membership = 'join')"
)


class SqlDeviceListStore:
    """`ports.stores.device_lists.DeviceListStore`."""

    async def store_change(self, tx: Transaction, user_id: str, position: int) -> None:
        await tx.execute(
            "INSERT INTO device_list_changes (user_id, position) VALUES (?, ?)"
            " ON CONFLICT (user_id) DO UPDATE SET position = excluded.position",
            user_id,
            position,
        )

    async def store_signature_change(self, tx: Transaction, signer: str, target: str, position: int) -> None:
        await tx.execute(
            "INSERT INTO signature_changes (signer_user_id, target_user_id, position) VALUES (?, ?, ?)"
            " ON CONFLICT (signer_user_id, target_user_id) DO UPDATE SET position = excluded.position",
            signer,
            target,
            position,
        )

    async def count_changes(self, tx: Read, since: int, count_max: int) -> int:
        count: int = await tx.fetch_value(
            "SELECT COUNT(*) FROM (SELECT 1 FROM device_list_changes WHERE position > ? LIMIT ?) AS newer",
            since,
            count_max,
        )
        return count

    async def load_changed_users(self, tx: Read, user_id: str, since: int, up_to: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT d.user_id FROM device_list_changes d WHERE d.position > ? AND d.position <= ? AND (d.user_id = ? OR EXISTS"
            f" (SELECT 1 FROM memberships theirs WHERE theirs.user_id = d.user_id AND theirs.membership = 'join' AND {_SHARES_WITH}))",
            since,
            up_to,
            user_id,
            user_id,
        )
        return [row[0] for row in rows]

    async def load_signed_users(self, tx: Read, signer: str, since: int, up_to: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT target_user_id FROM signature_changes WHERE signer_user_id = ? AND position > ? AND position <= ?",
            signer,
            since,
            up_to,
        )
        return [row[0] for row in rows]

    async def load_moved_members(self, tx: Read, user_id: str, since: int) -> list[tuple[int, str, str]]:
        # CROSS JOIN makes SQLite begin with the user's own few rooms; PostgreSQL plans as it likes.
        rows = await tx.fetch(
            "SELECT theirs.room_nid, theirs.user_id, theirs.membership FROM memberships mine CROSS JOIN memberships theirs"
            " WHERE mine.user_id = ? AND mine.membership = 'join' AND theirs.room_nid = mine.room_nid AND theirs.position > ?"
            f" AND theirs.user_id <> mine.user_id AND {_is_encrypted('mine.room_nid')}",
            user_id,
            since,
        )
        return [(room_nid, other_id, membership) for room_nid, other_id, membership in rows]

    async def load_encrypted_rooms(self, tx: Read, room_nids: Sequence[int]) -> list[int]:
        found: list[int] = []
        for marks, piece in chunks(room_nids):
            rows = await tx.fetch(
                "SELECT room_nid FROM current_state WHERE type = 'm.room.encryption' AND state_key = ''"
                f" AND room_nid IN ({marks})",
                *piece,
            )
            found += [row[0] for row in rows]
        return found

    async def load_rooms_encrypted_at(self, tx: Read, room_nids: Sequence[int], position: int) -> list[int]:
        found: list[int] = []
        for marks, piece in chunks(room_nids):
            rows = await tx.fetch(
                "SELECT DISTINCT room_nid FROM events WHERE type = 'm.room.encryption' AND state_key = '' AND history <= ?"
                f" AND room_nid IN ({marks})",
                position,
                *piece,
            )
            found += [row[0] for row in rows]
        return found

    async def load_newly_encrypted_rooms(self, tx: Read, user_id: str, since: int) -> list[int]:
        rows = await tx.fetch(
            "SELECT mine.room_nid FROM memberships mine CROSS JOIN current_state e WHERE mine.user_id = ? AND mine.membership = 'join'"
            " AND e.room_nid = mine.room_nid AND e.type = 'm.room.encryption' AND e.state_key = '' AND e.position > ?",
            user_id,
            since,
        )
        return [row[0] for row in rows]

    async def load_joined_users(self, tx: Read, room_nids: Sequence[int], up_to: int | None = None) -> set[str]:
        found: set[str] = set()
        for marks, piece in chunks(room_nids):
            rows = await tx.fetch(
                f"SELECT user_id FROM memberships WHERE room_nid IN ({marks}) AND membership = 'join' AND position <= ?",
                *piece,
                NUMBER_MAX if up_to is None else up_to,
            )
            found.update(row[0] for row in rows)
        return found

    async def load_moved_users(self, tx: Read, room_nids: Sequence[int], since: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for marks, piece in chunks(room_nids):
            rows = await tx.fetch(
                f"SELECT DISTINCT room_nid, user_id FROM memberships WHERE room_nid IN ({marks}) AND position > ?",
                *piece,
                since,
            )
            found += [(room_nid, user_id) for room_nid, user_id in rows]
        return found

    async def load_sharing_users(self, tx: Read, user_id: str, among: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for marks, piece in chunks(among):
            rows = await tx.fetch(
                f"SELECT DISTINCT theirs.user_id FROM memberships theirs WHERE theirs.user_id IN ({marks})"
                f" AND theirs.membership = 'join' AND {_SHARES_WITH} AND {_is_encrypted('theirs.room_nid')}",
                *piece,
                user_id,
            )
            found.update(row[0] for row in rows)
        return found
