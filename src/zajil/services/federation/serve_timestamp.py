"""The event nearest to a time, for another server (server-server API, GET /timestamp_to_event)."""

import asyncio
from typing import Final

from zajil.ports.stores.events import OUTLIER, REJECTED, SOFT_FAILED, StoredEvent
from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.federation.serve_events import open_room_for

EVENTS_PER_PAGE: Final = 20
PAGES_MAX: Final = 50
"""Events that are not shown to anybody may stand beside each other, but not a thousand of them."""


async def find_event_for_server(
    app: App, origin: str, room_id: str, timestamp_ms: int, *, backwards: bool
) -> StoredEvent:
    """Raises M_NOT_FOUND, M_FORBIDDEN."""
    head, _ = await open_room_for(app, origin, room_id, [])
    after: StoredEvent | None = None
    for _ in range(PAGES_MAX):
        page = await app.stores.events.load_nearest(
            app.db.reader, head.row.room_nid, timestamp_ms, backwards=backwards, limit=EVENTS_PER_PAGE, after=after
        )
        for stored in page:
            if not stored.flags & (OUTLIER | REJECTED | SOFT_FAILED):
                return stored
        if len(page) < EVENTS_PER_PAGE:
            break
        after = page[-1]
        await asyncio.sleep(0)
    raise not_found("This server knows no event on that side of this time.")
