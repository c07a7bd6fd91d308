"""The part of the pusher store that is the same for all engines."""

from collections.abc import Sequence

from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.pushers import BADGE_ONLY, Pusher

_PUSHER = (
    "p.pusher_nid, p.user_id, p.app_id, p.pushkey, p.device_id, p.json, p.set_ts_ms, p.position, p.failures,"
    " p.failing_since_ts_ms"
)


def _build_pusher(row: Row) -> Pusher:
    return Pusher(*row)


class SqlPusherStore:
    """Pushers in the tables of 61_pushers.sql; how the log is walked is the engines' own."""

    async def has_any(self, tx: Read) -> bool:
        return await tx.fetch_value("SELECT 1 FROM pushers LIMIT 1") is not None

    async def load_of_user(self, tx: Read, user_id: str) -> list[Pusher]:
        rows = await tx.fetch(f"SELECT {_PUSHER} FROM pushers p WHERE p.user_id = ? ORDER BY p.pusher_nid", user_id)
        return [_build_pusher(row) for row in rows]

    async def load_of_members(self, tx: Read, room_nid: int) -> list[Pusher]:
        rows = await tx.fetch(
            f"SELECT {_PUSHER} FROM memberships m JOIN pushers p ON p.user_id = m.user_id"
            " WHERE m.room_nid = ? AND m.membership = 'join'",
            room_nid,
        )
        return [_build_pusher(row) for row in rows]

    async def store(self, tx: Transaction, pusher: Pusher) -> None:
        await tx.execute(
            "INSERT INTO pushers (pusher_nid, user_id, app_id, pushkey, device_id, json, set_ts_ms, position)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, app_id, pushkey) DO UPDATE SET"
            " device_id = excluded.device_id, json = excluded.json, set_ts_ms = excluded.set_ts_ms,"
            " failures = 0, failing_since_ts_ms = NULL,"
            " due_ts_ms = CASE WHEN pushers.due_ts_ms IS NULL THEN NULL ELSE excluded.set_ts_ms END",
            pusher.pusher_nid,
            pusher.user_id,
            pusher.app_id,
            pusher.pushkey,
            pusher.device_id,
            pusher.json,
            pusher.set_ts_ms,
            pusher.position,
        )

    async def delete(self, tx: Transaction, pusher_nid: int) -> None:
        await tx.execute("DELETE FROM push_queue WHERE pusher_nid = ?", pusher_nid)
        await tx.execute("DELETE FROM pushers WHERE pusher_nid = ?", pusher_nid)

    async def _delete_where(self, tx: Transaction, where: str, *args: str) -> bool:
        rows = await tx.fetch(f"SELECT pusher_nid FROM pushers WHERE {where}", *args)
        for row in rows:
            await self.delete(tx, row[0])
        return bool(rows)

    async def delete_others(self, tx: Transaction, app_id: str, pushkey: str, user_id: str) -> None:
        await self._delete_where(tx, "app_id = ? AND pushkey = ? AND user_id <> ?", app_id, pushkey, user_id)

    async def delete_key(self, tx: Transaction, user_id: str, app_id: str, pushkey: str) -> bool:
        return await self._delete_where(tx, "user_id = ? AND app_id = ? AND pushkey = ?", user_id, app_id, pushkey)

    async def delete_device(self, tx: Transaction, user_id: str, device_id: str) -> None:
        await self._delete_where(tx, "user_id = ? AND device_id = ?", user_id, device_id)

    async def delete_user(self, tx: Transaction, user_id: str) -> None:
        await self._delete_where(tx, "user_id = ?", user_id)

    async def load_progress(self, tx: Read) -> int:
        reached: int = await tx.fetch_value("SELECT reached FROM push_progress WHERE only_row = 1")
        return reached

    async def store_progress(self, tx: Transaction, expected: int, reached: int) -> bool:
        return bool(
            await tx.execute_counting(
                "UPDATE push_progress SET reached = ? WHERE only_row = 1 AND reached = ?", reached, expected
            )
        )

    async def insert_waiting(self, tx: Transaction, waiting: Sequence[tuple[int, int]], now_ms: int) -> None:
        await tx.execute_many(
            "INSERT INTO push_queue (pusher_nid, event_nid) SELECT pusher_nid, CAST(? AS BIGINT) FROM pushers"
            " WHERE pusher_nid = ? ON CONFLICT DO NOTHING",
            [(event_nid, pusher_nid) for pusher_nid, event_nid in waiting],
        )
        await tx.execute_many(
            "UPDATE pushers SET due_ts_ms = ? WHERE pusher_nid = ? AND due_ts_ms IS NULL",
            [(now_ms, pusher_nid) for pusher_nid in sorted({pusher_nid for pusher_nid, _ in waiting})],
        )

    async def insert_badge(self, tx: Transaction, user_id: str, now_ms: int, *, except_app_id: str) -> None:
        rows = await tx.fetch(
            "SELECT pusher_nid FROM pushers WHERE user_id = ? AND app_id <> ?", user_id, except_app_id
        )
        if rows:
            await self.insert_waiting(tx, [(row[0], BADGE_ONLY) for row in rows], now_ms)

    async def claim_due(self, tx: Transaction, now_ms: int, until_ms: int, count_max: int) -> list[Pusher]:
        rows = await tx.fetch(
            f"SELECT {_PUSHER} FROM pushers p WHERE p.due_ts_ms <= ? ORDER BY p.due_ts_ms LIMIT ?", now_ms, count_max
        )
        claimed = []
        for row in rows:
            if await tx.execute_counting(
                "UPDATE pushers SET due_ts_ms = ? WHERE pusher_nid = ? AND due_ts_ms <= ?", until_ms, row[0], now_ms
            ):
                claimed.append(_build_pusher(row))
        return claimed

    async def release(self, tx: Transaction, pusher_nids: Sequence[int], now_ms: int) -> None:
        await tx.execute_many(
            "UPDATE pushers SET due_ts_ms = ? WHERE pusher_nid = ? AND due_ts_ms IS NOT NULL",
            [(now_ms, pusher_nid) for pusher_nid in pusher_nids],
        )

    async def load_next_due(self, tx: Read) -> int | None:
        due: int | None = await tx.fetch_value(
            "SELECT due_ts_ms FROM pushers WHERE due_ts_ms IS NOT NULL ORDER BY due_ts_ms LIMIT 1"
        )
        return due

    async def load_waiting(self, tx: Read, pusher_nid: int, count_max: int) -> list[int]:
        rows = await tx.fetch(
            "SELECT event_nid FROM push_queue WHERE pusher_nid = ? ORDER BY event_nid LIMIT ?", pusher_nid, count_max
        )
        return [row[0] for row in rows]

    async def delete_waiting(self, tx: Transaction, pusher_nid: int, event_nids: Sequence[int]) -> None:
        await tx.execute_many(
            "DELETE FROM push_queue WHERE pusher_nid = ? AND event_nid = ?",
            [(pusher_nid, event_nid) for event_nid in event_nids],
        )

    async def delete_oldest(self, tx: Transaction, pusher_nid: int, kept_max: int) -> None:
        await tx.execute(
            "DELETE FROM push_queue WHERE pusher_nid = ? AND event_nid <= (SELECT event_nid FROM push_queue"
            " WHERE pusher_nid = ? ORDER BY event_nid DESC LIMIT 1 OFFSET ?)",
            pusher_nid,
            pusher_nid,
            kept_max,
        )

    async def settle(self, tx: Transaction, pusher_nid: int, now_ms: int) -> None:
        waiting = await tx.fetch_value("SELECT 1 FROM push_queue WHERE pusher_nid = ? LIMIT 1", pusher_nid)
        await tx.execute(
            "UPDATE pushers SET failures = 0, failing_since_ts_ms = NULL, due_ts_ms = ? WHERE pusher_nid = ?",
            None if waiting is None else now_ms,
            pusher_nid,
        )

    async def postpone(
        self, tx: Transaction, pusher_nid: int, failures: int, failing_since_ts_ms: int, due_ts_ms: int
    ) -> None:
        await tx.execute(
            "UPDATE pushers SET failures = ?, failing_since_ts_ms = ?, due_ts_ms = ? WHERE pusher_nid = ?",
            failures,
            failing_since_ts_ms,
            due_ts_ms,
            pusher_nid,
        )
