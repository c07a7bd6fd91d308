"""`ports.stores.federation_queue.FederationQueueStore` in SQL."""

from collections import Counter
from collections.abc import Sequence

import orjson

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.federation_queue import DestinationRow, OutboxRow, QueuedEdu, QueuedPdu, QueueLength


class SqlFederationQueueStore:
    """Queues in the tables of 80_federation.sql."""

    async def insert_outbox(self, tx: Transaction, position: int, event_nid: int) -> None:
        await tx.execute("INSERT INTO federation_outbox (position, event_nid) VALUES (?, ?)", position, event_nid)

    async def load_outbox(self, tx: Read, limit: int) -> list[OutboxRow]:
        sql = "SELECT position, event_nid FROM federation_outbox ORDER BY position LIMIT ?"
        return [OutboxRow(*row) for row in await tx.fetch(sql, limit)]

    async def delete_outbox(self, tx: Transaction, positions: Sequence[int]) -> None:
        await tx.execute_many("DELETE FROM federation_outbox WHERE position = ?", [(each,) for each in positions])

    async def load_moves(self, tx: Read) -> int:
        return await tx.fetch_value("SELECT count FROM federation_moves WHERE id = 1") or 0

    async def count_move(self, tx: Transaction, moves: int) -> bool:
        sql = (
            "INSERT INTO federation_moves (id, count) VALUES (1, ?)"
            " ON CONFLICT (id) DO UPDATE SET count = excluded.count WHERE federation_moves.count = ?"
        )
        return await tx.execute_counting(sql, moves + 1, moves) == 1

    async def load_senders(self, tx: Read) -> dict[str, int]:
        return dict(await tx.fetch("SELECT instance, beat FROM federation_senders"))  # type: ignore[arg-type]

    async def store_sender(self, tx: Transaction, instance: str, beat: int) -> None:
        sql = (
            "INSERT INTO federation_senders (instance, beat) VALUES (?, ?)"
            " ON CONFLICT (instance) DO UPDATE SET beat = excluded.beat"
        )
        await tx.execute(sql, instance, beat)

    async def delete_sender(self, tx: Transaction, instance: str) -> None:
        await tx.execute("DELETE FROM federation_senders WHERE instance = ?", instance)
        await tx.execute("DELETE FROM federation_turns WHERE instance = ?", instance)

    async def load_turn(self, tx: Read, server_name: str) -> str | None:
        sql = "SELECT instance FROM federation_turns WHERE server_name = ?"
        instance: str | None = await tx.fetch_value(sql, server_name)
        return instance

    async def take_turn(self, tx: Transaction, server_name: str, instance: str, former: str | None) -> bool:
        sql = (
            "INSERT INTO federation_turns (server_name, instance) VALUES (?, ?)"
            " ON CONFLICT (server_name) DO UPDATE SET instance = excluded.instance WHERE federation_turns.instance = ?"
        )
        return await tx.execute_counting(sql, server_name, instance, former) == 1

    async def insert_pdus(self, tx: Transaction, rows: Sequence[tuple[str, QueuedPdu]]) -> None:
        await tx.execute_many(
            "INSERT INTO federation_pdus (server_name, position, event_nid, room_nid) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [(server_name, row.position, row.event_nid, row.room_nid) for server_name, row in rows],
        )

    async def load_pdus(self, tx: Read, server_name: str, limit: int) -> list[QueuedPdu]:
        sql = (
            "SELECT position, event_nid, room_nid FROM federation_pdus WHERE server_name = ?"
            " ORDER BY position, event_nid LIMIT ?"
        )
        return [QueuedPdu(*row) for row in await tx.fetch(sql, server_name, limit)]

    async def delete_pdus(self, tx: Transaction, server_name: str, rows: Sequence[QueuedPdu]) -> None:
        await tx.execute_many(
            "DELETE FROM federation_pdus WHERE server_name = ? AND position = ? AND event_nid = ?",
            [(server_name, row.position, row.event_nid) for row in rows],
        )

    async def insert_edu(self, tx: Transaction, server_name: str, edu: QueuedEdu) -> None:
        await tx.execute(
            "INSERT INTO federation_edus (server_name, edu_nid, edu_type, content) VALUES (?, ?, ?, ?)",
            server_name,
            edu.edu_nid,
            edu.edu_type,
            edu.content,
        )

    async def load_edus(self, tx: Read, server_name: str, limit: int) -> list[QueuedEdu]:
        sql = "SELECT edu_nid, edu_type, content FROM federation_edus WHERE server_name = ? ORDER BY edu_nid LIMIT ?"
        return [QueuedEdu(nid, kind, bytes(content)) for nid, kind, content in await tx.fetch(sql, server_name, limit)]

    async def delete_edus(self, tx: Transaction, server_name: str, rows: Sequence[QueuedEdu]) -> None:
        await tx.execute_many(
            "DELETE FROM federation_edus WHERE server_name = ? AND edu_nid = ?",
            [(server_name, row.edu_nid) for row in rows],
        )

    async def load_waiting_servers(self, tx: Read) -> list[str]:
        # From one server to the next: what the queues hold is never walked through.
        found: set[str] = set()
        for sql in (
            "SELECT min(server_name) FROM federation_pdus WHERE server_name > ?",
            "SELECT min(server_name) FROM federation_edus WHERE server_name > ?",
        ):
            server_name: str | None = ""
            while server_name is not None:
                found.add(server_name)
                server_name = await tx.fetch_value(sql, server_name)
        return sorted(found - {""})

    async def count_waiting(self, tx: Read) -> list[QueueLength]:
        counts: dict[str, list[int]] = {}
        pdus = await tx.fetch("SELECT server_name, count(*) FROM federation_pdus GROUP BY server_name")
        edus = await tx.fetch("SELECT server_name, count(*) FROM federation_edus GROUP BY server_name")
        for index, rows in enumerate((pdus, edus)):
            for server_name, count in rows:
                counts.setdefault(server_name, [0, 0])[index] = count
        return [QueueLength(server_name, *both) for server_name, both in sorted(counts.items())]

    async def load_rules(self, tx: Read) -> list[tuple[str, bool]]:
        rows = await tx.fetch("SELECT pattern, is_allowed FROM federation_rules ORDER BY pattern")
        return [(pattern, bool(is_allowed)) for pattern, is_allowed in rows]

    async def store_rule(self, tx: Transaction, pattern: str, is_allowed: bool) -> None:
        sql = (
            "INSERT INTO federation_rules (pattern, is_allowed) VALUES (?, ?)"
            " ON CONFLICT (pattern) DO UPDATE SET is_allowed = excluded.is_allowed"
        )
        await tx.execute(sql, pattern, int(is_allowed))

    async def delete_rule(self, tx: Transaction, pattern: str) -> None:
        await tx.execute("DELETE FROM federation_rules WHERE pattern = ?", pattern)

    async def load_destination(self, tx: Read, server_name: str) -> DestinationRow | None:
        sql = (
            "SELECT server_name, failures, since_ts, retry_ts, cause FROM federation_destinations WHERE server_name = ?"
        )
        row = await tx.fetch_row(sql, server_name)
        return None if row is None else DestinationRow(*row)

    async def load_destinations(self, tx: Read) -> list[DestinationRow]:
        sql = (
            "SELECT server_name, failures, since_ts, retry_ts, cause FROM federation_destinations ORDER BY server_name"
        )
        return [DestinationRow(*row) for row in await tx.fetch(sql)]

    async def store_destination(self, tx: Transaction, row: DestinationRow) -> None:
        await tx.execute(
            "INSERT INTO federation_destinations (server_name, failures, since_ts, retry_ts, cause) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (server_name) DO UPDATE SET failures = excluded.failures, since_ts = excluded.since_ts,"
            " retry_ts = excluded.retry_ts, cause = excluded.cause",
            row.server_name,
            row.failures,
            row.since_ts,
            row.retry_ts,
            row.cause,
        )

    async def has_remote_members(self, tx: Read, room_nid: int, own_name: str) -> bool:
        sql = (
            "SELECT 1 FROM memberships WHERE room_nid = ? AND membership IN ('join', 'invite', 'knock')"
            " AND substr(user_id, ?) <> ? LIMIT 1"
        )
        end = ":" + own_name
        return await tx.fetch_value(sql, room_nid, -len(end), end) is not None

    async def has_members_of(self, tx: Read, room_nid: int, server_name: str, memberships: Sequence[str]) -> bool:
        marks = ", ".join("?" * len(memberships))
        sql = (
            f"SELECT 1 FROM memberships WHERE room_nid = ? AND membership IN ({marks})"
            " AND user_id LIKE ? ESCAPE '!' LIMIT 1"
        )
        end = server_name.replace("!", "!!").replace("_", "!_").replace("%", "!%")
        return await tx.fetch_value(sql, room_nid, *memberships, f"%:{end}") is not None

    async def load_servers_sharing_rooms(self, tx: Read, user_id: str, limit: int) -> list[str]:
        sql = (
            "SELECT DISTINCT theirs.user_id FROM memberships mine JOIN memberships theirs ON theirs.room_nid = mine.room_nid"
            " WHERE mine.user_id = ? AND mine.membership = 'join' AND theirs.membership = 'join'"
        )
        servers = {user_id.partition(":")[2] for (user_id,) in await tx.fetch(sql, user_id)}
        named = (
            "SELECT p.servers FROM partial_rooms p JOIN memberships m ON m.room_nid = p.room_nid"
            " WHERE p.completed_position IS NULL AND m.user_id = ? AND m.membership = 'join'"
        )
        for (listed,) in await tx.fetch(named, user_id):
            servers.update(orjson.loads(listed))
        return sorted(servers)[:limit]

    async def load_joined_servers(self, tx: Read, room_nid: int) -> dict[str, int]:
        sql = "SELECT user_id FROM memberships WHERE room_nid = ? AND membership = 'join'"
        return dict(Counter(user_id.partition(":")[2] for (user_id,) in await tx.fetch(sql, room_nid)))
