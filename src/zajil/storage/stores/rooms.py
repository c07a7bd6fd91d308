"""The room store."""

from collections.abc import Iterable, Mapping, Sequence

import orjson

from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.rooms import MembershipChange, MembershipRow, RoomRow
from zajil.storage.stores.events import COLUMNS, build_stored_event
from zajil.storage.stores.lists import chunks

MEMBERSHIP_COLUMNS = (
    "m.room_nid, r.room_id, m.user_id, m.membership, m.event_nid, m.position, m.forgotten, m.display_name, m.avatar_url"
)
MEMBERSHIP_SOURCE = "memberships m JOIN rooms r ON r.room_nid = m.room_nid"


def _build_membership(row: Row) -> MembershipRow:
    room_nid, room_id, user_id, membership, event_nid, position, forgotten, display_name, avatar_url = row
    return MembershipRow(
        room_nid, room_id, user_id, membership, event_nid, position, bool(forgotten), display_name, avatar_url
    )


class SqlRoomStore:
    """`ports.stores.rooms.RoomStore`."""

    async def load_row(self, tx: Read, room_id: str) -> RoomRow | None:
        row = await tx.fetch_row(
            "SELECT r.room_nid, r.room_id, r.room_version, r.creator, r.created_ts_ms, r.head_version, r.extremities, r.depth,"
            " r.snapshot_id, s.members_root, s.rest_root, r.joined_count, r.invited_count, r.is_public, r.partial_state,"
            " r.blocked_reason, p.completed_position FROM rooms r JOIN state_snapshots s ON s.snapshot_id = r.snapshot_id"
            " LEFT JOIN partial_rooms p ON p.room_nid = r.room_nid WHERE r.room_id = ?",
            room_id,
        )
        if row is None:
            return None
        found = RoomRow(*row)
        found.extremities = orjson.loads(row[6])
        found.is_public = bool(found.is_public)
        found.partial_state = bool(found.partial_state)
        return found

    async def load_head_version(self, tx: Read, room_nid: int) -> int | None:
        version: int | None = await tx.fetch_value("SELECT head_version FROM rooms WHERE room_nid = ?", room_nid)
        return version

    async def insert_row(self, tx: Transaction, row: RoomRow) -> None:
        await tx.execute(
            "INSERT INTO rooms (room_nid, room_id, room_version, creator, created_ts_ms, head_version, extremities, depth,"
            " snapshot_id, joined_count, invited_count, is_public, partial_state, blocked_reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row.room_nid,
            row.room_id,
            row.room_version,
            row.creator,
            row.created_ts_ms,
            row.head_version,
            orjson.dumps(row.extremities),
            row.depth,
            row.snapshot_id,
            row.joined_count,
            row.invited_count,
            int(row.is_public),
            int(row.partial_state),
            row.blocked_reason,
        )

    async def swap_head(self, tx: Transaction, row: RoomRow, expected_version: int) -> bool:
        changed = await tx.execute_counting(
            "UPDATE rooms SET head_version = ?, extremities = ?, depth = ?, snapshot_id = ?, joined_count = ?, invited_count = ?,"
            " partial_state = ? WHERE room_nid = ? AND head_version = ?",
            row.head_version,
            orjson.dumps(row.extremities),
            row.depth,
            row.snapshot_id,
            row.joined_count,
            row.invited_count,
            int(row.partial_state),
            row.room_nid,
            expected_version,
        )
        return changed == 1

    async def insert_snapshot(self, tx: Transaction, snapshot_id: int, members_root: bytes, rest_root: bytes) -> None:
        await tx.execute(
            "INSERT INTO state_snapshots (snapshot_id, members_root, rest_root) VALUES (?, ?, ?)",
            snapshot_id,
            members_root,
            rest_root,
        )

    async def load_snapshot(self, tx: Read, snapshot_id: int) -> tuple[bytes, bytes] | None:
        row = await tx.fetch_row(
            "SELECT members_root, rest_root FROM state_snapshots WHERE snapshot_id = ?", snapshot_id
        )
        return None if row is None else (row[0], row[1])

    async def load_event_snapshots(self, tx: Read, event_nid: int) -> tuple[int, int] | None:
        row = await tx.fetch_row(
            "SELECT snapshot_before, snapshot_after FROM event_states WHERE event_nid = ?", event_nid
        )
        return None if row is None else (row[0], row[1])

    async def insert_event_snapshots(self, tx: Transaction, event_nid: int, before: int, after: int) -> None:
        await tx.execute(
            "INSERT INTO event_states (event_nid, snapshot_before, snapshot_after) VALUES (?, ?, ?)",
            event_nid,
            before,
            after,
        )

    async def load_nodes(self, tx: Read, names: Iterable[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for marks, piece in chunks(list(names)):
            for name, body in await tx.fetch(f"SELECT hash, body FROM state_nodes WHERE hash IN ({marks})", *piece):
                found[name] = body
        return found

    async def insert_nodes(self, tx: Transaction, nodes: Mapping[bytes, bytes]) -> None:
        await tx.execute_many(
            "INSERT INTO state_nodes (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING", list(nodes.items())
        )

    async def load_current_state(self, tx: Read, room_nid: int) -> list[StoredEvent]:
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM current_state c JOIN events e ON e.event_nid = c.event_nid"
            " JOIN rooms r ON r.room_nid = e.room_nid WHERE c.room_nid = ? ORDER BY e.event_nid",
            room_nid,
        )
        return [build_stored_event(row) for row in rows]

    async def store_current_state(
        self, tx: Transaction, room_nid: int, key: tuple[str, str], nid: int, position: int
    ) -> None:
        await tx.execute(
            "INSERT INTO current_state (room_nid, type, state_key, event_nid, position) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (room_nid, type, state_key) DO UPDATE SET event_nid = excluded.event_nid, position = excluded.position",
            room_nid,
            key[0],
            key[1],
            nid,
            position,
        )

    async def delete_current_state(self, tx: Transaction, room_nid: int, key: tuple[str, str]) -> None:
        await tx.execute("DELETE FROM current_state WHERE room_nid = ? AND type = ? AND state_key = ?", room_nid, *key)

    async def delete_membership(self, tx: Transaction, room_nid: int, user_id: str) -> None:
        await tx.execute("DELETE FROM memberships WHERE room_nid = ? AND user_id = ?", room_nid, user_id)

    async def insert_branch_snapshots(self, tx: Transaction, event_nid: int, before: int, after: int) -> None:
        await tx.execute(
            "INSERT INTO branch_states (event_nid, snapshot_before, snapshot_after) VALUES (?, ?, ?)"
            " ON CONFLICT (event_nid) DO UPDATE SET snapshot_before = excluded.snapshot_before,"
            " snapshot_after = excluded.snapshot_after",
            event_nid,
            before,
            after,
        )

    async def load_branch_snapshots(self, tx: Read, event_nids: Sequence[int]) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        for marks, piece in chunks(list(event_nids)):
            sql = f"SELECT event_nid, snapshot_before, snapshot_after FROM event_states WHERE event_nid IN ({marks})"
            found |= {nid: (before, after) for nid, before, after in await tx.fetch(sql, *piece)}
            sql = f"SELECT event_nid, snapshot_before, snapshot_after FROM branch_states WHERE event_nid IN ({marks})"
            found |= {nid: (before, after) for nid, before, after in await tx.fetch(sql, *piece)}
        return found

    async def load_member_event(self, tx: Read, room_nid: int, user_id: str) -> StoredEvent | None:
        row = await tx.fetch_row(
            f"SELECT {COLUMNS} FROM memberships m JOIN events e ON e.event_nid = m.event_nid"
            " JOIN rooms r ON r.room_nid = e.room_nid WHERE m.room_nid = ? AND m.user_id = ?",
            room_nid,
            user_id,
        )
        return None if row is None else build_stored_event(row)

    async def store_membership(self, tx: Transaction, row: MembershipRow) -> None:
        await tx.execute(
            "INSERT INTO memberships (room_nid, user_id, membership, event_nid, position, forgotten, display_name, avatar_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room_nid, user_id) DO UPDATE SET membership = excluded.membership,"
            " event_nid = excluded.event_nid, position = excluded.position, forgotten = excluded.forgotten,"
            " display_name = excluded.display_name, avatar_url = excluded.avatar_url",
            row.room_nid,
            row.user_id,
            row.membership,
            row.event_nid,
            row.position,
            int(row.forgotten),
            row.display_name,
            row.avatar_url,
        )

    async def insert_membership_change(self, tx: Transaction, user_id: str, change: MembershipChange) -> None:
        await tx.execute(
            "INSERT INTO membership_changes (user_id, position, room_nid, membership, event_nid) VALUES (?, ?, ?, ?, ?)",
            user_id,
            change.position,
            change.room_nid,
            change.membership,
            change.event_nid,
        )

    async def load_membership(self, tx: Read, room_nid: int, user_id: str) -> MembershipRow | None:
        row = await tx.fetch_row(
            f"SELECT {MEMBERSHIP_COLUMNS} FROM {MEMBERSHIP_SOURCE} WHERE m.room_nid = ? AND m.user_id = ?",
            room_nid,
            user_id,
        )
        return None if row is None else _build_membership(row)

    async def load_memberships_of_user(self, tx: Read, user_id: str, memberships: Sequence[str]) -> list[MembershipRow]:
        rows: list[MembershipRow] = []
        for marks, piece in chunks(list(memberships)):
            rows += map(
                _build_membership,
                await tx.fetch(
                    f"SELECT {MEMBERSHIP_COLUMNS} FROM {MEMBERSHIP_SOURCE} WHERE m.user_id = ? AND m.membership IN ({marks})",
                    user_id,
                    *piece,
                ),
            )
        return rows

    async def load_members(
        self, tx: Read, room_nid: int, memberships: Sequence[str], limit: int | None = None
    ) -> list[MembershipRow]:
        marks = ",".join("?" * len(memberships))
        sql = f"SELECT {MEMBERSHIP_COLUMNS} FROM {MEMBERSHIP_SOURCE} WHERE m.room_nid = ? AND m.membership IN ({marks}) ORDER BY m.position"
        if limit is None:
            rows = await tx.fetch(sql, room_nid, *memberships)
        else:
            rows = await tx.fetch(f"{sql} LIMIT ?", room_nid, *memberships, limit)
        return [_build_membership(row) for row in rows]

    async def load_member_page(
        self, tx: Read, room_nid: int, memberships: Sequence[str], after_user_id: str, limit: int
    ) -> list[StoredEvent]:
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM memberships m JOIN events e ON e.event_nid = m.event_nid"
            " JOIN rooms r ON r.room_nid = e.room_nid WHERE m.room_nid = ? AND m.user_id > ?"
            f" AND m.membership IN ({','.join('?' * len(memberships))}) ORDER BY m.user_id LIMIT ?",
            room_nid,
            after_user_id,
            *memberships,
            limit,
        )
        return [build_stored_event(row) for row in rows]

    async def load_membership_changes(self, tx: Read, user_id: str, after: int, up_to: int) -> list[MembershipChange]:
        rows = await tx.fetch(
            "SELECT c.position, c.room_nid, r.room_id, c.membership, c.event_nid FROM membership_changes c"
            " JOIN rooms r ON r.room_nid = c.room_nid WHERE c.user_id = ? AND c.position > ? AND c.position <= ? ORDER BY c.position",
            user_id,
            after,
            up_to,
        )
        return [MembershipChange(*row) for row in rows]

    async def load_membership_at(self, tx: Read, room_nid: int, user_id: str, position: int) -> MembershipChange | None:
        row = await tx.fetch_row(
            "SELECT c.position, c.room_nid, r.room_id, c.membership, c.event_nid FROM membership_changes c"
            " JOIN rooms r ON r.room_nid = c.room_nid WHERE c.room_nid = ? AND c.user_id = ? AND c.position <= ?"
            " ORDER BY c.position DESC LIMIT 1",
            room_nid,
            user_id,
            position,
        )
        return None if row is None else MembershipChange(*row)

    async def load_joined_at(self, tx: Read, room_nid: int, user_id: str) -> int | None:
        left_at = await tx.fetch_value(
            "SELECT position FROM membership_changes WHERE room_nid = ? AND user_id = ? AND membership <> 'join'"
            " ORDER BY position DESC LIMIT 1",
            room_nid,
            user_id,
        )
        joined_at: int | None = await tx.fetch_value(
            "SELECT position FROM membership_changes WHERE room_nid = ? AND user_id = ? AND position > ? ORDER BY position LIMIT 1",
            room_nid,
            user_id,
            left_at or 0,
        )
        return joined_at

    async def load_last_join(self, tx: Read, room_nid: int, user_id: str) -> int | None:
        position: int | None = await tx.fetch_value(
            "SELECT position FROM membership_changes WHERE room_nid = ? AND user_id = ? AND membership = 'join'"
            " ORDER BY position DESC LIMIT 1",
            room_nid,
            user_id,
        )
        return position

    async def load_departure(self, tx: Read, room_nid: int, user_id: str) -> MembershipChange | None:
        joined_at = await self.load_last_join(tx, room_nid, user_id)
        if joined_at is None:
            return None
        row = await tx.fetch_row(
            "SELECT c.position, c.room_nid, r.room_id, c.membership, c.event_nid FROM membership_changes c"
            " JOIN rooms r ON r.room_nid = c.room_nid WHERE c.room_nid = ? AND c.user_id = ? AND c.position > ?"
            " ORDER BY c.position LIMIT 1",
            room_nid,
            user_id,
            joined_at,
        )
        return None if row is None else MembershipChange(*row)

    async def load_guests(self, tx: Read, room_nid: int) -> list[str]:
        rows = await tx.fetch(
            "SELECT m.user_id FROM memberships m CROSS JOIN accounts a"
            " WHERE a.user_id = m.user_id AND a.is_guest = 1 AND m.room_nid = ? AND m.membership = 'join' ORDER BY m.user_id",
            room_nid,
        )
        return [row[0] for row in rows]

    async def load_snapshots_before(self, tx: Read, nids: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for marks, piece in chunks(list(nids)):
            rows = await tx.fetch(
                f"SELECT event_nid, snapshot_before FROM event_states WHERE event_nid IN ({marks})", *piece
            )
            found.update((nid, snapshot_id) for nid, snapshot_id in rows)
        return found

    async def set_forgotten(self, tx: Transaction, room_nid: int, user_id: str) -> None:
        await tx.execute("UPDATE memberships SET forgotten = 1 WHERE room_nid = ? AND user_id = ?", room_nid, user_id)
