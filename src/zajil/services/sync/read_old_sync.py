"""What came before /sync and is still there for room previews: a room's or an account's state at once, and events as they come.

To-device messages are not part of it, so nothing here counts as having received any.
"""

import asyncio
from typing import Any, Final

import orjson

from zajil.core.filters import OPEN_FILTER, EventFilter, SyncFilter
from zajil.core.sync_tokens import SyncToken
from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint, StoredEvent
from zajil.services.app import App
from zajil.services.errors import forbidden, not_found
from zajil.services.messages.client_events import prepare_events, render_account_data, render_event, render_list
from zajil.services.messages.read_messages import read_event, read_messages
from zajil.services.messages.visible_events import filter_visible
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import NOW, access_room
from zajil.services.rooms.load_room_state import load_state
from zajil.services.sync.check_session import check_session, check_session_since
from zajil.services.sync.other_rooms import build_invited_room
from zajil.services.sync.presence_section import load_presence
from zajil.services.sync.request import SyncRequest
from zajil.services.sync.run_sync import build_sections, find_position, open_window

EVENTS_MAX: Final = 1000
PEEK_INTERVAL_S: Final = 0.5
"""A peeked room is looked at so often; nobody is woken for those who are not in it."""


def build_token(app: App, position: int) -> str:
    """The token of a place in the log, for /events, /sync and /messages."""
    return str(SyncToken(app.db.epoch, position, app.instance, app.ephemeral.counter))


async def load_room_snapshot(app: App, requester: Requester, room_id: str, limit: int) -> bytes:
    """A room's state and its last `limit` events (GET /rooms/{roomId}/initialSync). Raises M_FORBIDDEN as reading does."""
    tx, position = app.db.reader, app.db.position
    access = await access_room(app, tx, requester.user_id, room_id)
    start = HistoryPoint(position) if access.end == NOW else access.end
    page = await read_messages(
        app, tx, requester, access, start=start, stop=None, backwards=True, limit=limit, event_filter=OPEN_FILTER
    )
    events = page.events[::-1]
    await prepare_events(app, tx, events)
    chunk = [render_event(stored, app.clock.now_ms(), requester) for stored in events]
    messages = {"chunk": orjson.Fragment(render_list(chunk)), "end": build_token(app, position)}
    if page.end is not None:
        messages["start"] = str(page.end)
    account_data = await app.stores.account_data.load_of_room(tx, requester.user_id, room_id)
    answer = {
        "room_id": room_id,
        "messages": messages,
        "state": orjson.Fragment(await load_state(app, requester, room_id)),
        "visibility": "public" if access.head.row.is_public else "private",
        "account_data": [orjson.Fragment(render_account_data(each.type, each.content)) for each in account_data],
    }
    if access.membership is not None:
        answer["membership"] = access.membership
    return orjson.dumps(answer)


async def load_account_snapshot(app: App, requester: Requester, limit: int, *, archived: bool) -> bytes:
    """All rooms of an account, its account data and who is online (GET /initialSync)."""
    tx, user_id = app.db.reader, requester.user_id
    token = build_token(app, app.db.position)
    wanted = ["join", "invite", "knock", *(["leave", "ban"] if archived else [])]
    rooms = []
    for row in sorted(
        await app.stores.rooms.load_memberships_of_user(tx, user_id, wanted), key=lambda each: each.room_id
    ):
        if row.forgotten:
            continue
        if row.membership in ("invite", "knock"):
            rooms.append(await _render_invitation(app, tx, requester, row.room_id))
        else:
            rooms.append(await load_room_snapshot(app, requester, row.room_id, limit))
        await asyncio.sleep(0)
    sync = SyncRequest(requester, None, SyncFilter())
    user = await app.notifier.find_or_load(tx, user_id)
    presence = await load_presence(app, tx, sync, open_window(app, sync, None), user)
    account_data = await app.stores.account_data.load_of_room(tx, user_id, "")
    return orjson.dumps(
        {
            "end": token,
            "rooms": [orjson.Fragment(each) for each in rooms if each],
            "presence": [orjson.Fragment(each) for each in presence],
            "account_data": [orjson.Fragment(render_account_data(each.type, each.content)) for each in account_data],
        }
    )


async def _render_invitation(app: App, tx: Read, requester: Requester, room_id: str) -> bytes:
    head = await app.rooms.find(tx, room_id, app.db.position)
    if head is None or await build_invited_room(app, tx, head, requester.user_id) is None:
        return b""  # not to be seen
    member = await app.rooms.member(tx, head, requester.user_id)
    if member is None:
        return b""
    await prepare_events(app, tx, [member])
    rendered = orjson.Fragment(render_event(member, app.clock.now_ms(), requester))
    membership = member.event.membership
    answer = {"room_id": room_id, "membership": membership}
    return orjson.dumps({**answer, "invite": rendered} if membership == "invite" else answer)


async def wait_events(app: App, requester: Requester, since: SyncToken | None, timeout_ms: int) -> dict[str, Any]:
    """Events of the requester's rooms and people after `since`, as soon as there are any (GET /events)."""
    tx, user_id = app.db.reader, requester.user_id
    position = await find_position(app, since)
    after = app.db.position if position is None else position
    token = since if since is not None and position is not None else SyncToken(app.db.epoch, after, app.instance, 0)
    checked_at = app.db.position
    timeline = EventFilter(limit=EVENTS_MAX)
    sync = SyncRequest(requester, token, SyncFilter(timeline=timeline))
    deadline_s = app.clock.monotonic_s() + timeout_ms / 1000
    while True:
        user = await app.notifier.find_or_load(tx, user_id)
        checked_at = await check_session_since(app, requester, user, checked_at)
        window = open_window(app, sync, after)
        sections = await build_sections(app, tx, sync, window, user)
        chunk = _flatten(sections)
        remaining_s = deadline_s - app.clock.monotonic_s()
        if chunk or remaining_s <= 0 or app.stopping:
            end = SyncToken(app.db.epoch, window.up_to, app.instance, window.ephemeral_up_to)
            return {"chunk": chunk, "start": str(token), "end": str(end)}
        if user.last_touched <= window.up_to and user.last_ephemeral <= window.ephemeral_up_to:
            await app.notifier.wait(user, remaining_s)


def _flatten(sections: dict[bytes, bytes]) -> list[dict[str, Any]]:
    """All events of a /sync answer in one list; those of rooms say which."""
    chunk: list[dict[str, Any]] = []
    rooms = orjson.loads(sections.get(b"rooms", b"{}"))
    for room_id, room in [*rooms.get("join", {}).items(), *rooms.get("leave", {}).items()]:
        for section in ("timeline", "ephemeral"):
            chunk += [{**event, "room_id": room_id} for event in room.get(section, {}).get("events", [])]
    for room_id, room in rooms.get("invite", {}).items():
        chunk.append({**room["invite_state"]["events"][-1], "room_id": room_id})
    chunk += orjson.loads(sections.get(b"presence", b"{}")).get("events", [])
    return chunk


async def peek_events(
    app: App, requester: Requester, room_id: str, since: SyncToken | None, timeout_ms: int
) -> dict[str, Any]:
    """Events of one room that may be read, joined or not, after `since` (GET /events with a room_id)."""
    tx = app.db.reader
    position = await find_position(app, since)
    start = app.db.position if position is None else position
    deadline_s = app.clock.monotonic_s() + timeout_ms / 1000
    seen = start
    while True:
        access = await access_room(app, tx, requester.user_id, room_id)
        if access.end != NOW:
            raise forbidden("You are not in this room.")
        up_to, events = app.db.position, []
        if up_to > seen:
            await check_session(app, requester)
            found = await app.stores.events.load_timeline(tx, access.head.row.room_nid, seen, up_to, EVENTS_MAX)
            events = await filter_visible(app, tx, access.head, requester.user_id, found)
        remaining_s = deadline_s - app.clock.monotonic_s()
        if events or remaining_s <= 0 or app.stopping:
            await prepare_events(app, tx, events)
            rendered = [render_event(stored, app.clock.now_ms(), requester) for stored in events]
            chunk = [orjson.Fragment(each) for each in rendered]
            return {"chunk": chunk, "start": build_token(app, start), "end": build_token(app, up_to)}
        seen = up_to
        await asyncio.sleep(min(remaining_s, PEEK_INTERVAL_S))


async def find_event(app: App, requester: Requester, event_id: str) -> StoredEvent:
    """One event, wherever it is (GET /events/{eventId}). Raises M_NOT_FOUND when the requester may not see it."""
    for stored in await app.stores.events.load_by_ids(app.db.reader, [event_id]):
        return await read_event(app, app.db.reader, requester, stored.event.room_id, event_id)
    raise not_found("There is no such event, or you may not see it.")
