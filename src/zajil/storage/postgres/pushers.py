"""How the pusher store walks the log."""

from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.storage.stores.events import COLUMNS, SOURCE, build_stored_event
from zajil.storage.stores.pushers import SqlPusherStore

STEP_EVENTS = 500


class PostgresPusherStore(SqlPusherStore):
    """`ports.stores.pushers.PusherStore`. Progress is counted in positions of the log."""

    async def load_end(self, tx: Read) -> int:
        end: int = await tx.fetch_value("SELECT coalesce(max(position), 0) FROM events")
        return end

    async def load_step(self, tx: Read, reached: int, up_to: int) -> tuple[int, list[StoredEvent]]:
        end = max(reached, min(reached + STEP_EVENTS, await self.load_end(tx), up_to))
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.position > ? AND e.position <= ? AND e.position IS NOT NULL"
            " ORDER BY e.position",
            reached,
            end,
        )
        return end, [build_stored_event(row) for row in rows]
