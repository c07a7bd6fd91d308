"""Bundled aggregations: what `unsigned.m.relations` says about an event's edits, thread and references."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.events import Event
from zajil.core.relations import find_latest_replacement
from zajil.ports.database import Read
from zajil.ports.stores.events import HAS_RELATIONS, StoredEvent
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.messages.client_events import prepare_events, render_event
from zajil.services.messages.visible_events import filter_visible, find_memberships, is_joined_throughout
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import NOW
from zajil.services.rooms.room_heads import RoomHead

REPLIES_LOOKED_AT_MAX: Final = 200
"""Of a thread that somebody may not see whole, or in which somebody ignored has the last word."""

Bundles = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Viewer:
    """For whom relations are gathered, and in which room. Related events that they may not see do not count."""

    requester: Requester
    head: RoomHead
    ignored: frozenset[str]
    sees_all: bool
    """Whether they have been in the room since before the first of the events that others relate to."""


async def load_bundles(app: App, tx: Read, requester: Requester, events: Sequence[StoredEvent]) -> Bundles:
    """`{"m.relations": …}` by event ID, for the events of one room that have any (client-server API, "Server-side aggregation")."""
    related = [stored for stored in events if stored.flags & HAS_RELATIONS and stored.redacted_by is None]
    head = await app.rooms.find(tx, related[0].event.room_id, app.db.position) if related else None
    if head is None:
        return {}
    ignored = await load_ignored_users(app, tx, requester.user_id)
    sees_all = await is_joined_throughout(app, tx, head, requester.user_id, related)
    viewer = _Viewer(requester, head, ignored, sees_all)
    bundles = await _load_threads(app, tx, viewer, related)
    for event_id, relations in (await _load_flat(app, tx, viewer, related)).items():
        bundles.setdefault(event_id, {}).update(relations)
    return {event_id: {"m.relations": relations} for event_id, relations in bundles.items()}


async def _load_flat(app: App, tx: Read, viewer: _Viewer, events: Sequence[StoredEvent]) -> Bundles:
    """Edits and references."""
    room_nid, ids = events[0].room_nid, [stored.event.event_id for stored in events]
    found: Bundles = {}
    replacements: dict[str, list[StoredEvent]] = {}
    for stored in await _filter(app, tx, viewer, await app.stores.relations.load_replacements(tx, room_nid, ids)):
        relates_to = stored.event.content.get("m.relates_to", {})
        replacements.setdefault(relates_to.get("event_id", ""), []).append(stored)
    for parent in events:
        edits = {stored.event.event_id: stored for stored in replacements.get(parent.event.event_id, ())}
        latest: Event | None = find_latest_replacement(parent.event, [stored.event for stored in edits.values()])
        if latest is not None:
            shown = await _render(app, tx, viewer.requester, edits[latest.event_id])
            found.setdefault(parent.event.event_id, {})["m.replace"] = shown
    for parent_id, child_id in await _load_references(app, tx, viewer, room_nid, ids):
        chunk = found.setdefault(parent_id, {}).setdefault("m.reference", {"chunk": []})["chunk"]
        chunk.append({"event_id": child_id})
    return found


async def _filter(app: App, tx: Read, viewer: _Viewer, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    visible = await filter_visible(app, tx, viewer.head, viewer.requester.user_id, events)
    return [stored for stored in visible if stored.event.sender not in viewer.ignored]


async def _load_references(
    app: App, tx: Read, viewer: _Viewer, room_nid: int, ids: Sequence[str]
) -> list[tuple[str, str]]:
    references = await app.stores.relations.load_references(tx, room_nid, ids)
    if viewer.sees_all or not references:
        return references
    children = await app.stores.events.load_by_ids(tx, list(dict.fromkeys(child_id for _, child_id in references)))
    visible = {stored.event.event_id for stored in await _filter(app, tx, viewer, children)}
    return [reference for reference in references if reference[1] in visible]


async def _load_threads(app: App, tx: Read, viewer: _Viewer, events: Sequence[StoredEvent]) -> Bundles:
    ids = [stored.event.event_id for stored in events]
    user_id = viewer.requester.user_id
    threads = await app.stores.relations.load_threads(tx, events[0].room_nid, ids, user_id)
    if not threads:
        return {}
    senders = {stored.event.event_id: stored.event.sender for stored in events}
    latest = {s.nid: s for s in await app.stores.events.load_by_nids(tx, [row.latest_nid for row in threads])}
    found: Bundles = {}
    for row in threads:
        newest, count, participated = latest.get(row.latest_nid), row.count, row.participated
        if newest is None or not viewer.sees_all or newest.event.sender in viewer.ignored:
            replies = await _load_replies(app, tx, viewer, events[0].room_nid, row.root_id)
            newest, count = replies[0] if replies else None, len(replies)
            participated = any(stored.event.sender == user_id for stored in replies)
        if newest is None:
            continue
        edits = {} if not newest.flags & HAS_RELATIONS else await _load_flat(app, tx, viewer, [newest])
        extras = {"m.relations": edits[newest.event.event_id]} if newest.event.event_id in edits else None
        found[row.root_id] = {
            "m.thread": {
                "latest_event": await _render(app, tx, viewer.requester, newest, extras),
                "count": count,
                "current_user_participated": participated or senders[row.root_id] == user_id,
            }
        }
    return found


async def _load_replies(app: App, tx: Read, viewer: _Viewer, room_nid: int, root_id: str) -> list[StoredEvent]:
    """The replies of a thread that the viewer gets to see, newest first; of a long thread the last."""
    replies = await app.stores.relations.load_children(
        tx,
        room_nid,
        [root_id],
        rel_type="m.thread",
        event_type=None,
        start=NOW,
        backwards=True,
        limit=REPLIES_LOOKED_AT_MAX,
        end=None,
    )
    return await _filter(app, tx, viewer, replies)


async def _render(
    app: App, tx: Read, requester: Requester, stored: StoredEvent, extras: dict[str, Any] | None = None
) -> orjson.Fragment:
    await prepare_events(app, tx, [stored])
    return orjson.Fragment(render_event(stored, app.clock.now_ms(), requester, extras=extras))


async def render_with_bundles(app: App, tx: Read, requester: Requester, events: Sequence[StoredEvent]) -> list[bytes]:
    """Events of one room as JSON for one client, aggregations and the client's own membership at each included."""
    head = await app.rooms.find(tx, events[0].event.room_id, app.db.position) if events else None
    if head is None:
        return []
    await prepare_events(app, tx, events)
    bundles = await load_bundles(app, tx, requester, events)
    memberships = await find_memberships(app, tx, head, requester.user_id, events)
    now_ms = app.clock.now_ms()
    return [
        render_event(stored, now_ms, requester, membership=membership, extras=bundles.get(stored.event.event_id))
        for stored, membership in zip(events, memberships, strict=True)
    ]
