"""This process's memory of read receipts, by room: what a sync with no news about them asks the database nothing for."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from zajil.ports.database import Read
from zajil.ports.stores.receipts import Receipt
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

RECEIPTS_PER_ROOM_MAX: Final = 1_000
RECEIPTS_MAX: Final = 300_000
"""Remembered, of all rooms together."""


class RoomReceipts:
    """A room's latest receipts, in the order of their positions."""

    __slots__ = ("_by_key", "complete_from")

    def __init__(self, receipts: list[Receipt], complete_from: int) -> None:
        self._by_key = {receipt.key: receipt for receipt in receipts}
        self.complete_from = complete_from
        """Every receipt with a position greater than this is here; -1 when simply every one is."""

    def __len__(self) -> int:
        return len(self._by_key)

    def newest_first(self) -> Iterator[Receipt]:
        return reversed(self._by_key.values())

    def put(self, receipt: Receipt) -> None:
        self._by_key.pop(receipt.key, None)
        self._by_key[receipt.key] = receipt
        if len(self._by_key) > RECEIPTS_PER_ROOM_MAX:
            oldest = self._by_key.pop(next(iter(self._by_key)))
            self.complete_from = oldest.position


class ReceiptMemory:
    """Receipts of the rooms asked for lately."""

    def __init__(self, app: App) -> None:
        self._rooms: OrderedDict[str, RoomReceipts] = OrderedDict()
        self._count = 0
        self._generation = 0
        app.notifier.foreign.append(self.forget_all)

    def forget_all(self) -> None:
        self._generation += 1
        self._rooms.clear()
        self._count = 0

    def put(self, room_id: str, receipt: Receipt) -> None:
        """A receipt is on disk."""
        self._generation += 1
        room = self._rooms.get(room_id)
        if room is not None:
            self._count -= len(room)
            room.put(receipt)
            self._count += len(room)

    async def load(self, app: App, tx: Read, head: RoomHead) -> RoomReceipts:
        """A room's latest receipts."""
        room = self._rooms.get(head.room_id)
        if room is not None:
            return room
        generation = self._generation
        receipts = await app.stores.receipts.load_newest(tx, head.row.room_nid, RECEIPTS_PER_ROOM_MAX)
        complete = len(receipts) < RECEIPTS_PER_ROOM_MAX
        room = RoomReceipts(receipts, -1 if complete else receipts[0].position)
        if generation == self._generation:
            self._rooms[head.room_id] = room
            self._count += len(room)
            while self._count > RECEIPTS_MAX or len(self._rooms) > RECEIPTS_MAX:
                _, forgotten = self._rooms.popitem(last=False)
                self._count -= len(forgotten)
        return room
