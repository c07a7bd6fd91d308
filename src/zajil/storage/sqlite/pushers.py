"""How the pusher store walks the log."""

from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.storage.stores.events import COLUMNS, SOURCE, build_stored_event
from zajil.storage.stores.pushers import SqlPusherStore

STEP_EVENTS = 500


class SqlitePusherStore(SqlPusherStore):
    """`ports.stores.pushers.PusherStore`. Progress is counted in events' numbers, which one writer gives in the order of the log."""

    async def load_end(self, tx: Read) -> int:
        end: int = await tx.fetch_value("SELECT coalesce(max(event_nid), 0) FROM events")
        return end

    async def load_step(self, tx: Read, reached: int, up_to: int) -> tuple[int, list[StoredEvent]]:
        end = max(reached, min(reached + STEP_EVENTS, await self.load_end(tx)))
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.event_nid > ? AND e.event_nid <= ? AND e.position IS NOT NULL"
            " ORDER BY e.event_nid",
            reached,
            end,
        )
        events = [build_stored_event(row) for row in rows]
        for index, stored in enumerate(events):
            if (stored.position or 0) > up_to:
                return stored.nid - 1, events[:index]
        return end, events
