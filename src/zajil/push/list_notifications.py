"""GET /notifications: what the user was notified of, the newest first, read from the log (client-server API, "Listing Notifications")."""

import asyncio
import heapq
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.push_rules_evaluation import Verdict
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.push.evaluate_event import evaluate_event
from zajil.services.app import App
from zajil.services.messages.aggregations import render_with_bundles
from zajil.services.notifications.event_notices import prepare_old_notices
from zajil.services.notifications.unread_counts import Tally, load_unread
from zajil.services.requester import Requester
from zajil.services.rooms.room_heads import RoomHead

PAGE_EVENTS: Final = 30
EVENTS_LOOKED_AT_MAX: Final = 3_000
"""In one request; a page may be short, and go on all the same."""
ROOMS_MAX: Final = 2_000


@dataclass(slots=True)
class Notifications:
    """A page of the list."""

    listed: list[dict[str, Any]]
    next_before: int | None
    """The position before which the next page begins; None at the end."""


class _RoomWalk:
    """A room's events, the newest first, from when the user joined it."""

    def __init__(self, app: App, tx: Read, head: RoomHead, joined_at: int, tally: Tally) -> None:
        self._app = app
        self._tx = tx
        self.head = head
        self.tally = tally
        self._joined_at = joined_at
        self._page: list[StoredEvent] = []

    async def load(self, before: int) -> int | None:
        """Have events before a position at hand; returns the newest one's position, None when there is none left."""
        if not self._page:
            store = self._app.stores.events
            room_nid = self.head.row.room_nid
            self._page = await store.load_timeline(self._tx, room_nid, self._joined_at, before - 1, PAGE_EVENTS)
            await prepare_old_notices(self._app, self._tx, self.head, self._page)
        return self._page[-1].position if self._page else None

    def take(self) -> StoredEvent:
        return self._page.pop()


async def list_notifications(
    app: App, requester: Requester, *, before: int | None, limit: int, only_highlights: bool
) -> Notifications:
    """Up to `limit` notifications of events with a position less than `before`."""
    tx = app.db.reader
    start = app.db.position + 1 if before is None else before
    walks = await _open_rooms(app, tx, requester.user_id)
    heap: list[tuple[int, int]] = []
    for index, walk in enumerate(walks):
        newest = await walk.load(start)
        if newest is not None:
            heap.append((-newest, index))
    heapq.heapify(heap)
    listed: list[dict[str, Any]] = []
    looked_at, reached = 0, start
    while heap and len(listed) < limit and looked_at < EVENTS_LOOKED_AT_MAX:
        negative, index = heap[0]
        walk, reached = walks[index], -negative
        stored = walk.take()
        looked_at += 1
        verdict = await evaluate_event(app, tx, walk.head, stored, requester.user_id)
        if verdict.notify and (verdict.highlight or not only_highlights):
            listed.append(await _render(app, tx, requester, walk, stored, verdict))
        newest = await walk.load(reached)
        if newest is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (-newest, index))
    return Notifications(listed, reached if heap else None)


async def _open_rooms(app: App, tx: Read, user_id: str) -> list[_RoomWalk]:
    walks: list[_RoomWalk] = []
    for row in (await app.stores.rooms.load_memberships_of_user(tx, user_id, ["join"]))[:ROOMS_MAX]:
        await asyncio.sleep(0)
        head = await app.rooms.find(tx, row.room_id, app.db.position)
        joined_at = None if head is None else await app.rooms.joined_at(tx, head, user_id)
        if head is not None and joined_at is not None:
            walks.append(_RoomWalk(app, tx, head, joined_at, await load_unread(app, tx, head, user_id)))
    return walks


async def _render(
    app: App, tx: Read, requester: Requester, walk: _RoomWalk, stored: StoredEvent, verdict: Verdict
) -> dict[str, Any]:
    rendered = await render_with_bundles(app, tx, requester, [stored])
    return {
        "actions": list(verdict.actions),
        "event": orjson.Fragment(rendered[0]),
        "read": walk.tally.is_read(stored, stored.notice.thread),
        "room_id": walk.head.room_id,
        "ts": stored.event.origin_server_ts,
    }
