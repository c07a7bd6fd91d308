"""Reading a room's state and members (client-server API, "Getting events for a room")."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.sync_tokens import RoomToken, SyncToken
from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint, StoredEvent
from zajil.services.app import App
from zajil.services.errors import forbidden, not_found
from zajil.services.federation.partial_rooms import wait_for_state
from zajil.services.messages.client_events import prepare_events, render_event
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import NOW, access_room
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.rooms.set_membership import MEMBER, MEMBERSHIPS

EVENTS_PER_SLICE: Final = 200
"""After so many events a long answer lets others run."""


@dataclass(frozen=True, slots=True)
class StateAccess:
    """A room's state as one user may read it: as it is now, or as it was when they left."""

    head: RoomHead
    members_root: bytes
    rest_root: bytes
    left_at: int | None = None
    """The position of the event that ended the user's stay; None for who reads the current state."""


async def access_state(app: App, tx: Read, user_id: str, room_id: str) -> StateAccess:
    """Raises 403 M_FORBIDDEN for who has never been in the room, unless it is world-readable."""
    access = await access_room(app, tx, user_id, room_id)
    row = access.head.row
    if access.end == NOW:
        return StateAccess(access.head, row.members_root, row.rest_root)
    departure = await app.stores.rooms.load_departure(tx, row.room_nid, user_id)
    snapshots = None if departure is None else await app.stores.rooms.load_event_snapshots(tx, departure.event_nid)
    roots = None if snapshots is None else await app.stores.rooms.load_snapshot(tx, snapshots[1])
    if departure is None or roots is None:
        raise forbidden("You are not in this room, or it does not exist.")
    return StateAccess(access.head, roots[0], roots[1], departure.position)


async def load_state(app: App, requester: Requester, room_id: str) -> bytes:
    """The whole state that the requester may see, as a JSON array."""
    tx = app.db.reader
    await wait_for_state(app, room_id)
    access = await access_state(app, tx, requester.user_id, room_id)
    if access.left_at is None:
        rest = slice_events(list(access.head.rest.values()))
        members = _walk_members(app, tx, access.head, sorted(MEMBERSHIPS))
    else:
        rest = slice_events(await _load_all(app, tx, access.rest_root))
        members = slice_events(await _load_all(app, tx, access.members_root))
    return await render_slices(app, tx, requester, rest, members)


async def load_state_event(
    app: App, requester: Requester, room_id: str, event_type: str, state_key: str
) -> StoredEvent:
    """One state event. Raises M_NOT_FOUND when the room has none of this type and key."""
    tx = app.db.reader
    access = await access_state(app, tx, requester.user_id, room_id)
    if event_type == MEMBER and state_key != requester.user_id:
        await wait_for_state(app, room_id)
        access = await access_state(app, tx, requester.user_id, room_id)
    stored = await find_state_event(app, tx, access, event_type, state_key)
    if stored is None:
        raise not_found("The room has no such state event.")
    return stored


async def find_state_event(
    app: App, tx: Read, access: StateAccess, event_type: str, state_key: str
) -> StoredEvent | None:
    if access.left_at is None:
        if event_type == MEMBER:
            return await app.rooms.member(tx, access.head, state_key)
        return access.head.rest.get((event_type, state_key))
    key = (event_type, state_key)
    root = access.members_root if event_type == MEMBER else access.rest_root
    nid = (await app.rooms.read_state_keys(tx, root, [key])).get(key)
    found = [] if nid is None else await app.stores.events.load_by_nids(tx, [nid])
    return found[0] if found else None


async def load_members(
    app: App, requester: Requester, room_id: str, memberships: Collection[str], at: SyncToken | RoomToken | None
) -> bytes:
    """Member events with one of `memberships`, now or at a token, as a JSON array."""
    tx = app.db.reader
    await wait_for_state(app, room_id)
    access = await access_state(app, tx, requester.user_id, room_id)
    if at is None and access.left_at is None:
        members = _walk_members(app, tx, access.head, sorted(memberships))
    else:
        root = access.members_root if at is None else await _find_members_root(app, tx, access, at)
        found = await _load_all(app, tx, root)
        members = slice_events([stored for stored in found if stored.event.membership in memberships])
    return await render_slices(app, tx, requester, members)


async def _find_members_root(app: App, tx: Read, access: StateAccess, at: SyncToken | RoomToken) -> bytes:
    """The members at a token, or at the requester's leaving if that was earlier."""
    point = HistoryPoint(at.position) if isinstance(at, SyncToken) else HistoryPoint(at.major, at.minor)
    if access.left_at is not None and point.major >= access.left_at:
        return access.members_root
    events = await app.stores.events.load_history(tx, access.head.row.room_nid, point, backwards=True, limit=1)
    snapshots = await app.stores.rooms.load_event_snapshots(tx, events[0].nid) if events else None
    roots = None if snapshots is None else await app.stores.rooms.load_snapshot(tx, snapshots[1])
    return access.members_root if roots is None else roots[0]


async def load_joined_members(app: App, requester: Requester, room_id: str) -> dict[str, Any]:
    """Joined users and their names and avatars. Raises M_FORBIDDEN for who is not in the room."""
    tx = app.db.reader
    await wait_for_state(app, room_id)
    head = await app.rooms.find(tx, room_id, app.db.position)
    if head is None or await app.rooms.membership(tx, head, requester.user_id) != "join":
        raise forbidden("You are not in this room.")
    joined: dict[str, dict[str, str]] = {}
    for row in await app.stores.rooms.load_members(tx, head.row.room_nid, ["join"]):
        shown = {"display_name": row.display_name, "avatar_url": row.avatar_url}
        joined[row.user_id] = {key: value for key, value in shown.items() if value is not None}
    return {"joined": joined}


async def _load_all(app: App, tx: Read, root: bytes) -> list[StoredEvent]:
    nids = (await app.rooms.read_state(tx, root)).values()
    found = await app.stores.events.load_by_nids(tx, list(nids))
    return sorted(found, key=lambda stored: stored.nid)


async def _walk_members(
    app: App, tx: Read, head: RoomHead, memberships: Sequence[str]
) -> AsyncIterator[list[StoredEvent]]:
    """Current member events in slices: a large room's do not fit into one turn of the event loop."""
    after = ""
    while True:
        page = await app.stores.rooms.load_member_page(tx, head.row.room_nid, memberships, after, EVENTS_PER_SLICE)
        yield page
        if len(page) < EVENTS_PER_SLICE:
            return
        after = page[-1].event.key[1]


async def slice_events(events: list[StoredEvent]) -> AsyncIterator[list[StoredEvent]]:
    """A list in slices."""
    for start in range(0, len(events), EVENTS_PER_SLICE):
        yield events[start : start + EVENTS_PER_SLICE]


async def render_slices(app: App, tx: Read, requester: Requester, *parts: AsyncIterator[list[StoredEvent]]) -> bytes:
    """A JSON array of events; between slices others get their turn."""
    now_ms, rendered = app.clock.now_ms(), []
    for part in parts:
        async for events in part:
            await prepare_events(app, tx, events)
            rendered += [render_event(stored, now_ms, requester) for stored in events]
            if len(events) == EVENTS_PER_SLICE:
                await asyncio.sleep(0)
    return b"[" + b",".join(rendered) + b"]"
