"""A room's timeline in a stretch of the log."""

from dataclasses import dataclass

from zajil.core.filters import EventFilter
from zajil.core.sync_tokens import RoomToken
from zajil.ports.database import Read
from zajil.ports.stores.events import RETURNED, StoredEvent
from zajil.services.app import App
from zajil.services.messages.visible_events import drop_ignored, filter_visible
from zajil.services.rooms.room_heads import RoomHead

FILTERED_PAGES_MAX = 5
PAGE_EVENTS = 100


@dataclass(slots=True)
class Timeline:
    """The newest events of a stretch, oldest first."""

    events: list[StoredEvent]
    limited: bool
    prev_batch: RoomToken


async def load_timeline(
    app: App, tx: Read, head: RoomHead, after: int | None, up_to: int, limit: int, event_filter: EventFilter
) -> Timeline:
    """Up to `limit` events in (after, up_to] that pass the filter; `limited` when there are more. `after` None: from the start.

    What our server was not in the room for is a hole: the timeline begins behind it.
    """
    events = await _load_newest(app, tx, head, after, up_to, limit)
    limited = len(events) > limit
    if limited:
        events = events[-limit:] if limit else []
    if not event_filter.passes_everything:
        events, limited = await _load_filtered(app, tx, head, after, up_to, limit, event_filter)
    hole = next((index for index in reversed(range(len(events))) if events[index].flags & RETURNED), None)
    if hole is not None:
        events, limited = events[hole:], True
    if events:
        first = events[0]
        prev_batch = RoomToken(first.history or 0, first.history_minor - 1)
    else:
        prev_batch = RoomToken(up_to if limited or after is None else after, 0)
    return Timeline(events, limited, prev_batch)


async def _load_newest(
    app: App, tx: Read, head: RoomHead, after: int | None, up_to: int, limit: int
) -> list[StoredEvent]:
    """The newest `limit` + 1 events of the stretch: from memory where it reaches, else from the database, which memory then keeps."""
    known = head.events_after(after) if after is not None else None
    if after is None and (head.recent_after == 0 or len(head.recent) > limit):
        known = list(head.recent)
    if known is not None:
        if known and (known[-1].position or 0) > up_to:
            known = [stored for stored in known if (stored.position or 0) <= up_to]
        return known[-(limit + 1) :]
    events = await app.stores.events.load_timeline(tx, head.row.room_nid, after or 0, up_to, limit + 1)
    if app.rooms.known(head.room_id) is head and up_to >= app.db.position:
        complete_from = (events[0].position or 0) - 1 if len(events) > limit else after or 0
        head.extend_memory(events, complete_from)
    return events


async def _load_filtered(
    app: App, tx: Read, head: RoomHead, after: int | None, up_to: int, limit: int, event_filter: EventFilter
) -> tuple[list[StoredEvent], bool]:
    """Walk back until `limit` events pass the filter, in a bounded number of pages."""
    found: list[StoredEvent] = []
    top = up_to
    for _ in range(FILTERED_PAGES_MAX):
        page = await app.stores.events.load_timeline(tx, head.row.room_nid, after or 0, top, PAGE_EVENTS)
        for stored in reversed(page):
            event = stored.event
            if event_filter.matches(event.type, event.sender, event.content, head.room_id):
                if len(found) >= limit:
                    return found[::-1], True
                found.append(stored)
            if stored.flags & RETURNED:
                return found[::-1], True
        if len(page) < PAGE_EVENTS:
            return found[::-1], False
        top = (page[0].position or 1) - 1
    return found[::-1], True


async def keep_visible(app: App, tx: Read, head: RoomHead, user_id: str, timeline: Timeline) -> None:
    """Drop what the user may not see. A timeline has no holes: it begins after the last event that was dropped."""
    wanted = await drop_ignored(app, tx, user_id, timeline.events)
    visible = {stored.nid: stored for stored in await filter_visible(app, tx, head, user_id, wanted)}
    kept: list[StoredEvent] = []
    for stored in reversed(wanted):
        if stored.nid not in visible:
            break
        kept.append(visible[stored.nid])
    if len(kept) == len(timeline.events):
        timeline.events = kept[::-1]
        return
    timeline.limited = len(kept) < len(visible) or (timeline.limited and bool(kept))
    if kept:
        timeline.prev_batch = RoomToken(kept[-1].history or 0, kept[-1].history_minor - 1)
    elif timeline.events:
        last = timeline.events[-1]
        timeline.prev_batch = RoomToken(last.history or 0, last.history_minor)
    timeline.events = kept[::-1]
