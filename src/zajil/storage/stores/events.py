"""The event store."""

from collections.abc import Iterable, Sequence
from typing import Any

from zajil.core.events import load_event
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.events import HistoryPoint, Relation, StoredEvent, Written
from zajil.storage.stores.lists import chunks

NID_MAX = 2**63 - 1
TRANSACTION_PERIOD_MS = 30 * 86_400_000
LINKS_MAX = 500_000

COLUMNS = (
    "e.event_nid, e.room_nid, e.event_id, r.room_version, e.position, e.history, e.history_minor, e.flags, e.redacted_by, "
    "e.replaces_nid, e.device_id, e.txn_id, e.json"
)
OWN_COLUMNS = (
    "e.event_nid, e.room_nid, e.event_id, e.position, e.history, e.history_minor, e.flags, e.redacted_by, e.replaces_nid,"
    " e.device_id, e.txn_id, e.json"
)
"""Without the version of the room, whose row need not be there."""
SOURCE = "events e JOIN rooms r ON r.room_nid = e.room_nid"


def build_stored_event(row: Row) -> StoredEvent:
    """From a row of `COLUMNS`."""
    (
        nid,
        room_nid,
        event_id,
        version,
        position,
        history,
        minor,
        flags,
        redacted_by,
        replaces_nid,
        device_id,
        txn_id,
        json,
    ) = row
    return StoredEvent(
        load_event(ROOM_RULES[version], event_id, json),
        nid=nid,
        room_nid=room_nid,
        position=position,
        history=history,
        history_minor=minor,
        flags=flags,
        redacted_by=redacted_by,
        replaces_nid=replaces_nid,
        device_id=device_id,
        txn_id=txn_id,
    )


class SqlEventStore:
    """`ports.stores.events.EventStore`."""

    async def insert(self, tx: Transaction, stored: StoredEvent, rejection: str | None = None) -> None:
        event = stored.event
        await tx.execute(
            "INSERT INTO events (event_nid, event_id, room_nid, position, history, history_minor, depth, origin_server_ts,"
            " type, state_key, sender, flags, rejection, redacted_by, replaces_nid, device_id, txn_id, json)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            stored.nid,
            event.event_id,
            stored.room_nid,
            stored.position,
            stored.history,
            stored.history_minor,
            event.depth,
            event.origin_server_ts,
            event.type,
            event.state_key,
            event.sender,
            stored.flags,
            rejection,
            stored.redacted_by,
            stored.replaces_nid,
            stored.device_id,
            stored.txn_id,
            event.json,
        )

    async def load_by_ids(self, tx: Read, event_ids: Sequence[str]) -> list[StoredEvent]:
        # Other servers' events may refer to anything; what no text column can hold is not here, and cannot be asked for.
        return await self._load_listed(tx, "e.event_id", [each for each in event_ids if "\0" not in each])

    async def load_by_nids(self, tx: Read, nids: Sequence[int]) -> list[StoredEvent]:
        return await self._load_listed(tx, "e.event_nid", nids)

    async def _load_listed(self, tx: Read, column: str, values: Sequence[Any]) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        for marks, piece in chunks(values):
            rows = await tx.fetch(f"SELECT {COLUMNS} FROM {SOURCE} WHERE {column} IN ({marks})", *piece)
            found.extend(build_stored_event(row) for row in rows)
        return found

    async def load_timeline(self, tx: Read, room_nid: int, after: int, up_to: int, limit: int) -> list[StoredEvent]:
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.room_nid = ? AND e.history > ? AND e.history <= ?"
            " AND e.position IS NOT NULL ORDER BY e.history DESC, e.history_minor DESC LIMIT ?",
            room_nid,
            after,
            up_to,
            limit,
        )
        return [build_stored_event(row) for row in reversed(rows)]

    async def load_history(
        self,
        tx: Read,
        room_nid: int,
        start: HistoryPoint,
        *,
        backwards: bool,
        limit: int,
        end: HistoryPoint | None = None,
    ) -> list[StoredEvent]:
        inside, order = ("<=", "DESC") if backwards else (">", "ASC")
        # "IS NOT NULL" says nothing new, but without it the planner does not see that the partial index serves.
        sql = (
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.room_nid = ? AND e.history IS NOT NULL"
            f" AND (e.history, e.history_minor) {inside} (?, ?)"
        )
        args: list[int] = [room_nid, start.major, start.minor]
        if end is not None:
            sql += f" AND (e.history, e.history_minor) {'>' if backwards else '<='} (?, ?)"
            args += [end.major, end.minor]
        rows = await tx.fetch(f"{sql} ORDER BY e.history {order}, e.history_minor {order} LIMIT ?", *args, limit)
        return [build_stored_event(row) for row in rows]

    async def load_nearest(
        self,
        tx: Read,
        room_nid: int,
        timestamp_ms: int,
        *,
        backwards: bool,
        limit: int,
        after: StoredEvent | None = None,
    ) -> list[StoredEvent]:
        inside, beyond, order = ("<=", "<", "DESC") if backwards else (">=", ">", "ASC")
        sql = f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.room_nid = ? AND e.origin_server_ts {inside} ? AND e.history IS NOT NULL"
        args: list[int] = [room_nid, timestamp_ms]
        if after is not None:
            sql += f" AND (e.origin_server_ts, e.history, e.history_minor) {beyond} (?, ?, ?)"
            args[1] = after.event.origin_server_ts  # so that the index begins there
            args += [after.event.origin_server_ts, after.history or 0, after.history_minor]
        order_by = f"e.origin_server_ts {order}, e.history {order}, e.history_minor {order}"
        rows = await tx.fetch(f"{sql} ORDER BY {order_by} LIMIT ?", *args, limit)
        return [build_stored_event(row) for row in rows]

    async def load_latest_written(self, tx: Read, before: int | None, limit: int) -> list[Written]:
        rows = await tx.fetch(
            "SELECT e.event_nid, r.room_id, e.sender, e.origin_server_ts, e.state_key, e.position FROM events e"
            " JOIN rooms r ON r.room_nid = e.room_nid WHERE e.event_nid < ? ORDER BY e.event_nid DESC LIMIT ?",
            NID_MAX if before is None else before,
            limit,
        )
        return [
            Written(nid, room_id, sender, sent_ts_ms, state_key is None and position is not None)
            for nid, room_id, sender, sent_ts_ms, state_key, position in rows
        ]

    async def redact(self, tx: Transaction, nid: int, json: bytes, redacted_by: str) -> None:
        await tx.execute("UPDATE events SET json = ?, redacted_by = ? WHERE event_nid = ?", json, redacted_by, nid)

    async def set_flags(self, tx: Transaction, nid: int, flags: int) -> None:
        await tx.execute("UPDATE events SET flags = ? WHERE event_nid = ?", flags, nid)

    async def insert_auth(self, tx: Transaction, nid: int, auth_nids: Iterable[int]) -> None:
        await tx.execute_many(
            "INSERT INTO event_auth (event_nid, auth_event_nid) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(nid, auth_nid) for auth_nid in auth_nids],
        )

    async def load_event_ids(self, tx: Read, nids: Sequence[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for marks, piece in chunks(list(nids)):
            rows = await tx.fetch(f"SELECT event_nid, event_id FROM events WHERE event_nid IN ({marks})", *piece)
            found.update((nid, event_id) for nid, event_id in rows)
        return found

    async def load_of_room(
        self, tx: Read, room_nid: int, rules: RoomRules, event_ids: Sequence[str]
    ) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        for marks, piece in chunks(event_ids):
            sql = f"SELECT {OWN_COLUMNS} FROM events e WHERE e.room_nid = ? AND e.event_id IN ({marks})"
            for nid, of_room, event_id, *rest in await tx.fetch(sql, room_nid, *piece):
                found.append(build_stored_event((nid, of_room, event_id, rules.version, *rest)))
        return found

    async def load_auth_chain(self, tx: Read, nids: Sequence[int], limit: int = 100_000) -> list[StoredEvent]:
        seen: set[int] = set()
        level = list(dict.fromkeys(nids))
        while level and len(seen) <= limit:
            above: set[int] = set()
            for marks, piece in chunks(level):
                sql = f"SELECT auth_event_nid FROM event_auth WHERE event_nid IN ({marks})"
                above |= {nid for (nid,) in await tx.fetch(sql, *piece)}
            level = sorted(above - seen)
            seen |= above
        return await self.load_by_nids(tx, sorted(seen)[:limit])

    async def load_links(self, tx: Read, nids: Sequence[int]) -> dict[int, tuple[tuple[str, str], tuple[int, ...]]]:
        found: dict[int, tuple[tuple[str, str], tuple[int, ...]]] = {}
        level = list(nids)
        while level and len(found) <= LINKS_MAX:
            auth: dict[int, list[int]] = {nid: [] for nid in level}
            keys: dict[int, tuple[str, str]] = {}
            for marks, piece in chunks(level):
                sql = f"SELECT event_nid, type, state_key FROM events WHERE event_nid IN ({marks})"
                keys |= {nid: (kind, state_key or "") for nid, kind, state_key in await tx.fetch(sql, *piece)}
                sql = f"SELECT event_nid, auth_event_nid FROM event_auth WHERE event_nid IN ({marks}) ORDER BY auth_event_nid"
                for nid, auth_nid in await tx.fetch(sql, *piece):
                    auth[nid].append(auth_nid)
            found |= {nid: (key, tuple(auth[nid])) for nid, key in keys.items()}
            level = sorted({nid for each in auth.values() for nid in each} - found.keys())
        return found

    async def load_citing(self, tx: Read, nids: Sequence[int]) -> dict[int, tuple[int, ...]]:
        citing: dict[int, list[int]] = {}
        for marks, piece in chunks(list(nids)):
            sql = (
                "SELECT a.auth_event_nid, a.event_nid FROM event_auth a JOIN events e ON e.event_nid = a.event_nid"
                f" WHERE a.auth_event_nid IN ({marks}) AND e.state_key IS NOT NULL ORDER BY a.event_nid"
            )
            for auth_nid, nid in await tx.fetch(sql, *piece):
                citing.setdefault(auth_nid, []).append(nid)
        return {nid: tuple(each) for nid, each in citing.items()}

    async def find_room_of_event(self, tx: Read, event_id: str) -> int | None:
        room_nid: int | None = await tx.fetch_value("SELECT room_nid FROM events WHERE event_id = ?", event_id)
        return room_nid

    async def announce(self, tx: Transaction, stored: StoredEvent) -> None:
        await tx.execute(
            "UPDATE events SET position = ?, history = ?, history_minor = ?, flags = ?, replaces_nid = ? WHERE event_nid = ?",
            stored.position,
            stored.history,
            stored.history_minor,
            stored.flags,
            stored.replaces_nid,
            stored.nid,
        )

    async def insert_backward_extremities(
        self, tx: Transaction, room_nid: int, successor: int, event_ids: Iterable[str]
    ) -> None:
        await tx.execute_many(
            "INSERT INTO backward_extremities (room_nid, event_id, successor_nid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(room_nid, event_id, successor) for event_id in event_ids],
        )

    async def delete_backward_extremity(self, tx: Transaction, room_nid: int, event_id: str) -> int:
        sql = "DELETE FROM backward_extremities WHERE room_nid = ? AND event_id = ?"
        return await tx.execute_counting(sql, room_nid, event_id)

    async def load_backward_extremities(self, tx: Read, room_nid: int) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        sql = "SELECT event_id, successor_nid FROM backward_extremities WHERE room_nid = ? ORDER BY successor_nid"
        for event_id, successor in await tx.fetch(sql, room_nid):
            found.setdefault(event_id, []).append(successor)
        return found

    async def insert_relation(self, tx: Transaction, room_nid: int, relation: Relation) -> None:
        await tx.execute(
            "INSERT INTO relations (room_nid, parent_id, rel_type, event_nid, type, sender, reaction_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            room_nid,
            relation.parent_id,
            relation.rel_type,
            relation.event_nid,
            relation.type,
            relation.sender,
            relation.reaction_key,
        )

    async def delete_relation(self, tx: Transaction, nid: int) -> None:
        await tx.execute("DELETE FROM relations WHERE event_nid = ?", nid)

    async def load_transaction(
        self, tx: Read, user_id: str, device_id: str, scope: str, txn_id: str, now_ms: int
    ) -> str | None:
        period = now_ms // TRANSACTION_PERIOD_MS
        event_id: str | None = await tx.fetch_value(
            "SELECT event_id FROM transactions WHERE period IN (?, ?) AND user_id = ? AND device_id = ? AND scope = ? AND txn_id = ?",
            period,
            period - 1,
            user_id,
            device_id,
            scope,
            txn_id,
        )
        return event_id

    async def insert_transaction(
        self, tx: Transaction, user_id: str, device_id: str, scope: str, txn_id: str, event_id: str, now_ms: int
    ) -> None:
        await tx.execute(
            "INSERT INTO transactions (period, user_id, device_id, scope, txn_id, event_id) VALUES (?, ?, ?, ?, ?, ?)",
            now_ms // TRANSACTION_PERIOD_MS,
            user_id,
            device_id,
            scope,
            txn_id,
            event_id,
        )

    async def delete_old_transactions(self, tx: Transaction, now_ms: int, limit: int) -> int:
        oldest_kept = now_ms // TRANSACTION_PERIOD_MS - 1
        return await tx.execute_counting(
            "DELETE FROM transactions WHERE (period, user_id, device_id, scope, txn_id) IN"
            " (SELECT period, user_id, device_id, scope, txn_id FROM transactions WHERE period < ? LIMIT ?)",
            oldest_kept,
            limit,
        )
