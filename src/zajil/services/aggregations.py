"""Bundled aggregations: what `unsigned.m.relations` says about an event's edits, thread and references."""

from collections.abc import Sequence
from typing import Any

import orjson

from zajil.core.events import Event
from zajil.core.relations import find_latest_replacement
from zajil.ports.database import Read
from zajil.ports.stores.events import HAS_RELATIONS, StoredEvent
from zajil.services.app import App
from zajil.services.client_events import prepare_events, render_event
from zajil.services.ignored_users import load_ignored_users
from zajil.services.requester import Requester
from zajil.services.visible_events import find_memberships

Bundles = dict[str, dict[str, Any]]


async def load_bundles(app: App, tx: Read, requester: Requester, events: Sequence[StoredEvent]) -> Bundles:
    """`{"m.relations": …}` by event ID, for the events of one room that have any (client-server API, "Server-side aggregation")."""
    related = [stored for stored in events if stored.flags & HAS_RELATIONS and stored.redacted_by is None]
    if not related:
        return {}
    ignored = await load_ignored_users(app, tx, requester.user_id)
    bundles = await _load_threads(app, tx, requester, related)
    for event_id, relations in (await _load_flat(app, tx, requester, related, ignored)).items():
        bundles.setdefault(event_id, {}).update(relations)
    return {event_id: {"m.relations": relations} for event_id, relations in bundles.items()}


async def _load_flat(
    app: App, tx: Read, requester: Requester, events: Sequence[StoredEvent], ignored: frozenset[str]
) -> Bundles:
    """Edits and references."""
    room_nid, ids = events[0].room_nid, [stored.event.event_id for stored in events]
    found: Bundles = {}
    replacements: dict[str, list[StoredEvent]] = {}
    for stored in await app.stores.relations.load_replacements(tx, room_nid, ids):
        if stored.event.sender not in ignored:
            relates_to = stored.event.content.get("m.relates_to", {})
            replacements.setdefault(relates_to.get("event_id", ""), []).append(stored)
    for parent in events:
        edits = {stored.event.event_id: stored for stored in replacements.get(parent.event.event_id, ())}
        latest: Event | None = find_latest_replacement(parent.event, [stored.event for stored in edits.values()])
        if latest is not None:
            shown = await _render(app, tx, requester, edits[latest.event_id])
            found.setdefault(parent.event.event_id, {})["m.replace"] = shown
    for parent_id, child_id in await app.stores.relations.load_references(tx, room_nid, ids):
        chunk = found.setdefault(parent_id, {}).setdefault("m.reference", {"chunk": []})["chunk"]
        chunk.append({"event_id": child_id})
    return found


async def _load_threads(app: App, tx: Read, requester: Requester, events: Sequence[StoredEvent]) -> Bundles:
    ids = [stored.event.event_id for stored in events]
    threads = await app.stores.relations.load_threads(tx, events[0].room_nid, ids, requester.user_id)
    if not threads:
        return {}
    senders = {stored.event.event_id: stored.event.sender for stored in events}
    latest = {s.nid: s for s in await app.stores.events.load_by_nids(tx, [row.latest_nid for row in threads])}
    found: Bundles = {}
    for row in threads:
        newest = latest.get(row.latest_nid)
        if newest is None:
            continue
        edits = {} if not newest.flags & HAS_RELATIONS else await _load_flat(app, tx, requester, [newest], frozenset())
        extras = {"m.relations": edits[newest.event.event_id]} if newest.event.event_id in edits else None
        found[row.root_id] = {
            "m.thread": {
                "latest_event": await _render(app, tx, requester, newest, extras),
                "count": row.count,
                "current_user_participated": row.participated or senders[row.root_id] == requester.user_id,
            }
        }
    return found


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
