"""The directory store."""

from collections.abc import Sequence
from typing import Any

import orjson

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.directory import Alias, PublishedRoom


class SqlDirectoryStore:
    """`ports.stores.directory.DirectoryStore`."""

    async def load_alias(self, tx: Read, room_alias: str) -> Alias | None:
        row = await tx.fetch_row(
            "SELECT a.room_alias, r.room_id, a.room_nid, a.creator FROM room_aliases a"
            " JOIN rooms r ON r.room_nid = a.room_nid WHERE a.room_alias = ?",
            room_alias,
        )
        return None if row is None else Alias(*row)

    async def load_aliases(self, tx: Read, room_nid: int) -> list[Alias]:
        rows = await tx.fetch(
            "SELECT a.room_alias, r.room_id, a.room_nid, a.creator FROM room_aliases a"
            " JOIN rooms r ON r.room_nid = a.room_nid WHERE a.room_nid = ? ORDER BY a.room_alias",
            room_nid,
        )
        return [Alias(*row) for row in rows]

    async def count_aliases(self, tx: Read, room_nid: int) -> int:
        count: int = await tx.fetch_value("SELECT count(*) FROM room_aliases WHERE room_nid = ?", room_nid)
        return count

    async def store_alias(self, tx: Transaction, room_alias: str, room_nid: int, creator: str, now_ms: int) -> None:
        await tx.execute(
            "INSERT INTO room_aliases (room_alias, room_nid, creator, created_ts_ms) VALUES (?, ?, ?, ?)",
            room_alias,
            room_nid,
            creator,
            now_ms,
        )

    async def delete_alias(self, tx: Transaction, room_alias: str) -> None:
        await tx.execute("DELETE FROM room_aliases WHERE room_alias = ?", room_alias)

    async def move_aliases(self, tx: Transaction, from_nid: int, to_nid: int) -> None:
        await tx.execute("UPDATE room_aliases SET room_nid = ? WHERE room_nid = ?", to_nid, from_nid)

    async def set_published(self, tx: Transaction, room_nid: int, is_public: bool) -> None:
        await tx.execute("UPDATE rooms SET is_public = ? WHERE room_nid = ?", int(is_public), room_nid)

    async def load_published(
        self, tx: Read, start: PublishedRoom | None, *, backwards: bool, limit: int
    ) -> list[PublishedRoom]:
        where, order = ("> (?, ?)", "ASC") if backwards else ("< (?, ?)", "DESC")
        sql = "SELECT joined_count, room_id FROM rooms WHERE is_public = 1 AND joined_count > 0"
        args: list[int | str] = []
        if start is not None:
            sql += f" AND (joined_count, room_id) {where}"
            args = [start.joined_count, start.room_id]
        rows = await tx.fetch(f"{sql} ORDER BY joined_count {order}, room_id {order} LIMIT ?", *args, limit)
        return [PublishedRoom(*row) for row in rows]

    async def count_published(self, tx: Read) -> int:
        count: int = await tx.fetch_value("SELECT count(*) FROM rooms WHERE is_public = 1 AND joined_count > 0")
        return count

    async def load_invite_state(self, tx: Read, room_nid: int, user_id: str) -> list[dict[str, Any]] | None:
        stripped = await tx.fetch_value(
            "SELECT stripped FROM invite_states WHERE room_nid = ? AND user_id = ?", room_nid, user_id
        )
        return None if stripped is None else orjson.loads(stripped)

    async def store_invite_state(
        self, tx: Transaction, room_nid: int, user_id: str, stripped: Sequence[dict[str, Any]]
    ) -> None:
        await tx.execute(
            "INSERT INTO invite_states (room_nid, user_id, stripped) VALUES (?, ?, ?)"
            " ON CONFLICT (room_nid, user_id) DO UPDATE SET stripped = excluded.stripped",
            room_nid,
            user_id,
            orjson.dumps(list(stripped)),
        )

    async def delete_invite_state(self, tx: Transaction, room_nid: int, user_id: str) -> None:
        await tx.execute("DELETE FROM invite_states WHERE room_nid = ? AND user_id = ?", room_nid, user_id)

    async def load_notice_room(self, tx: Read, user_id: str) -> str | None:
        room_id: str | None = await tx.fetch_value("SELECT room_id FROM server_notice_rooms WHERE user_id = ?", user_id)
        return room_id

    async def store_notice_room(self, tx: Transaction, user_id: str, room_id: str) -> None:
        await tx.execute(
            "INSERT INTO server_notice_rooms (user_id, room_id) VALUES (?, ?)"
            " ON CONFLICT (user_id) DO UPDATE SET room_id = excluded.room_id",
            user_id,
            room_id,
        )
