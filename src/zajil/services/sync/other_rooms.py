"""The sections of rooms the user is not in: invitations, knocks, and rooms that were left."""

from typing import Any

import orjson

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.client_events import build_stripped_state, strip_event
from zajil.services.room_heads import RoomHead
from zajil.services.sync.joined_room import filter_state, render_room
from zajil.services.sync.request import SyncRequest, Window
from zajil.services.sync.room_state import build_full_state, build_state_delta, load_roots_at, load_roots_before
from zajil.services.sync.timeline import keep_visible, load_timeline


async def build_invited_room(app: App, tx: Read, head: RoomHead, user_id: str) -> bytes:
    """An invitation or a knock: stripped state, the user's own member event included."""
    shown: list[dict[str, Any]] = build_stripped_state(head.rest)
    key = "invite_state"
    member = await app.rooms.member(tx, head, user_id)
    if member is not None:
        shown = [each for each in shown if (each["type"], each["state_key"]) != ("m.room.member", user_id)]
        shown.append(strip_event(member))
        key = "knock_state" if member.event.membership == "knock" else "invite_state"
    return orjson.dumps({key: {"events": shown}})


async def build_left_room(
    app: App,
    tx: Read,
    head: RoomHead,
    sync: SyncRequest,
    window: Window,
    left_at: int,
    membership: str,
    *,
    had_state: bool,
) -> bytes:
    """A room the user has left: its timeline and state up to the moment of leaving. `had_state`: the client knew the room."""
    up_to = min(left_at, window.up_to)
    after = window.since if had_state else None
    timeline = await load_timeline(app, tx, head, after, up_to, sync.filter.timeline_limit, sync.filter.timeline)
    await keep_visible(app, tx, head, sync.user_id, timeline)
    roots = (
        await load_roots_before(app, tx, head, timeline)
        if timeline.events
        else await load_roots_at(app, tx, head, up_to)
    )
    if after is None or sync.full_state:
        state = await build_full_state(app, tx, head, sync, timeline, roots)
    else:
        old = await load_roots_at(app, tx, head, after)
        state = await build_state_delta(app, tx, head, sync, timeline, old, roots)
    nids = {stored.nid for stored in timeline.events}
    state = filter_state(sync, head.room_id, [stored for stored in state if stored.nid not in nids])
    return await render_room(app, tx, sync, window, timeline, state, {}, None, membership=membership)
