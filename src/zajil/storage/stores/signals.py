"""The store of presence and of the delivered signal."""

from collections.abc import Sequence

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.signals import DeliveredMark, Unmarked

NEIGHBOURS_MAX = 1_000


class SqlSignalStore:
    """`ports.stores.signals.SignalStore`."""

    async def load_small_rooms(self, tx: Read, user_id: str, members_max: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT r.room_id FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid"
            " WHERE m.user_id = ? AND m.membership = 'join' AND r.joined_count <= ?",
            user_id,
            members_max,
        )
        return [row[0] for row in rows]

    async def load_near(self, tx: Read, user_id: str, members_max: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT DISTINCT o.user_id FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid"
            " JOIN memberships o ON o.room_nid = m.room_nid"
            " WHERE m.user_id = ? AND m.membership = 'join' AND r.joined_count <= ? AND o.membership = 'join' LIMIT ?",
            user_id,
            members_max,
            NEIGHBOURS_MAX,
        )
        return [row[0] for row in rows]

    async def load_neighbours(self, tx: Read, user_id: str, members_max: int, seen_since_ms: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT DISTINCT d.user_id FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid"
            " JOIN memberships o ON o.room_nid = m.room_nid JOIN devices d ON d.user_id = o.user_id"
            " WHERE m.user_id = ? AND m.membership = 'join' AND r.joined_count <= ? AND o.membership = 'join'"
            " AND d.last_seen_ts_ms >= ? LIMIT ?",
            user_id,
            members_max,
            seen_since_ms,
            NEIGHBOURS_MAX,
        )
        return [row[0] for row in rows]

    async def load_marks(self, tx: Read, room_nid: int) -> list[DeliveredMark]:
        rows = await tx.fetch(
            "SELECT d.room_nid, d.user_id, d.event_id, d.position, d.ts_ms, d.noted_at FROM delivered d"
            " JOIN memberships m ON m.room_nid = d.room_nid AND m.user_id = d.user_id"
            " WHERE d.room_nid = ? AND m.membership = 'join'",
            room_nid,
        )
        return [DeliveredMark(*row) for row in rows]

    async def load_rooms_noted_since(self, tx: Read, user_id: str, position: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT r.room_id FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid"
            " WHERE m.user_id = ? AND m.membership = 'join'"
            " AND EXISTS (SELECT 1 FROM delivered d WHERE d.room_nid = m.room_nid AND d.noted_at >= ?)",
            user_id,
            position,
        )
        return [row[0] for row in rows]

    async def load_unmarked(self, tx: Read, user_id: str, members_max: int) -> list[Unmarked]:
        rows = await tx.fetch(
            "SELECT r.room_id, (SELECT e.history FROM events e WHERE e.room_nid = m.room_nid AND e.history IS NOT NULL"
            " ORDER BY e.history DESC, e.history_minor DESC LIMIT 1), coalesce(d.position, 0)"
            " FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid"
            " LEFT JOIN delivered d ON d.room_nid = m.room_nid AND d.user_id = m.user_id"
            " WHERE m.user_id = ? AND m.membership = 'join' AND r.joined_count <= ?",
            user_id,
            members_max,
        )
        return [Unmarked(room_id, marked) for room_id, newest, marked in rows if newest is not None and newest > marked]

    async def store_marks(self, tx: Transaction, marks: Sequence[DeliveredMark]) -> None:
        await tx.execute_many(
            "INSERT INTO delivered (room_nid, user_id, event_id, position, ts_ms, noted_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (room_nid, user_id) DO UPDATE SET event_id = excluded.event_id, position = excluded.position,"
            " ts_ms = excluded.ts_ms, noted_at = excluded.noted_at WHERE delivered.position < excluded.position",
            [(m.room_nid, m.user_id, m.event_id, m.position, m.ts_ms, m.noted_at) for m in marks],
        )
