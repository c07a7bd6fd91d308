"""`ports.stores.server_keys.ServerKeyStore` in SQL."""

from collections.abc import Sequence

from zajil.core.server_keys import ServerKey
from zajil.ports.database import Read, Transaction


class SqlServerKeyStore:
    """Keys in the table of 80_federation.sql."""

    async def load_keys(self, tx: Read, server_name: str) -> list[ServerKey]:
        sql = "SELECT key_id, public_key, valid_until_ts, is_retired FROM server_keys WHERE server_name = ? ORDER BY key_id"
        return [
            ServerKey(server_name, key_id, bytes(public_key), valid_until_ts, bool(is_retired))
            for key_id, public_key, valid_until_ts, is_retired in await tx.fetch(sql, server_name)
        ]

    async def store_keys(self, tx: Transaction, keys: Sequence[ServerKey], answer: bytes, now_ms: int) -> None:
        # A key that was once published as retired stays so, and its time may only become earlier: nobody can take the past back.
        sql = (
            "INSERT INTO server_keys (server_name, key_id, public_key, valid_until_ts, is_retired, fetched_ts, answer) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (server_name, key_id) DO UPDATE SET "
            "valid_until_ts = CASE WHEN server_keys.is_retired = 1 AND excluded.is_retired = 0 THEN server_keys.valid_until_ts "
            "WHEN server_keys.is_retired = 1 AND excluded.valid_until_ts > server_keys.valid_until_ts "
            "THEN server_keys.valid_until_ts ELSE excluded.valid_until_ts END, "
            "is_retired = CASE WHEN server_keys.is_retired = 1 THEN 1 ELSE excluded.is_retired END, "
            "fetched_ts = excluded.fetched_ts, answer = excluded.answer "
            "WHERE server_keys.public_key = excluded.public_key"
        )
        await tx.execute_many(
            sql,
            [
                (
                    key.server_name,
                    key.key_id,
                    key.public_key,
                    key.valid_until_ts,
                    int(key.is_retired),
                    now_ms,
                    answer,
                )
                for key in keys
            ],
        )

    async def load_answers(self, tx: Read, server_name: str) -> list[tuple[str, int, bytes]]:
        sql = "SELECT key_id, valid_until_ts, answer FROM server_keys WHERE server_name = ? ORDER BY key_id"
        return [
            (key_id, valid_until, bytes(answer)) for key_id, valid_until, answer in await tx.fetch(sql, server_name)
        ]
