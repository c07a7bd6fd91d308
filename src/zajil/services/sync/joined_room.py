"""The section of a room the user is in."""

from collections.abc import Sequence
from typing import Any

import orjson

from zajil.ports.database import Read
from zajil.ports.stores.events import FORKED, StoredEvent
from zajil.services.app import App
from zajil.services.messages.client_events import prepare_events, render_event, render_list
from zajil.services.messages.visible_events import drop_ignored, find_memberships
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.rooms.room_summary import build_summary
from zajil.services.sync.request import SyncRequest, Window
from zajil.services.sync.room_extras import load_room_extras, load_unread_section
from zajil.services.sync.room_state import (
    Roots,
    build_full_state,
    build_state_delta,
    load_roots_after,
    load_roots_at,
    load_roots_before,
    note_members_in_timeline,
)
from zajil.services.sync.timeline import Timeline, keep_visible, load_timeline


async def build_joined_room(
    app: App,
    tx: Read,
    head: RoomHead,
    sync: SyncRequest,
    window: Window,
    *,
    newly_joined: bool,
    came_back: bool = False,
    completed: bool = False,
) -> bytes | None:
    """The room as JSON, or None when there is nothing to say about it. `newly_joined`: the client has no state of it.
    `came_back`: what the client has may be outdated, but it has seen the events up to the start of the window. `completed`: the same, because
    only a part of the room's state was here.
    """
    fresh = window.since is None or newly_joined
    after = window.since if came_back or not fresh else None
    if newly_joined and not came_back:
        app.lazy_members.forget_room(sync.device_key, head.room_id)
    timeline = await load_timeline(app, tx, head, after, window.up_to, sync.filter.timeline_limit, sync.filter.timeline)
    if fresh:
        await keep_visible(app, tx, head, sync.user_id, timeline)
    else:
        timeline.events = list(await drop_ignored(app, tx, sync.user_id, timeline.events))
    knew_state = (came_back or not fresh) and not completed
    state = await _load_state(app, tx, head, sync, window, timeline, knew_state=knew_state, gap=came_back)
    extras = await load_room_extras(app, tx, head, sync, window, fresh=fresh, timeline=timeline.events)
    if not (fresh or timeline.events or timeline.limited or state or extras or sync.full_state):
        return None
    if b"unread_notifications" not in extras:
        extras.update(await load_unread_section(app, tx, head, sync))
    note_members_in_timeline(app, sync, head.room_id, timeline.events)
    summary = await _load_summary(app, tx, head, sync, timeline, fresh=fresh or completed or sync.full_state)
    memberships = await find_memberships(app, tx, head, sync.user_id, timeline.events) if fresh else None
    return await render_room(app, tx, sync, window, timeline, state, extras, summary, memberships)


async def _load_state(
    app: App,
    tx: Read,
    head: RoomHead,
    sync: SyncRequest,
    window: Window,
    timeline: Timeline,
    *,
    knew_state: bool,
    gap: bool,
) -> list[StoredEvent]:
    """State up to the start of the timeline, or with `use_state_after` up to its end."""
    if not knew_state or sync.full_state:
        roots = await _end_roots(app, tx, head, sync, timeline)
        events = await build_full_state(app, tx, head, sync, timeline, roots)
    elif timeline.limited or gap or sync.use_state_after:
        old = await load_roots_at(app, tx, head, window.since or 0)
        new = await _end_roots(app, tx, head, sync, timeline)
        events = await build_state_delta(app, tx, head, sync, timeline, old, new)
    elif is_forked(timeline):
        events = await _load_turns(app, tx, head, sync, window, timeline)
    elif sync.filter.lazy_load_members and timeline.events:
        roots = await load_roots_before(app, tx, head, timeline)
        events = await build_state_delta(app, tx, head, sync, timeline, roots, roots)
    else:
        return []
    if not sync.use_state_after:
        # State events that stand in the timeline are not state before it.
        nids = {stored.nid for stored in timeline.events}
        events = [stored for stored in events if stored.nid not in nids]
    return filter_state(sync, head.room_id, events)


async def _load_turns(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, window: Window, timeline: Timeline
) -> list[StoredEvent]:
    """What holds after the timeline and is not what the client would make of it: branches of the room have been joined meanwhile.

    The spec has no place for it but the state before the timeline; clients that ask for `state_after` are told exactly.
    """
    old = await load_roots_at(app, tx, head, window.since or 0)
    new = await load_roots_after(app, tx, head, timeline)
    return await build_state_delta(app, tx, head, sync, timeline, old, new)


def filter_state(sync: SyncRequest, room_id: str, events: list[StoredEvent]) -> list[StoredEvent]:
    """The state events that pass the filter."""
    state_filter = sync.filter.state
    if state_filter.passes_everything:
        return events
    return [
        stored
        for stored in events
        if state_filter.matches(stored.event.type, stored.event.sender, stored.event.content, room_id)
    ]


def is_forked(timeline: Timeline) -> bool:
    """Whether branches of the room were joined in it."""
    return any(stored.flags & FORKED for stored in timeline.events)


async def _end_roots(app: App, tx: Read, head: RoomHead, sync: SyncRequest, timeline: Timeline) -> Roots:
    # What no event of the timeline says for itself (_load_turns) must be known all the same.
    if sync.use_state_after or is_forked(timeline):
        return await load_roots_after(app, tx, head, timeline)
    return await load_roots_before(app, tx, head, timeline)


async def _load_summary(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, timeline: Timeline, *, fresh: bool
) -> dict[str, Any] | None:
    changed = fresh or any(stored.event.membership is not None for stored in timeline.events) or timeline.limited
    return await build_summary(app, tx, head, sync.user_id) if changed else None


async def render_room(
    app: App,
    tx: Read,
    sync: SyncRequest,
    window: Window,
    timeline: Timeline,
    state: list[StoredEvent],
    extras: dict[bytes, bytes],
    summary: dict[str, Any] | None,
    memberships: Sequence[str] | None,
) -> bytes:
    """One room's object. `memberships` are the user's own at each event of the timeline; None: "join" at all of them."""
    await prepare_events(app, tx, timeline.events)
    await prepare_events(app, tx, state)
    own = memberships if memberships is not None else ["join"] * len(timeline.events)
    shown = await render_events(app, tx, sync, window, timeline.events, own)
    parts = [
        b'"timeline":{"events":%b,"limited":%b,"prev_batch":"%b"}'
        % (render_list(shown), b"true" if timeline.limited else b"false", str(timeline.prev_batch).encode())
    ]
    state_events = await render_events(app, tx, sync, window, state)
    parts.append(b'"%b":{"events":%b}' % (sync.state_key, render_list(state_events)))
    parts.extend(b'"%b":%b' % (name, value) for name, value in extras.items())
    if summary is not None:
        parts.append(b'"summary":' + orjson.dumps(summary))
    return b"{" + b",".join(parts) + b"}"


async def render_events(
    app: App,
    tx: Read,
    sync: SyncRequest,
    window: Window,
    events: list[StoredEvent],
    memberships: Sequence[str] | None = None,
) -> list[bytes]:
    """Events in the format the filter asks for, with the user's own membership at each where it is given."""
    if sync.filter.event_format == "federation":
        return [stored.event.json for stored in events]
    own: Sequence[str | None] = memberships if memberships is not None else [None] * len(events)
    rendered = [
        render_event(stored, window.now_ms, sync.requester, membership=membership)
        for stored, membership in zip(events, own, strict=True)
    ]
    if sync.filter.event_fields is None:
        return rendered
    return [orjson.dumps(sync.filter.project(orjson.loads(each))) for each in rendered]
