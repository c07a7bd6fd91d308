"""What a server that was away for long need not be sent: it asks for it when it has got what follows (server-server API, "PDUs", on catching up)."""

from collections.abc import Sequence
from typing import Final

from zajil.core.events import Event
from zajil.ports.stores.federation_queue import QueuedPdu
from zajil.services.app import App

QUEUED_MAX: Final = 1_000
"""Looked at at once, the oldest first."""
WALK_MAX: Final = 1_000
"""Events of one room through which its newest one is followed back."""


async def find_superseded(app: App, server_name: str) -> list[QueuedPdu]:
    """The queued events that each room's newest queued event leads back to.

    Later is not enough: whoever left a room and joined it anew through another server goes on from there, and nothing leads back to what was sent
    before; left out, that would be lost.
    """
    by_room: dict[int, list[QueuedPdu]] = {}
    for row in await app.stores.federation_queue.load_pdus(app.db.reader, server_name, QUEUED_MAX):
        by_room.setdefault(row.room_nid, []).append(row)
    found: list[QueuedPdu] = []
    for rows in by_room.values():
        if len(rows) > 1:
            found += await _find_led_to(app, rows)
    return found


async def _find_led_to(app: App, rows: Sequence[QueuedPdu]) -> list[QueuedPdu]:
    events: dict[int, Event] = {
        each.nid: each.event
        for each in await app.stores.events.load_by_nids(app.db.reader, [row.event_nid for row in rows])
    }
    newest = max(rows, key=lambda row: row.position)
    if newest.event_nid not in events:
        return []
    lowest = min(event.depth for event in events.values())
    reached: set[str] = set()
    level = set(events[newest.event_nid].prev_event_ids)
    while level and len(reached) < WALK_MAX:
        reached |= level
        loaded = await app.stores.events.load_by_ids(app.db.reader, sorted(level))
        level = {prev for each in loaded if each.event.depth > lowest for prev in each.event.prev_event_ids} - reached
    return [row for row in rows if row.event_nid in events and events[row.event_nid].event_id in reached]
