"""The sections of rooms the user is not in: invitations, knocks, and rooms that were left."""

import orjson

from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.messages.client_events import build_stripped_state, strip_event
from zajil.services.messages.visible_events import find_memberships
from zajil.services.rooms.check_invite import blocks_invites
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.sync.joined_room import filter_state, render_room
from zajil.services.sync.request import SyncRequest, Window
from zajil.services.sync.room_state import (
    build_full_state,
    build_state_delta,
    load_roots_after,
    load_roots_at,
    load_roots_before,
)
from zajil.services.sync.timeline import Timeline, keep_visible, load_timeline


async def build_invited_room(app: App, tx: Read, head: RoomHead, user_id: str) -> bytes | None:
    """An invitation or a knock: stripped state, the user's own member event included. None for what the user will not see."""
    member = await app.rooms.member(tx, head, user_id)
    if member is None or await _is_unwanted(app, tx, user_id, member):
        return None
    key = "knock_state" if member.event.membership == "knock" else "invite_state"
    told = await app.stores.directory.load_invite_state(tx, head.row.room_nid, user_id)
    shown = build_stripped_state(head.rest) if told is None else told
    own_key = ("m.room.member", user_id)
    shown = [each for each in shown if (each.get("type"), each.get("state_key")) != own_key]
    if told is None and member.event.sender != user_id:
        inviter = await app.rooms.member(tx, head, member.event.sender)
        shown += [] if inviter is None else [strip_event(inviter)]
    return orjson.dumps({key: {"events": [*shown, strip_event(member)]}})


async def _is_unwanted(app: App, tx: Read, user_id: str, member: StoredEvent) -> bool:
    """Invitations that a client must not see (client-server API, "Ignoring Users" and "Invite permission")."""
    if member.event.membership != "invite":
        return False
    return member.event.sender in await load_ignored_users(app, tx, user_id) or await blocks_invites(app, tx, user_id)


async def build_left_room(
    app: App,
    tx: Read,
    head: RoomHead,
    sync: SyncRequest,
    window: Window,
    left_at: int,
    *,
    was_in: bool,
    had_state: bool,
) -> bytes:
    """A room the user has left: its timeline and state up to the moment of leaving. `had_state`: the client knew the room.

    Whose membership ended otherwise (by a ban long after they had left, or an invitation declined) is told of that and nothing else.
    """
    up_to = min(left_at, window.up_to)
    after = window.since if had_state else None
    timeline = await load_timeline(app, tx, head, after, up_to, sync.filter.timeline_limit, sync.filter.timeline)
    await keep_visible(app, tx, head, sync.user_id, timeline)
    state: list[StoredEvent] = []
    if was_in:
        state = await _load_state(app, tx, head, sync, timeline, after, up_to)
    elif sync.use_state_after:
        state = [stored for stored in timeline.events if stored.event.key == ("m.room.member", sync.user_id)]
    if not sync.use_state_after:
        nids = {stored.nid for stored in timeline.events}
        state = [stored for stored in state if stored.nid not in nids]
    state = filter_state(sync, head.room_id, state)
    memberships = await find_memberships(app, tx, head, sync.user_id, timeline.events)
    return await render_room(app, tx, sync, window, timeline, state, {}, None, memberships)


async def _load_state(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, timeline: Timeline, after: int | None, up_to: int
) -> list[StoredEvent]:
    if not timeline.events:
        roots = await load_roots_at(app, tx, head, up_to)
    elif sync.use_state_after:
        roots = await load_roots_after(app, tx, head, timeline)
    else:
        roots = await load_roots_before(app, tx, head, timeline)
    if after is None or sync.full_state:
        return await build_full_state(app, tx, head, sync, timeline, roots)
    return await build_state_delta(app, tx, head, sync, timeline, await load_roots_at(app, tx, head, after), roots)
