"""`ports.stores.devices.DeviceStore` in SQL."""

from collections.abc import Sequence

from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.devices import AccessToken, Device, RefreshToken, Sighting

_DEVICE = "user_id, device_id, display_name, created_ts_ms, last_seen_ts_ms, last_seen_ip"


def _build_device(row: Row) -> Device:
    return Device(row[0], row[1], row[2], row[3], row[4], row[5])


class SqlDeviceStore:
    """Devices and tokens in the tables of 20_accounts.sql."""

    async def load_device(self, tx: Read, user_id: str, device_id: str) -> Device | None:
        row = await tx.fetch_row(
            f"SELECT {_DEVICE} FROM devices WHERE user_id = ? AND device_id = ?", user_id, device_id
        )
        return None if row is None else _build_device(row)

    async def load_devices(self, tx: Read, user_id: str, count_max: int) -> list[Device]:
        sql = f"SELECT {_DEVICE} FROM devices WHERE user_id = ? ORDER BY device_id LIMIT ?"
        return [_build_device(row) for row in await tx.fetch(sql, user_id, count_max)]

    async def count_devices(self, tx: Read, user_id: str) -> int:
        count: int = await tx.fetch_value("SELECT count(*) FROM devices WHERE user_id = ?", user_id)
        return count

    async def store_device(self, tx: Transaction, device: Device) -> bool:
        sql = f"INSERT INTO devices ({_DEVICE}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, device_id) DO NOTHING"
        count = await tx.execute_counting(
            sql,
            device.user_id,
            device.device_id,
            device.display_name,
            device.created_ts_ms,
            device.last_seen_ts_ms,
            device.last_seen_ip,
        )
        return count == 1

    async def store_display_name(self, tx: Transaction, user_id: str, device_id: str, name: str | None) -> None:
        sql = "UPDATE devices SET display_name = ? WHERE user_id = ? AND device_id = ?"
        await tx.execute(sql, name, user_id, device_id)

    async def store_sightings(self, tx: Transaction, sightings: Sequence[Sighting]) -> None:
        sql = "UPDATE devices SET last_seen_ts_ms = ?, last_seen_ip = ? WHERE user_id = ? AND device_id = ?"
        await tx.execute_many(sql, [(each.ts_ms, each.ip, each.user_id, each.device_id) for each in sightings])

    async def delete_device(self, tx: Transaction, user_id: str, device_id: str) -> None:
        await self.delete_tokens(tx, user_id, device_id)
        await tx.execute("DELETE FROM devices WHERE user_id = ? AND device_id = ?", user_id, device_id)

    async def load_access_token(self, tx: Read, token_hash: bytes) -> AccessToken | None:
        sql = (
            "SELECT t.token_id, t.user_id, t.device_id, t.expires_ts_ms, t.refreshed_from, "
            "a.is_guest, a.is_admin, a.is_locked, a.is_suspended, a.created_ts_ms "
            "FROM access_tokens t JOIN accounts a ON a.user_id = t.user_id "
            "WHERE t.token_hash = ? AND a.is_deactivated = 0"
        )
        row = await tx.fetch_row(sql, token_hash)
        if row is None:
            return None
        return AccessToken(
            row[0], row[1], row[2], row[3], row[4], bool(row[5]), bool(row[6]), bool(row[7]), bool(row[8]), row[9]
        )

    async def store_access_token(
        self,
        tx: Transaction,
        token_hash: bytes,
        user_id: str,
        device_id: str,
        created_ts_ms: int,
        expires_ts_ms: int | None,
        refreshed_from: bytes | None,
    ) -> None:
        sql = (
            "INSERT INTO access_tokens "
            "(token_hash, token_id, user_id, device_id, created_ts_ms, expires_ts_ms, refreshed_from) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        token_id = await tx.new_ids(1)
        await tx.execute(sql, token_hash, token_id, user_id, device_id, created_ts_ms, expires_ts_ms, refreshed_from)

    async def delete_tokens(self, tx: Transaction, user_id: str, device_id: str) -> None:
        await tx.execute("DELETE FROM access_tokens WHERE user_id = ? AND device_id = ?", user_id, device_id)
        await tx.execute("DELETE FROM refresh_tokens WHERE user_id = ? AND device_id = ?", user_id, device_id)

    async def load_refresh_token(self, tx: Read, token_hash: bytes) -> RefreshToken | None:
        sql = (
            "SELECT t.user_id, t.device_id, t.refreshed_from, a.is_locked "
            "FROM refresh_tokens t JOIN accounts a ON a.user_id = t.user_id "
            "WHERE t.token_hash = ? AND a.is_deactivated = 0"
        )
        row = await tx.fetch_row(sql, token_hash)
        return None if row is None else RefreshToken(row[0], row[1], row[2], bool(row[3]))

    async def store_refresh_token(
        self,
        tx: Transaction,
        token_hash: bytes,
        user_id: str,
        device_id: str,
        created_ts_ms: int,
        refreshed_from: bytes | None,
    ) -> None:
        sql = (
            "INSERT INTO refresh_tokens (token_hash, user_id, device_id, created_ts_ms, refreshed_from) "
            "VALUES (?, ?, ?, ?, ?)"
        )
        await tx.execute(sql, token_hash, user_id, device_id, created_ts_ms, refreshed_from)

    async def delete_successors(self, tx: Transaction, user_id: str, device_id: str, token_hash: bytes) -> None:
        for table in ("access_tokens", "refresh_tokens"):
            sql = f"DELETE FROM {table} WHERE user_id = ? AND device_id = ? AND refreshed_from = ?"
            await tx.execute(sql, user_id, device_id, token_hash)

    async def delete_predecessor(self, tx: Transaction, user_id: str, device_id: str, token_hash: bytes) -> None:
        old_tokens = (
            "DELETE FROM access_tokens WHERE user_id = ? AND device_id = ? "
            "AND (refreshed_from IS NULL OR refreshed_from <> ?)"
        )
        await tx.execute(old_tokens, user_id, device_id, token_hash)
        await tx.execute("DELETE FROM refresh_tokens WHERE token_hash = ?", token_hash)
        for table in ("access_tokens", "refresh_tokens"):
            sql = f"UPDATE {table} SET refreshed_from = NULL WHERE user_id = ? AND device_id = ? AND refreshed_from = ?"
            await tx.execute(sql, user_id, device_id, token_hash)

    async def store_login_token(
        self, tx: Transaction, token_hash: bytes, user_id: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        await tx.execute("DELETE FROM login_tokens WHERE expires_ts_ms <= ?", now_ms)
        sql = "INSERT INTO login_tokens (token_hash, user_id, expires_ts_ms) VALUES (?, ?, ?)"
        await tx.execute(sql, token_hash, user_id, expires_ts_ms)

    async def use_login_token(self, tx: Transaction, token_hash: bytes, now_ms: int) -> str | None:
        sql = "SELECT user_id FROM login_tokens WHERE token_hash = ? AND expires_ts_ms > ?"
        user_id: str | None = await tx.fetch_value(sql, token_hash, now_ms)
        if await tx.execute_counting("DELETE FROM login_tokens WHERE token_hash = ?", token_hash) == 0:
            return None
        return user_id
