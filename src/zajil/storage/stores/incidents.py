"""`ports.stores.incidents.IncidentStore` in SQL."""

from collections.abc import Sequence

import orjson

from zajil.core.incidents import Incident, dump_incident, load_incident, merge_incidents
from zajil.core.status_history import Cell, dump_cell, load_cell
from zajil.ports.database import Read, Transaction
from zajil.storage.stores.events import TRANSACTION_PERIOD_MS
from zajil.storage.stores.lists import chunks

OPEN_MAX = 200
NODES_MAX = 1000


class SqlIncidentStore:
    """The tables of 70_status.sql."""

    async def store(self, tx: Transaction, incident: Incident) -> None:
        stored = await self.load(tx, incident.incident_id)
        merged = incident if stored is None else merge_incidents(incident, stored)
        await tx.execute(
            "INSERT INTO incidents (incident_id, node, opened_ts_ms, closed_ts_ms, changed_ts_ms, body)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (incident_id) DO UPDATE SET node = excluded.node,"
            " closed_ts_ms = excluded.closed_ts_ms, changed_ts_ms = excluded.changed_ts_ms, body = excluded.body",
            merged.incident_id,
            merged.node,
            merged.opened_ts_ms,
            merged.closed_ts_ms,
            merged.changed_ts_ms,
            orjson.dumps(dump_incident(merged)),
        )

    async def load(self, tx: Read, incident_id: str) -> Incident | None:
        body = await tx.fetch_value("SELECT body FROM incidents WHERE incident_id = ?", incident_id)
        return None if body is None else load_incident(orjson.loads(body))

    async def load_recent(self, tx: Read, since_ts_ms: int, count_max: int) -> list[Incident]:
        sql = "SELECT body FROM incidents WHERE changed_ts_ms >= ? ORDER BY changed_ts_ms DESC LIMIT ?"
        return [load_incident(orjson.loads(body)) for (body,) in await tx.fetch(sql, since_ts_ms, count_max)]

    async def load_open(self, tx: Read) -> list[Incident]:
        sql = "SELECT body FROM incidents WHERE closed_ts_ms IS NULL ORDER BY opened_ts_ms LIMIT ?"
        return [load_incident(orjson.loads(body)) for (body,) in await tx.fetch(sql, OPEN_MAX)]

    async def delete_before(self, tx: Transaction, ts_ms: int) -> None:
        await tx.execute(
            "DELETE FROM incident_announcements WHERE incident_id IN"
            " (SELECT incident_id FROM incidents WHERE changed_ts_ms < ? AND closed_ts_ms IS NOT NULL)",
            ts_ms,
        )
        await tx.execute("DELETE FROM incidents WHERE changed_ts_ms < ? AND closed_ts_ms IS NOT NULL", ts_ms)

    async def claim_announcement(
        self, tx: Transaction, incident_id: str, change: str, channel: str, ts_ms: int
    ) -> bool:
        return bool(
            await tx.execute_counting(
                "INSERT INTO incident_announcements (incident_id, change, channel, claimed_ts_ms) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                incident_id,
                change,
                channel,
                ts_ms,
            )
        )

    async def has_announcement(self, tx: Read, incident_id: str, change: str, channel: str) -> bool:
        sql = "SELECT 1 FROM incident_announcements WHERE incident_id = ? AND change = ? AND channel = ?"
        return await tx.fetch_value(sql, incident_id, change, channel) is not None

    async def load_undone(self, tx: Read, channel: str, since_ts_ms: int) -> list[tuple[str, str, str]]:
        rows = await tx.fetch(
            "SELECT incident_id, change, reached FROM incident_announcements"
            " WHERE channel = ? AND claimed_ts_ms >= ? AND is_done = 0 ORDER BY claimed_ts_ms",
            channel,
            since_ts_ms,
        )
        return [(incident_id, change, reached) for incident_id, change, reached in rows]

    async def store_progress(
        self, tx: Transaction, announcement: tuple[str, str, str], expected: str, reached: str, *, is_done: bool
    ) -> bool:
        return bool(
            await tx.execute_counting(
                "UPDATE incident_announcements SET reached = ?, is_done = ?"
                " WHERE incident_id = ? AND change = ? AND channel = ? AND reached = ? AND is_done = 0",
                reached,
                int(is_done),
                *announcement,
                expected,
            )
        )

    async def store_cells(self, tx: Transaction, node: str, length_ms: int, cells: Sequence[Cell]) -> None:
        await tx.execute_many(
            "INSERT INTO status_cells (length_ms, start_ts_ms, node, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (length_ms, start_ts_ms, node) DO UPDATE SET body = excluded.body",
            [(length_ms, cell.start_ts_ms, node, orjson.dumps(dump_cell(cell))) for cell in cells],
        )

    async def load_cells(self, tx: Read, node: str, length_ms: int, since_ts_ms: int) -> list[Cell]:
        sql = "SELECT body FROM status_cells WHERE length_ms = ? AND start_ts_ms >= ? AND node = ? ORDER BY start_ts_ms"
        return [load_cell(orjson.loads(body)) for (body,) in await tx.fetch(sql, length_ms, since_ts_ms, node)]

    async def delete_cells(self, tx: Transaction, length_ms: int, before_ts_ms: int) -> None:
        await tx.execute("DELETE FROM status_cells WHERE length_ms = ? AND start_ts_ms < ?", length_ms, before_ts_ms)

    async def store_node(self, tx: Transaction, node: str, seen_ts_ms: int) -> None:
        await tx.execute(
            "INSERT INTO status_nodes (node, seen_ts_ms) VALUES (?, ?)"
            " ON CONFLICT (node) DO UPDATE SET seen_ts_ms = excluded.seen_ts_ms",
            node,
            seen_ts_ms,
        )

    async def load_nodes(self, tx: Read) -> dict[str, int]:
        rows = await tx.fetch("SELECT node, seen_ts_ms FROM status_nodes ORDER BY node LIMIT ?", NODES_MAX)
        return dict(map(tuple, rows))

    async def forget_transactions(self, tx: Transaction, user_id: str, now_ms: int) -> None:
        period = now_ms // TRANSACTION_PERIOD_MS
        sql = "DELETE FROM transactions WHERE period = ? AND user_id = ?"
        await tx.execute_many(sql, [(period, user_id), (period - 1, user_id)])

    async def trim_room(self, tx: Transaction, room_nid: int, before: int, count_max: int) -> int:
        rows = await tx.fetch(
            "SELECT event_nid FROM events WHERE room_nid = ? AND history IS NOT NULL AND history < ? AND state_key IS NULL"
            " ORDER BY history, history_minor LIMIT ?",
            room_nid,
            before,
            count_max,
        )
        for marks, piece in chunks([nid for (nid,) in rows]):
            await tx.execute(f"DELETE FROM event_states WHERE event_nid IN ({marks})", *piece)
            await tx.execute(f"DELETE FROM events WHERE event_nid IN ({marks})", *piece)
        return len(rows)
