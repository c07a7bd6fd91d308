"""`ports.stores.receipts` in SQL."""

from collections.abc import Sequence

from zajil.ports.database import Read, Transaction, Value
from zajil.ports.stores.receipts import Receipt, UnreadCheckpoint

_COLUMNS = "user_id, receipt_type, thread_id, event_id, history, history_minor, ts_ms, position"


class SqlReceiptStore:
    """Receipts and checkpoints in the tables of 60_receipts.sql."""

    async def load(self, tx: Read, room_nid: int, user_id: str, receipt_type: str, thread_id: str) -> Receipt | None:
        row = await tx.fetch_row(
            f"SELECT {_COLUMNS} FROM receipts WHERE room_nid = ? AND user_id = ? AND receipt_type = ? AND thread_id = ?",
            room_nid,
            user_id,
            receipt_type,
            thread_id,
        )
        return None if row is None else Receipt(*row)

    async def load_newest(self, tx: Read, room_nid: int, limit: int) -> list[Receipt]:
        return await self._load(tx, "room_nid = ?", limit, room_nid)

    async def load_changes(self, tx: Read, room_nid: int, after: int, limit: int) -> list[Receipt]:
        return await self._load(tx, "room_nid = ? AND position > ?", limit, room_nid, after)

    async def load_from_history(self, tx: Read, room_nid: int, history: int, limit: int) -> list[Receipt]:
        return await self._load(tx, "room_nid = ? AND history >= ?", limit, room_nid, history)

    async def load_of_user(self, tx: Read, room_nid: int, user_id: str, limit: int) -> list[Receipt]:
        return await self._load(tx, "room_nid = ? AND user_id = ?", limit, room_nid, user_id)

    async def _load(self, tx: Read, where: str, limit: int, *args: Value) -> list[Receipt]:
        sql = f"SELECT {_COLUMNS} FROM receipts WHERE {where} ORDER BY position DESC LIMIT ?"
        return [Receipt(*row) for row in reversed(await tx.fetch(sql, *args, limit))]

    async def load_rooms_read(self, tx: Read, user_id: str, after: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT DISTINCT r.room_id FROM receipts c JOIN rooms r ON r.room_nid = c.room_nid"
            " WHERE c.user_id = ? AND c.position > ?",
            user_id,
            after,
        )
        return [row[0] for row in rows]

    async def store(self, tx: Transaction, room_nid: int, receipt: Receipt) -> None:
        await tx.execute(
            f"INSERT INTO receipts (room_nid, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (room_nid, user_id, receipt_type, thread_id) DO UPDATE SET event_id = excluded.event_id,"
            " history = excluded.history, history_minor = excluded.history_minor, ts_ms = excluded.ts_ms,"
            " position = excluded.position",
            room_nid,
            receipt.user_id,
            receipt.type,
            receipt.thread_id,
            receipt.event_id,
            receipt.history,
            receipt.history_minor,
            receipt.ts_ms,
            receipt.position,
        )

    async def load_checkpoint(self, tx: Read, user_id: str, room_nid: int) -> UnreadCheckpoint | None:
        row = await tx.fetch_row(
            "SELECT user_id, room_nid, counted_to, body FROM unread_checkpoints WHERE user_id = ? AND room_nid = ?",
            user_id,
            room_nid,
        )
        return None if row is None else UnreadCheckpoint(*row)

    async def store_checkpoints(self, tx: Transaction, checkpoints: Sequence[UnreadCheckpoint]) -> None:
        await tx.execute_many(
            "INSERT INTO unread_checkpoints (user_id, room_nid, counted_to, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (user_id, room_nid) DO UPDATE SET counted_to = excluded.counted_to, body = excluded.body",
            [(each.user_id, each.room_nid, each.counted_to, each.body) for each in checkpoints],
        )

    async def delete_user(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM receipts WHERE user_id = ?", user_id)
        await tx.execute("DELETE FROM unread_checkpoints WHERE user_id = ?", user_id)
        await tx.execute("DELETE FROM push_rules WHERE user_id = ?", user_id)


class SqlPushRuleStore:
    """Push rules in the table of 60_receipts.sql."""

    async def load(self, tx: Read, user_id: str) -> bytes:
        stored = await tx.fetch_value("SELECT stored FROM push_rules WHERE user_id = ?", user_id)
        return b"" if stored is None else bytes(stored)

    async def store(self, tx: Transaction, user_id: str, stored: bytes) -> None:
        if not stored:
            await tx.execute("DELETE FROM push_rules WHERE user_id = ?", user_id)
            return
        await tx.execute(
            "INSERT INTO push_rules (user_id, stored) VALUES (?, ?)"
            " ON CONFLICT (user_id) DO UPDATE SET stored = excluded.stored",
            user_id,
            stored,
        )
