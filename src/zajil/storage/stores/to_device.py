"""The store of messages to devices."""

from collections.abc import Sequence

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.to_device import ToDeviceMessage


class SqlToDeviceStore:
    """`ports.stores.to_device.ToDeviceStore`."""

    async def insert(self, tx: Transaction, messages: Sequence[ToDeviceMessage]) -> None:
        await tx.execute_many(
            "INSERT INTO to_device (user_id, device_id, position, json) VALUES (?, ?, ?, ?)",
            [(each.user_id, each.device_id, each.position, each.json) for each in messages],
        )

    async def load(
        self, tx: Read, user_id: str, device_id: str, after: int, up_to: int, count_max: int
    ) -> list[tuple[int, bytes]]:
        rows = await tx.fetch(
            "SELECT position, json FROM to_device WHERE user_id = ? AND device_id = ? AND position > ? AND position <= ?"
            " ORDER BY position LIMIT ?",
            user_id,
            device_id,
            after,
            up_to,
            count_max,
        )
        return [(position, json) for position, json in rows]

    async def load_waiting(self, tx: Read, user_id: str) -> dict[str, tuple[int, int]]:
        rows = await tx.fetch(
            "SELECT device_id, MIN(position), MAX(position) FROM to_device WHERE user_id = ? GROUP BY device_id",
            user_id,
        )
        return {device_id: (oldest, newest) for device_id, oldest, newest in rows}

    async def delete_up_to(self, tx: Transaction, user_id: str, device_id: str, position: int) -> None:
        await tx.execute(
            "DELETE FROM to_device WHERE user_id = ? AND device_id = ? AND position <= ?", user_id, device_id, position
        )

    async def delete_oldest(self, tx: Transaction, user_id: str, device_id: str, kept_max: int) -> None:
        await tx.execute(
            "DELETE FROM to_device WHERE user_id = ? AND device_id = ? AND position <= (SELECT position FROM to_device"
            " WHERE user_id = ? AND device_id = ? ORDER BY position DESC LIMIT 1 OFFSET ?)",
            user_id,
            device_id,
            user_id,
            device_id,
            kept_max,
        )

    async def delete_device(self, tx: Transaction, user_id: str, device_id: str) -> None:
        await tx.execute("DELETE FROM to_device WHERE user_id = ? AND device_id = ?", user_id, device_id)
