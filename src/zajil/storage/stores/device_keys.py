"""The store of device keys, one-time keys, cross-signing keys and signatures."""

from collections.abc import Sequence

import orjson

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.device_keys import CrossSigningKey, KeyCounts, KeySignature, OneTimeKey, StoredDeviceKeys
from zajil.storage.stores.lists import chunks

ALWAYS_COUNTED = "signed_curve25519"

_DEVICE = "user_id = ? AND device_id = ?"
_DEVICE_TABLES = ("device_keys", "one_time_keys", "claimed_one_time_keys", "fallback_keys", "key_count_changes")


class SqlDeviceKeyStore:
    """`ports.stores.device_keys.DeviceKeyStore`."""

    async def load_device_keys(self, tx: Read, user_ids: Sequence[str]) -> list[StoredDeviceKeys]:
        found: list[StoredDeviceKeys] = []
        for marks, piece in chunks(user_ids):
            rows = await tx.fetch(
                "SELECT k.user_id, k.device_id, k.json, d.display_name FROM device_keys k JOIN devices d"
                f" ON d.user_id = k.user_id AND d.device_id = k.device_id WHERE k.user_id IN ({marks})",
                *piece,
            )
            found += [StoredDeviceKeys(*row) for row in rows]
        return found

    async def load_device_key(self, tx: Read, user_id: str, device_id: str) -> bytes | None:
        json: bytes | None = await tx.fetch_value(f"SELECT json FROM device_keys WHERE {_DEVICE}", user_id, device_id)
        return json

    async def store_device_key(self, tx: Transaction, user_id: str, device_id: str, json: bytes) -> None:
        await tx.execute(
            "DELETE FROM key_signatures WHERE target_user_id = ? AND target_key_id = ?", user_id, device_id
        )
        await tx.execute(
            "INSERT INTO device_keys (user_id, device_id, json) VALUES (?, ?, ?)"
            " ON CONFLICT (user_id, device_id) DO UPDATE SET json = excluded.json",
            user_id,
            device_id,
            json,
        )

    async def load_device_ids(self, tx: Read, user_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for marks, piece in chunks(user_ids):
            for user_id, device_id in await tx.fetch(
                f"SELECT user_id, device_id FROM devices WHERE user_id IN ({marks}) ORDER BY user_id, device_id", *piece
            ):
                found.setdefault(user_id, []).append(device_id)
        return found

    async def load_one_time_keys(self, tx: Read, user_id: str, device_id: str) -> dict[tuple[str, str], bytes]:
        rows = await tx.fetch(f"SELECT algorithm, key_id, json FROM one_time_keys WHERE {_DEVICE}", user_id, device_id)
        return {(algorithm, key_id): json for algorithm, key_id, json in rows}

    async def load_claimed_keys(self, tx: Read, user_id: str, device_id: str) -> dict[tuple[str, str], bytes]:
        rows = await tx.fetch(
            f"SELECT algorithm, key_id, digest FROM claimed_one_time_keys WHERE {_DEVICE}", user_id, device_id
        )
        return {(algorithm, key_id): digest for algorithm, key_id, digest in rows}

    async def insert_one_time_keys(
        self, tx: Transaction, user_id: str, device_id: str, keys: Sequence[OneTimeKey], claimed_max: int
    ) -> None:
        first = await tx.new_ids(len(keys))
        await tx.execute_many(
            "INSERT INTO one_time_keys (user_id, device_id, algorithm, upload_order, key_id, json) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [
                (user_id, device_id, key.algorithm, first + index, key.key_id, key.json)
                for index, key in enumerate(keys)
            ],
        )
        await tx.execute(
            f"DELETE FROM claimed_one_time_keys WHERE {_DEVICE} AND claim_order <= (SELECT claim_order FROM claimed_one_time_keys"
            f" WHERE {_DEVICE} ORDER BY claim_order DESC LIMIT 1 OFFSET ?)",
            user_id,
            device_id,
            user_id,
            device_id,
            claimed_max,
        )

    async def take_one_time_key(
        self, tx: Transaction, user_id: str, device_id: str, algorithm: str
    ) -> tuple[str, bytes] | None:
        while True:
            row = await tx.fetch_row(
                f"SELECT upload_order, key_id, json FROM one_time_keys WHERE {_DEVICE} AND algorithm = ? ORDER BY upload_order LIMIT 1",
                user_id,
                device_id,
                algorithm,
            )
            if row is None:
                return None
            # Another process may have taken it between the two statements: the one whose delete counts has it.
            if await tx.execute_counting(
                f"DELETE FROM one_time_keys WHERE {_DEVICE} AND algorithm = ? AND upload_order = ?",
                user_id,
                device_id,
                algorithm,
                row[0],
            ):
                return row[1], row[2]

    async def remember_claimed(self, tx: Transaction, user_id: str, device_id: str, key: OneTimeKey) -> None:
        await tx.execute(
            "INSERT INTO claimed_one_time_keys (user_id, device_id, algorithm, key_id, digest, claim_order)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, device_id, algorithm, key_id)"
            " DO UPDATE SET digest = excluded.digest, claim_order = excluded.claim_order",
            user_id,
            device_id,
            key.algorithm,
            key.key_id,
            key.digest,
            await tx.new_ids(1),
        )

    async def load_fallback_key(
        self, tx: Read, user_id: str, device_id: str, algorithm: str
    ) -> tuple[OneTimeKey, bool] | None:
        row = await tx.fetch_row(
            f"SELECT key_id, json, is_used FROM fallback_keys WHERE {_DEVICE} AND algorithm = ?",
            user_id,
            device_id,
            algorithm,
        )
        return None if row is None else (OneTimeKey(algorithm, row[0], row[1], b""), bool(row[2]))

    async def store_fallback_key(self, tx: Transaction, user_id: str, device_id: str, key: OneTimeKey) -> None:
        await tx.execute(
            "INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, json, is_used) VALUES (?, ?, ?, ?, ?, 0)"
            " ON CONFLICT (user_id, device_id, algorithm)"
            " DO UPDATE SET key_id = excluded.key_id, json = excluded.json, is_used = 0",
            user_id,
            device_id,
            key.algorithm,
            key.key_id,
            key.json,
        )

    async def mark_fallback_key_used(self, tx: Transaction, user_id: str, device_id: str, algorithm: str) -> None:
        await tx.execute(
            f"UPDATE fallback_keys SET is_used = 1 WHERE {_DEVICE} AND algorithm = ?", user_id, device_id, algorithm
        )

    async def store_key_count_change(self, tx: Transaction, user_id: str, device_id: str, position: int) -> None:
        await tx.execute(
            "INSERT INTO key_count_changes (user_id, device_id, position) VALUES (?, ?, ?)"
            " ON CONFLICT (user_id, device_id) DO UPDATE SET position = excluded.position",
            user_id,
            device_id,
            position,
        )

    async def load_key_counts(self, tx: Read, user_id: str, device_id: str) -> KeyCounts:
        counts = {ALWAYS_COUNTED: 0}
        for algorithm, count in await tx.fetch(
            f"SELECT algorithm, COUNT(*) FROM one_time_keys WHERE {_DEVICE} GROUP BY algorithm", user_id, device_id
        ):
            counts[algorithm] = count
        unused = await tx.fetch(
            f"SELECT algorithm FROM fallback_keys WHERE {_DEVICE} AND is_used = 0 ORDER BY algorithm",
            user_id,
            device_id,
        )
        position = await tx.fetch_value(f"SELECT position FROM key_count_changes WHERE {_DEVICE}", user_id, device_id)
        unused_types = [row[0] for row in unused]
        json = orjson.dumps({"device_one_time_keys_count": counts, "device_unused_fallback_key_types": unused_types})
        return KeyCounts(counts, unused_types, position or 0, json[1:-1])

    async def load_cross_signing_keys(self, tx: Read, user_ids: Sequence[str]) -> list[CrossSigningKey]:
        found: list[CrossSigningKey] = []
        for marks, piece in chunks(user_ids):
            rows = await tx.fetch(
                f"SELECT user_id, usage, public_key, json FROM cross_signing_keys WHERE user_id IN ({marks})", *piece
            )
            found += [CrossSigningKey(*row) for row in rows]
        return found

    async def store_cross_signing_key(self, tx: Transaction, key: CrossSigningKey) -> None:
        await tx.execute(
            "INSERT INTO cross_signing_keys (user_id, usage, public_key, json) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (user_id, usage) DO UPDATE SET public_key = excluded.public_key, json = excluded.json",
            key.user_id,
            key.usage,
            key.public_key,
            key.json,
        )

    async def delete_cross_signing_key(self, tx: Transaction, key: CrossSigningKey) -> None:
        await tx.execute("DELETE FROM cross_signing_keys WHERE user_id = ? AND usage = ?", key.user_id, key.usage)
        await tx.execute(
            "DELETE FROM key_signatures WHERE target_user_id = ? AND target_key_id = ?", key.user_id, key.public_key
        )
        await tx.execute(
            "DELETE FROM key_signatures WHERE signer_user_id = ? AND signer_key_id = ?",
            key.user_id,
            f"ed25519:{key.public_key}",
        )

    async def load_signatures(self, tx: Read, user_ids: Sequence[str], reader_id: str) -> list[KeySignature]:
        found: list[KeySignature] = []
        for marks, piece in chunks(user_ids):
            rows = await tx.fetch(
                "SELECT target_user_id, target_key_id, signer_user_id, signer_key_id, signature FROM key_signatures"
                f" WHERE target_user_id IN ({marks}) AND (signer_user_id = target_user_id OR signer_user_id = ?)",
                *piece,
                reader_id,
            )
            found += [KeySignature(*row) for row in rows]
        return found

    async def store_signatures(self, tx: Transaction, signatures: Sequence[KeySignature]) -> None:
        await tx.execute_many(
            "INSERT INTO key_signatures (target_user_id, target_key_id, signer_user_id, signer_key_id, signature)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (target_user_id, target_key_id, signer_user_id, signer_key_id)"
            " DO UPDATE SET signature = excluded.signature",
            [
                (each.target_user_id, each.target_key_id, each.signer_user_id, each.signer_key_id, each.signature)
                for each in signatures
            ],
        )

    async def delete_device_keys(self, tx: Transaction, user_id: str, device_id: str) -> bool:
        published = await tx.execute_counting(f"DELETE FROM device_keys WHERE {_DEVICE}", user_id, device_id)
        for table in _DEVICE_TABLES[1:]:
            await tx.execute(f"DELETE FROM {table} WHERE {_DEVICE}", user_id, device_id)
        await tx.execute(
            "DELETE FROM key_signatures WHERE target_user_id = ? AND target_key_id = ?", user_id, device_id
        )
        await tx.execute(
            "DELETE FROM key_signatures WHERE signer_user_id = ? AND signer_key_id = ?", user_id, f"ed25519:{device_id}"
        )
        return published > 0

    async def delete_user_keys(self, tx: Transaction, user_id: str) -> None:
        for table in (*_DEVICE_TABLES, "cross_signing_keys"):
            await tx.execute(f"DELETE FROM {table} WHERE user_id = ?", user_id)
        await tx.execute("DELETE FROM key_signatures WHERE target_user_id = ?", user_id)
        await tx.execute("DELETE FROM key_signatures WHERE signer_user_id = ?", user_id)
        await tx.execute("DELETE FROM signature_changes WHERE signer_user_id = ?", user_id)

    async def delete_all_one_time_keys(self, tx: Transaction) -> None:
        await tx.execute("DELETE FROM one_time_keys")
        await tx.execute("UPDATE fallback_keys SET is_used = 1")
