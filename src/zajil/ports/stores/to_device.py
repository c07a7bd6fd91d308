"""Messages to devices (client-server API, "Send-to-Device messaging")."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class ToDeviceMessage:
    """A message on its way to a device."""

    user_id: str
    device_id: str
    position: int
    json: bytes


class ToDeviceStore(Protocol):
    """Messages that have not been acknowledged."""

    async def insert(self, tx: Transaction, messages: Sequence[ToDeviceMessage]) -> None: ...

    async def load(
        self, tx: Read, user_id: str, device_id: str, after: int, up_to: int, count_max: int
    ) -> list[tuple[int, bytes]]:
        """(position, JSON) in order."""

    async def load_waiting(self, tx: Read, user_id: str) -> dict[str, tuple[int, int]]:
        """For each device that has messages waiting, the positions of the oldest and the newest."""

    async def delete_up_to(self, tx: Transaction, user_id: str, device_id: str, position: int) -> None: ...

    async def delete_oldest(self, tx: Transaction, user_id: str, device_id: str, kept_max: int) -> None:
        """Keep only the newest `kept_max` messages."""

    async def delete_device(self, tx: Transaction, user_id: str, device_id: str) -> None: ...
