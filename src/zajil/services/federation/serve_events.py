"""Giving other servers the events they ask for (server-server API, "Retrieving events", "Backfilling and retrieving missing events")."""

from collections.abc import Sequence
from typing import Final

from zajil.core.events import redact_event
from zajil.core.identifiers import server_name_of
from zajil.core.visibility import parse_history_visibility
from zajil.ports.stores.events import OUTLIER, REJECTED, StoredEvent
from zajil.services.app import App
from zajil.services.errors import forbidden, not_found
from zajil.services.federation.access_servers import has_joined
from zajil.services.federation.partial_rooms import load_named_servers
from zajil.services.federation.room_states import (
    load_room_events,
    load_roots_before,
    load_state_events,
    load_state_nids,
    load_with_auth_chain,
)
from zajil.services.federation.server_acl import is_banned_from_room
from zajil.services.rooms.room_heads import RoomHead

BACKFILL_MAX: Final = 100
MISSING_MAX: Final = 20
WALK_MAX: Final = 1_000
ASKED_ABOUT_MAX: Final = 20
"""Events about which a server that is not in their room may ask at once; what lies before further ones is not looked at."""


async def open_room_for(
    app: App, origin: str, room_id: str, event_ids: Sequence[str]
) -> tuple[RoomHead, Sequence[str]]:
    """A room that the other server is in, or was in at some of the events that it asks about, or that all the world may read; and those events.

    A server that was removed meanwhile must be able to have what its removal follows and is allowed by: else it can neither place nor believe it,
    and goes on as if it were in the room. We need not be in the room any more either: others may hear of our last events only after we have gone.
    Raises M_FORBIDDEN, M_NOT_FOUND.
    """
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or not head.row.extremities:
        raise not_found("This server does not know that room.")
    if is_banned_from_room(head, origin):
        raise forbidden("Your server is banned from this room.")
    if await has_joined(app, head, origin) or _visibility(head) == "world_readable":
        return head, event_ids
    wanted = list(dict.fromkeys(event_ids))[:ASKED_ABOUT_MAX]
    asked = await load_room_events(app, app.db.reader, head.row.room_nid, wanted)
    allowed = [event_id for event_id, each in asked.items() if await _was_in_room_at(app, origin, each)]
    if not allowed:
        raise forbidden("Your server is not in this room.")
    return head, allowed


async def _was_in_room_at(app: App, origin: str, stored: StoredEvent) -> bool:
    """Whether a user of the server was in the room just before an event, or after it."""
    reader = app.db.reader
    snapshots = (await app.stores.rooms.load_branch_snapshots(reader, [stored.nid])).get(stored.nid, ())
    for snapshot in dict.fromkeys(snapshots):
        roots = await app.stores.rooms.load_snapshot(reader, snapshot)
        if roots is not None and await _has_member_of(app, origin, roots[0], ("join",)):
            return True
    return False


async def _has_member_of(app: App, origin: str, members_root: bytes, memberships: Sequence[str]) -> bool:
    """Whether a user of the server has one of the memberships."""
    members = await app.rooms.read_state(app.db.reader, members_root)
    wanted = [nid for (_, user_id), nid in members.items() if server_name_of(user_id) == origin]
    found = await app.stores.events.load_by_nids(app.db.reader, wanted)
    return any(each.event.membership in memberships for each in found)


def _visibility(head: RoomHead) -> str:
    return parse_history_visibility(head.content("m.room.history_visibility"))


async def read_event(app: App, origin: str, event_id: str) -> StoredEvent:
    """One event that the other server may see. Raises M_NOT_FOUND, M_FORBIDDEN."""
    stored = next(iter(await app.stores.events.load_by_ids(app.db.reader, [event_id])), None)
    if stored is None or stored.flags & REJECTED:
        raise not_found("This server does not have that event.")
    await open_room_for(app, origin, stored.event.room_id, [event_id])
    return (await show_to_server(app, origin, [stored]))[0]


async def read_state_at(
    app: App, origin: str, room_id: str, event_id: str
) -> tuple[Sequence[StoredEvent], Sequence[StoredEvent]]:
    """The state before an event, and the auth chain of that state. Raises M_NOT_FOUND, M_FORBIDDEN."""
    head, _ = await open_room_for(app, origin, room_id, [event_id])
    reader = app.db.reader
    roots = await load_roots_before(app, reader, await _load_event(app, head, event_id))
    if roots is None or head.row.partial_state:
        raise not_found("This server does not know the state there.")
    nids = await load_state_nids(app, reader, roots)
    return await load_with_auth_chain(app, nids, nids)


async def read_auth_chain(app: App, origin: str, room_id: str, event_id: str) -> Sequence[StoredEvent]:
    """All that an event's right to be there depends on. Raises M_NOT_FOUND, M_FORBIDDEN."""
    head, _ = await open_room_for(app, origin, room_id, [event_id])
    stored = await _load_event(app, head, event_id)
    return await app.stores.events.load_auth_chain(app.db.reader, [stored.nid])


async def _load_event(app: App, head: RoomHead, event_id: str) -> StoredEvent:
    """Raises M_NOT_FOUND."""
    stored = (await load_room_events(app, app.db.reader, head.row.room_nid, [event_id])).get(event_id)
    if stored is None:
        raise not_found("This server does not have that event.")
    return stored


async def read_backfill(
    app: App, origin: str, room_id: str, event_ids: Sequence[str], limit: int
) -> Sequence[StoredEvent]:
    """Some events and what came before them, the newest first. Raises M_NOT_FOUND, M_FORBIDDEN."""
    head, event_ids = await open_room_for(app, origin, room_id, event_ids)
    found = await _walk_back(app, head, event_ids, min(limit, BACKFILL_MAX), frozenset())
    return await show_to_server(app, origin, found)


async def read_missing(
    app: App, origin: str, room_id: str, earliest: Sequence[str], latest: Sequence[str], limit: int, min_depth: int
) -> Sequence[StoredEvent]:
    """What lies between two sets of events, the oldest first. Raises M_NOT_FOUND, M_FORBIDDEN."""
    head, latest = await open_room_for(app, origin, room_id, latest)
    starts = await load_room_events(app, app.db.reader, head.row.room_nid, latest)
    before = [prev for each in starts.values() for prev in each.event.prev_event_ids]
    skip = frozenset([*earliest, *latest])
    found = await _walk_back(app, head, before, min(limit, MISSING_MAX), skip)
    found = [each for each in found if each.event.depth >= min_depth]
    return await show_to_server(app, origin, sorted(found, key=lambda each: (each.event.depth, each.nid)))


async def _walk_back(
    app: App, head: RoomHead, event_ids: Sequence[str], limit: int, skip: frozenset[str]
) -> list[StoredEvent]:
    """Events backwards through the graph, breadth first, by depth."""
    seen: set[str] = set(skip)
    level = [event_id for event_id in dict.fromkeys(event_ids) if event_id not in seen]
    found: list[StoredEvent] = []
    walked = 0
    while level and len(found) < limit and walked < WALK_MAX:
        seen.update(level)
        known = await load_room_events(app, app.db.reader, head.row.room_nid, level)
        loaded = [each for each in known.values() if not each.flags & OUTLIER]
        loaded.sort(key=lambda each: (-each.event.depth, -each.nid))
        walked += len(level)
        # Those that failed softly here are part of the graph: elsewhere events follow them, and cannot be placed without them.
        found += [each for each in loaded if not each.flags & REJECTED]
        level = [prev for each in loaded for prev in each.event.prev_event_ids if prev not in seen]
        level = list(dict.fromkeys(level))
    return found[:limit]


async def show_to_server(app: App, origin: str, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """The events, with the content gone of those that nobody of the other server may see ("Visibility")."""
    return [
        each if await _may_see(app, origin, each) else each.with_changes(event=redact_event(each.event))
        for each in events
    ]


async def _is_named(app: App, origin: str, room_id: str) -> bool:
    """Whether a server is said to be in a room whose members are not known yet."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    return head is not None and origin in await load_named_servers(app, head)


async def _may_see(app: App, origin: str, stored: StoredEvent) -> bool:
    reader = app.db.reader
    roots = await load_roots_before(app, reader, stored)
    if roots is None or await _is_named(app, origin, stored.event.room_id):
        return True
    key = ("m.room.history_visibility", "")
    state = await load_state_events(app, reader, roots, [key])
    visibility = parse_history_visibility(state[key].event.content if key in state else None)
    if visibility in ("world_readable", "shared"):
        return True
    return await _has_member_of(
        app, origin, roots.members, ("join", "invite") if visibility == "invited" else ("join",)
    )
