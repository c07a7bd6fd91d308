"""Reading a room's history: pages of messages, one event, an event with what surrounds it, the event nearest to a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from zajil.core.filters import EventFilter
from zajil.core.sync_tokens import RoomToken
from zajil.ports.database import Read
from zajil.ports.stores.events import OUTLIER, REJECTED, SOFT_FAILED, HistoryPoint, StoredEvent
from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.messages.visible_events import filter_visible
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import ReadAccess, access_room
from zajil.services.rooms.room_heads import RoomHead

PAGES_READ_MAX = 10
PAGE_EVENTS_MIN = 50
FILLS_MAX = 5
"""How often others are asked for what is missing in one stretch: what one of them gives may end at a gap of its own."""
FILLS_S_MAX = 10.0
"""After so long no more is fetched for one page."""
BEGINNING = HistoryPoint(-(2**62))


@dataclass(slots=True)
class Page:
    """A stretch of a room's history in walking order. `end` is None when there is nothing further in that direction."""

    events: list[StoredEvent]
    start: RoomToken
    end: RoomToken | None


async def read_messages(
    app: App,
    tx: Read,
    requester: Requester,
    access: ReadAccess,
    *,
    start: HistoryPoint | None,
    stop: HistoryPoint | None,
    backwards: bool,
    limit: int,
    event_filter: EventFilter,
) -> Page:
    """Up to `limit` events the user may see that pass the filter, walking from `start` (GET /rooms/{room_id}/messages)."""
    point = start or (access.end if backwards else BEGINNING)
    if backwards and _is_later(point, access.end):
        point = access.end
    end = stop if backwards or stop is not None else (access.end if access.end.major < 2**62 else None)
    page = Page([], RoomToken(point.major, point.minor), None)
    until_s = app.clock.monotonic_s() + FILLS_S_MAX
    for _ in range(PAGES_READ_MAX):
        wanted = max(limit - len(page.events), PAGE_EVENTS_MIN)
        room_nid = access.head.row.room_nid
        load = partial(app.stores.events.load_history, tx, room_nid, point, backwards=backwards, limit=wanted, end=end)
        read, may_grow = await _load_whole(app, access.head, load, wanted, until_s) if backwards else (await load(), False)
        for stored in await filter_visible(app, tx, access.head, requester.user_id, _announced(read)):
            if len(page.events) == limit:
                break
            if await passes(app, tx, access.head, event_filter, stored):
                page.events.append(stored)
        if len(page.events) >= limit and limit:
            page.end = token_past(page.events[-1], backwards=backwards)
            return page
        if read:
            point = _point_past(read[-1], backwards=backwards)
        is_all = len(read) < wanted
        page.end = None if is_all and not may_grow else RoomToken(point.major, point.minor)
        if is_all:
            return page
    return page


async def _load_whole(
    app: App, head: RoomHead, load: Callable[[], Awaitable[Sequence[StoredEvent]]], wanted: int, until_s: float
) -> tuple[Sequence[StoredEvent], bool]:
    """A stretch of history with what was missing in it, and whether there may be more than has been fetched."""
    read = await load()
    for _ in range(FILLS_MAX):
        if app.clock.monotonic_s() >= until_s:
            return read, True
        if not await app.backfills.fill(head, read, is_end=len(read) < wanted):
            return read, head.row.partial_state or app.backfills.is_fetching(head.room_id)
        read = await load()
    return read, True


def _announced(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    return [stored for stored in events if not stored.flags & (OUTLIER | REJECTED | SOFT_FAILED)]


async def passes(app: App, tx: Read, head: RoomHead, event_filter: EventFilter, stored: StoredEvent) -> bool:
    """Whether an event passes a room event filter, with what it asks about relations."""
    if event_filter.passes_everything:
        return True
    event = stored.event
    if not event_filter.matches(event.type, event.sender, event.content, head.room_id):
        return False
    if not event_filter.asks_for_relations:
        return True
    children = await app.stores.relations.load_kinds(tx, head.row.room_nid, event.event_id)
    return event_filter.matches_relations(children)


def _is_later(a: HistoryPoint, b: HistoryPoint) -> bool:
    return (a.major, a.minor) > (b.major, b.minor)


def _point_past(stored: StoredEvent, *, backwards: bool) -> HistoryPoint:
    return HistoryPoint(stored.history or 0, stored.history_minor - (1 if backwards else 0))


def token_past(stored: StoredEvent, *, backwards: bool) -> RoomToken:
    """Where walking goes on after `stored`."""
    point = _point_past(stored, backwards=backwards)
    return RoomToken(point.major, point.minor)


async def read_event(app: App, tx: Read, requester: Requester, room_id: str, event_id: str) -> StoredEvent:
    """One event of a room. Raises M_NOT_FOUND when there is none or the user may not see it."""
    head = await app.rooms.find(tx, room_id, app.db.position)
    if head is not None:
        found = _announced(await app.stores.events.load_by_ids(tx, [event_id]))
        own = [stored for stored in found if stored.room_nid == head.row.room_nid]
        if own and (visible := await filter_visible(app, tx, head, requester.user_id, own)):
            return visible[0]
    raise not_found("There is no such event, or you may not see it.")


@dataclass(slots=True)
class Context:
    """An event and what surrounds it; `before` walks backwards, `after` forwards."""

    head: RoomHead
    event: StoredEvent
    before: list[StoredEvent]
    after: list[StoredEvent]
    start: RoomToken
    end: RoomToken


async def read_context(
    app: App, tx: Read, requester: Requester, room_id: str, event_id: str, limit: int, event_filter: EventFilter
) -> Context:
    """GET /rooms/{room_id}/context/{event_id}: `limit` counts the events on both sides."""
    stored = await read_event(app, tx, requester, room_id, event_id)
    access = await access_room(app, tx, requester.user_id, room_id)
    here = HistoryPoint(stored.history or 0, stored.history_minor)
    before = await read_messages(
        app, tx, requester, access, start=_point_past(stored, backwards=True), stop=None, backwards=True,
        limit=limit - limit // 2, event_filter=event_filter,
    )  # fmt: skip
    after = await read_messages(
        app, tx, requester, access, start=here, stop=None, backwards=False, limit=limit // 2, event_filter=event_filter
    )
    first, last = (before.events or [stored])[-1], (after.events or [stored])[-1]
    return Context(
        access.head,
        stored,
        before.events,
        after.events,
        token_past(first, backwards=True),
        token_past(last, backwards=False),
    )


async def find_event_at(
    app: App, tx: Read, requester: Requester, room_id: str, timestamp_ms: int, *, backwards: bool
) -> StoredEvent:
    """GET /rooms/{room_id}/timestamp_to_event: the event nearest to a time in one direction."""
    access = await access_room(app, tx, requester.user_id, room_id)
    after: StoredEvent | None = None
    while True:
        candidates = await app.stores.events.load_nearest(
            tx, access.head.row.room_nid, timestamp_ms, backwards=backwards, limit=PAGE_EVENTS_MIN, after=after
        )
        for stored in await filter_visible(app, tx, access.head, requester.user_id, _announced(candidates)):
            return stored
        if len(candidates) < PAGE_EVENTS_MIN:
            raise not_found("There is no event on that side of this time.")
        after = candidates[-1]
        await asyncio.sleep(0)  # there may be any number of events that this user may not see
