"""How many unread messages a user has in all rooms: the number on an app's icon."""

import asyncio
from typing import Final

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.notifications.unread_counts import load_unread

ROOMS_PER_SLICE: Final = 20
ROOMS_COUNTED_MAX: Final = 2_000
"""Of the rooms the user joined; those beyond do not show in the number."""


async def count_badge(app: App, tx: Read, user_id: str) -> int:
    """Unread notifications of all joined rooms, and one for each invitation."""
    rows = await app.stores.rooms.load_memberships_of_user(tx, user_id, ["join", "invite"])
    unread = sum(row.membership == "invite" for row in rows)
    joined = [row for row in rows if row.membership == "join"][:ROOMS_COUNTED_MAX]
    for count, row in enumerate(joined):
        if count % ROOMS_PER_SLICE == ROOMS_PER_SLICE - 1:
            await asyncio.sleep(0)
        head = await app.rooms.find(tx, row.room_id, app.db.position)
        if head is not None:
            tally = await load_unread(app, tx, head, user_id)
            unread += tally.totals()[0]
    return unread
