"""`ports.stores.partial_rooms.PartialRoomStore` in SQL."""

import orjson

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.partial_rooms import PartialRoom, WaitingPdu
from zajil.storage.stores.lists import chunks


class SqlPartialRoomStore:
    """Rooms in the tables of 81_partial_rooms.sql."""

    async def store(self, tx: Transaction, room: PartialRoom) -> None:
        await tx.execute(
            "INSERT INTO partial_rooms (room_nid, join_nid, resident, servers, completed_position)"
            " VALUES (?, ?, ?, ?, NULL) ON CONFLICT (room_nid) DO UPDATE SET join_nid = excluded.join_nid,"
            " resident = excluded.resident, servers = excluded.servers, completed_position = NULL",
            room.room_nid,
            room.join_nid,
            room.resident,
            orjson.dumps(room.servers),
        )

    async def load(self, tx: Read, room_nid: int) -> PartialRoom | None:
        row = await tx.fetch_row(
            "SELECT join_nid, resident, servers FROM partial_rooms WHERE room_nid = ? AND completed_position IS NULL",
            room_nid,
        )
        return None if row is None else PartialRoom(room_nid, row[0], row[1], tuple(orjson.loads(row[2])))

    async def load_unfinished(self, tx: Read) -> list[str]:
        sql = "SELECT room_nid FROM partial_rooms WHERE completed_position IS NULL"
        found = {room_nid for (room_nid,) in await tx.fetch(sql)}
        # From one room to the next: the events themselves are never walked through.
        room_nid: int | None = 0
        while room_nid is not None:
            found.add(room_nid)
            room_nid = await tx.fetch_value("SELECT min(room_nid) FROM partial_pdus WHERE room_nid > ?", room_nid)
        room_ids: list[str] = []
        for marks, piece in chunks(sorted(found)):
            rows = await tx.fetch(f"SELECT room_id FROM rooms WHERE room_nid IN ({marks})", *piece)
            room_ids += [room_id for (room_id,) in rows]
        return sorted(room_ids)

    async def complete(self, tx: Transaction, room_nid: int, position: int) -> None:
        await tx.execute("UPDATE partial_rooms SET completed_position = ? WHERE room_nid = ?", position, room_nid)

    async def load_snapshots(self, tx: Read, room_nid: int, join_nid: int, history: int) -> list[int]:
        found: set[int] = set()
        course = (
            "SELECT s.snapshot_before, s.snapshot_after FROM events e JOIN event_states s ON s.event_nid = e.event_nid"
            " WHERE e.room_nid = ? AND e.history IS NOT NULL AND (e.history, e.history_minor) >= (?, 0)"
        )
        branches = (
            "SELECT s.snapshot_before, s.snapshot_after FROM branch_states s JOIN events e ON e.event_nid = s.event_nid"
            " WHERE s.event_nid >= ? AND e.room_nid = ?"
        )
        for row in (await tx.fetch(course, room_nid, history), await tx.fetch(branches, join_nid, room_nid)):
            for before, after in row:
                found |= {before, after}
        return sorted(found)

    async def rewrite_snapshot(self, tx: Transaction, snapshot_id: int, members_root: bytes, rest_root: bytes) -> None:
        await tx.execute(
            "UPDATE state_snapshots SET members_root = ?, rest_root = ? WHERE snapshot_id = ?",
            members_root,
            rest_root,
            snapshot_id,
        )

    async def insert_pdu(self, tx: Transaction, pdu: WaitingPdu, arrival: int) -> None:
        await tx.execute(
            "INSERT INTO partial_pdus (room_nid, arrival, origin, event_id, json) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            pdu.room_nid,
            arrival,
            pdu.origin,
            pdu.event_id,
            pdu.json,
        )

    async def count_pdus(self, tx: Read, room_nid: int) -> int:
        return int(await tx.fetch_value("SELECT count(*) FROM partial_pdus WHERE room_nid = ?", room_nid))

    async def load_pdus(self, tx: Read, room_nid: int, limit: int) -> list[WaitingPdu]:
        sql = "SELECT origin, event_id, json FROM partial_pdus WHERE room_nid = ? ORDER BY arrival LIMIT ?"
        return [
            WaitingPdu(room_nid, origin, event_id, bytes(json))
            for origin, event_id, json in await tx.fetch(sql, room_nid, limit)
        ]

    async def delete_pdu(self, tx: Transaction, room_nid: int, event_id: str) -> None:
        await tx.execute("DELETE FROM partial_pdus WHERE room_nid = ? AND event_id = ?", room_nid, event_id)
