"""The relation store."""

from collections.abc import Sequence

from zajil.ports.database import Read, Value
from zajil.ports.stores.events import HistoryPoint, StoredEvent
from zajil.ports.stores.relations import ThreadRow
from zajil.storage.stores.events import COLUMNS, build_stored_event
from zajil.storage.stores.lists import chunks

CHILDREN = "relations c JOIN events e ON e.event_nid = c.event_nid JOIN rooms r ON r.room_nid = e.room_nid"
REPLACEMENTS_PER_EVENT_MAX = 1000


class SqlRelationStore:
    """`ports.stores.relations.RelationStore`."""

    async def load_kinds(self, tx: Read, room_nid: int, parent_id: str) -> list[tuple[str, str]]:
        rows = await tx.fetch(
            "SELECT DISTINCT sender, rel_type FROM relations WHERE room_nid = ? AND parent_id = ?", room_nid, parent_id
        )
        return [(sender, rel_type) for sender, rel_type in rows]

    async def load_children(
        self,
        tx: Read,
        room_nid: int,
        parent_ids: Sequence[str],
        *,
        rel_type: str | None,
        event_type: str | None,
        start: HistoryPoint,
        backwards: bool,
        limit: int,
        end: HistoryPoint | None,
    ) -> list[StoredEvent]:
        inside, order = ("<=", "DESC") if backwards else (">", "ASC")
        found: list[StoredEvent] = []
        for marks, piece in chunks(list(parent_ids)):
            sql = (
                f"SELECT {COLUMNS} FROM {CHILDREN} WHERE c.room_nid = ? AND c.parent_id IN ({marks})"
                f" AND (e.history, e.history_minor) {inside} (?, ?)"
            )
            args: list[Value] = [room_nid, *piece, start.major, start.minor]
            if end is not None:
                sql += f" AND (e.history, e.history_minor) {'>' if backwards else '<='} (?, ?)"
                args += [end.major, end.minor]
            if rel_type is not None:
                sql += " AND c.rel_type = ?"
                args.append(rel_type)
            if event_type is not None:
                sql += " AND c.type = ?"
                args.append(event_type)
            rows = await tx.fetch(f"{sql} ORDER BY e.history {order}, e.history_minor {order} LIMIT ?", *args, limit)
            found.extend(build_stored_event(row) for row in rows)
        found.sort(key=lambda stored: (stored.history or 0, stored.history_minor), reverse=backwards)
        return found[:limit]

    async def load_child_ids(self, tx: Read, room_nid: int, parent_ids: Sequence[str], limit: int) -> list[str]:
        found: list[str] = []
        for marks, piece in chunks(list(parent_ids)):
            rows = await tx.fetch(
                "SELECT e.event_id FROM relations c JOIN events e ON e.event_nid = c.event_nid"
                f" WHERE c.room_nid = ? AND c.parent_id IN ({marks}) ORDER BY c.event_nid LIMIT ?",
                room_nid,
                *piece,
                limit,
            )
            found.extend(row[0] for row in rows)
        return found[:limit]

    async def load_replacements(self, tx: Read, room_nid: int, parent_ids: Sequence[str]) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        for marks, piece in chunks(list(parent_ids)):
            rows = await tx.fetch(
                f"SELECT {COLUMNS} FROM {CHILDREN} WHERE c.room_nid = ? AND c.parent_id IN ({marks})"
                " AND c.rel_type = 'm.replace' ORDER BY c.event_nid DESC LIMIT ?",
                room_nid,
                *piece,
                REPLACEMENTS_PER_EVENT_MAX,
            )
            found.extend(build_stored_event(row) for row in rows)
        return found

    async def load_references(self, tx: Read, room_nid: int, parent_ids: Sequence[str]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for marks, piece in chunks(list(parent_ids)):
            rows = await tx.fetch(
                "SELECT c.parent_id, e.event_id FROM relations c JOIN events e ON e.event_nid = c.event_nid"
                f" WHERE c.room_nid = ? AND c.parent_id IN ({marks}) AND c.rel_type = 'm.reference'"
                " ORDER BY c.event_nid LIMIT ?",
                room_nid,
                *piece,
                REPLACEMENTS_PER_EVENT_MAX,
            )
            found.extend((parent_id, event_id) for parent_id, event_id in rows)
        return found

    async def load_threads(self, tx: Read, room_nid: int, root_ids: Sequence[str], user_id: str) -> list[ThreadRow]:
        found: list[ThreadRow] = []
        for marks, piece in chunks(list(root_ids)):
            rows = await tx.fetch(
                "SELECT parent_id, MAX(event_nid), COUNT(*), MAX(CASE WHEN sender = ? THEN 1 ELSE 0 END) FROM relations"
                f" WHERE room_nid = ? AND parent_id IN ({marks}) AND rel_type = 'm.thread' GROUP BY parent_id",
                user_id,
                room_nid,
                *piece,
            )
            found.extend(ThreadRow(root, nid, count, bool(own)) for root, nid, count, own in rows)
        return found

    async def load_thread_list(
        self, tx: Read, room_nid: int, user_id: str, *, participated_only: bool, before: int, limit: int
    ) -> list[ThreadRow]:
        rows = await tx.fetch(
            "SELECT c.parent_id, MAX(c.event_nid), COUNT(*), MAX(CASE WHEN c.sender = ? OR root.sender = ? THEN 1 ELSE 0 END)"
            " FROM relations c JOIN events root ON root.event_id = c.parent_id AND root.room_nid = c.room_nid"
            " WHERE c.room_nid = ? AND c.rel_type = 'm.thread' GROUP BY c.parent_id"
            " HAVING MAX(c.event_nid) < ? AND MAX(CASE WHEN c.sender = ? OR root.sender = ? THEN 1 ELSE 0 END) >= ?"
            " ORDER BY MAX(c.event_nid) DESC LIMIT ?",
            user_id,
            user_id,
            room_nid,
            before,
            user_id,
            user_id,
            int(participated_only),
            limit,
        )
        return [ThreadRow(root, nid, count, bool(own)) for root, nid, count, own in rows]

    async def has_annotation(
        self, tx: Read, room_nid: int, parent_id: str, event_type: str, sender: str, key: str
    ) -> bool:
        found = await tx.fetch_value(
            "SELECT 1 FROM relations WHERE room_nid = ? AND parent_id = ? AND rel_type = 'm.annotation' AND type = ?"
            " AND sender = ? AND reaction_key = ? LIMIT 1",
            room_nid,
            parent_id,
            event_type,
            sender,
            key,
        )
        return found is not None
