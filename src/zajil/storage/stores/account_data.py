"""`ports.stores.account_data` in SQL."""

from typing import Any

import orjson

from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.account_data import AccountData

_COLUMNS = "room_id, type, content, position"


def _build(row: Row) -> AccountData:
    return AccountData(row[0], row[1], bytes(row[2]), row[3])


class SqlAccountDataStore:
    """Account data in the tables of 25_user_data.sql."""

    async def load(self, tx: Read, user_id: str, room_id: str, type: str) -> dict[str, Any] | None:
        sql = "SELECT content FROM account_data WHERE user_id = ? AND room_id = ? AND type = ?"
        content = await tx.fetch_value(sql, user_id, room_id, type)
        return None if content is None else orjson.loads(content)

    async def load_all(self, tx: Read, user_id: str) -> list[AccountData]:
        sql = f"SELECT {_COLUMNS} FROM account_data WHERE user_id = ? ORDER BY room_id, type"
        return [_build(row) for row in await tx.fetch(sql, user_id)]

    async def load_of_room(self, tx: Read, user_id: str, room_id: str) -> list[AccountData]:
        sql = f"SELECT {_COLUMNS} FROM account_data WHERE user_id = ? AND room_id = ? ORDER BY type"
        return [_build(row) for row in await tx.fetch(sql, user_id, room_id)]

    async def load_changes(self, tx: Read, user_id: str, after: int, up_to: int) -> list[AccountData]:
        sql = (
            f"SELECT {_COLUMNS} FROM account_data "
            "WHERE user_id = ? AND position > ? AND position <= ? ORDER BY position"
        )
        return [_build(row) for row in await tx.fetch(sql, user_id, after, up_to)]

    async def count(self, tx: Read, user_id: str) -> int:
        count: int = await tx.fetch_value("SELECT count(*) FROM account_data WHERE user_id = ?", user_id)
        return count

    async def store(self, tx: Transaction, user_id: str, entry: AccountData) -> None:
        sql = (
            "INSERT INTO account_data (user_id, room_id, type, content, position) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = excluded.content, position = excluded.position"
        )
        await tx.execute(sql, user_id, entry.room_id, entry.type, entry.content, entry.position)

    async def delete_all(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM account_data WHERE user_id = ?", user_id)


class SqlFilterStore:
    """Filters in the table of 25_user_data.sql."""

    async def load(self, tx: Read, user_id: str, filter_id: str) -> dict[str, Any] | None:
        json = await tx.fetch_value("SELECT json FROM filters WHERE user_id = ? AND filter_id = ?", user_id, filter_id)
        return None if json is None else orjson.loads(json)

    async def store(
        self, tx: Transaction, user_id: str, filter_id: str, json: bytes, created_ts_ms: int, filters_max: int
    ) -> None:
        sql = (
            "INSERT INTO filters (user_id, filter_id, json, created_ts_ms) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (user_id, filter_id) DO UPDATE SET created_ts_ms = excluded.created_ts_ms"
        )
        await tx.execute(sql, user_id, filter_id, json, created_ts_ms)
        oldest = (
            "DELETE FROM filters WHERE user_id = ? AND filter_id IN (SELECT filter_id FROM filters "
            "WHERE user_id = ? ORDER BY created_ts_ms DESC, filter_id LIMIT 1000 OFFSET ?)"
        )
        await tx.execute(oldest, user_id, user_id, filters_max)

    async def delete_all(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM filters WHERE user_id = ?", user_id)
