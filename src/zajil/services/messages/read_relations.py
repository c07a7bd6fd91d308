"""Events that relate to an event, and the threads of a room."""

from dataclasses import dataclass

from zajil.core.sync_tokens import RoomToken
from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint, StoredEvent
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.messages.read_messages import BEGINNING, read_event, token_past
from zajil.services.messages.visible_events import filter_visible
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import NOW, access_room

RECURSION_DEPTH_MAX = 3
PARENTS_MAX = 2000


@dataclass(slots=True)
class RelationsPage:
    """Related events in walking order, and how deep the relations were followed."""

    events: list[StoredEvent]
    end: RoomToken | None
    depth: int


async def read_relations(
    app: App,
    tx: Read,
    requester: Requester,
    room_id: str,
    event_id: str,
    *,
    rel_type: str | None,
    event_type: str | None,
    start: HistoryPoint | None,
    stop: HistoryPoint | None,
    backwards: bool,
    limit: int,
    recurse: bool,
) -> RelationsPage:
    """GET /rooms/{room_id}/relations/{event_id}. Raises M_NOT_FOUND when the user may not see the event."""
    parent = await read_event(app, tx, requester, room_id, event_id)
    access = await access_room(app, tx, requester.user_id, room_id)
    parents, depth = [event_id], 1
    if recurse:
        level = parents
        while depth < RECURSION_DEPTH_MAX and level and len(parents) < PARENTS_MAX:
            level = await app.stores.relations.load_child_ids(tx, parent.room_nid, level, PARENTS_MAX - len(parents))
            parents = [*parents, *level]
            depth += 1
    children = await app.stores.relations.load_children(
        tx,
        parent.room_nid,
        list(dict.fromkeys(parents)),
        rel_type=rel_type,
        event_type=event_type,
        start=start or (NOW if backwards else BEGINNING),
        backwards=backwards,
        limit=limit + 1,
        end=stop,
    )
    more, children = len(children) > limit, children[:limit]
    ignored = await load_ignored_users(app, tx, requester.user_id)
    visible = await filter_visible(app, tx, access.head, requester.user_id, children)
    shown = [stored for stored in visible if stored.event.sender not in ignored]
    return RelationsPage(shown, token_past(children[-1], backwards=backwards) if more else None, depth)


@dataclass(slots=True)
class Threads:
    """Thread roots, those with the newest reply first."""

    roots: list[StoredEvent]
    next_before: int | None


async def read_threads(
    app: App,
    tx: Read,
    requester: Requester,
    room_id: str,
    *,
    participated_only: bool,
    before: int | None,
    limit: int,
) -> Threads:
    """GET /rooms/{room_id}/threads. `before` is the number of the newest reply of the last thread given out."""
    access = await access_room(app, tx, requester.user_id, room_id)
    rows = await app.stores.relations.load_thread_list(
        tx,
        access.head.row.room_nid,
        requester.user_id,
        participated_only=participated_only,
        before=2**62 if before is None else before,
        limit=limit + 1,
    )
    more, rows = len(rows) > limit, rows[:limit]
    found = {s.event.event_id: s for s in await app.stores.events.load_by_ids(tx, [row.root_id for row in rows])}
    roots = [found[row.root_id] for row in rows if row.root_id in found]
    visible = await filter_visible(app, tx, access.head, requester.user_id, roots)
    ignored = await load_ignored_users(app, tx, requester.user_id)
    shown = [stored for stored in visible if stored.event.sender not in ignored]
    return Threads(shown, rows[-1].latest_nid if more else None)
