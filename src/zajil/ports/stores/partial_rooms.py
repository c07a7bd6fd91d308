"""Rooms that were joined with a part of their state (server-server API, "Joining Rooms", `omit_members`)."""

from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class PartialRoom:
    """What is known of a room's state until the rest is here."""

    room_nid: int
    join_nid: int
    resident: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaitingPdu:
    """An event that waits for the rest of its room's state, or for its sender's turn. `json` is the PDU."""

    room_nid: int
    origin: str
    event_id: str
    json: bytes


class PartialRoomStore(Protocol):
    """Such rooms, and the events that wait for their being complete."""

    async def store(self, tx: Transaction, room: PartialRoom) -> None: ...

    async def load(self, tx: Read, room_nid: int) -> PartialRoom | None:
        """None for rooms whose state is complete."""

    async def load_unfinished(self, tx: Read) -> list[str]:
        """IDs of rooms whose state is not complete, or that have events waiting for it."""

    async def complete(self, tx: Transaction, room_nid: int, position: int) -> None: ...

    async def load_snapshots(self, tx: Read, room_nid: int, join_nid: int, history: int) -> list[int]:
        """The snapshots around all events of a room from the join on, which has its place in history at `history`."""

    async def rewrite_snapshot(
        self, tx: Transaction, snapshot_id: int, members_root: bytes, rest_root: bytes
    ) -> None: ...

    async def insert_pdu(self, tx: Transaction, pdu: WaitingPdu, arrival: int) -> None: ...

    async def count_pdus(self, tx: Read, room_nid: int) -> int: ...

    async def load_pdus(self, tx: Read, room_nid: int, limit: int) -> list[WaitingPdu]:
        """In the order of their arrival."""

    async def delete_pdu(self, tx: Transaction, room_nid: int, event_id: str) -> None: ...
