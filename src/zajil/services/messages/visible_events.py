"""Which events of a room a user may see: the room's history visibility and the user's membership, both as they stood at each event."""

from collections.abc import Sequence

from zajil.core.visibility import Access, access_event, parse_history_visibility
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

VISIBILITY = ("m.room.history_visibility", "")
MEMBER = "m.room.member"


async def filter_visible(
    app: App, tx: Read, head: RoomHead, user_id: str, events: Sequence[StoredEvent]
) -> list[StoredEvent]:
    """The events of one room that `user_id` may see, and wants to, in the order given (client-server API, "Room History
    Visibility" and "Ignoring Users")."""
    events = await drop_ignored(app, tx, user_id, events)
    if not events:
        return []
    if await is_joined_throughout(app, tx, head, user_id, events):
        return list(events)
    member = await app.rooms.member(tx, head, user_id)
    membership = None if member is None else member.event.membership
    if membership in ("leave", "ban") and await _has_forgotten(app, tx, head, user_id):
        return []
    last_join = await app.stores.rooms.load_last_join(tx, head.row.room_nid, user_id)
    shown = []
    for stored, (visibility, then) in zip(events, await load_views(app, tx, user_id, events), strict=True):
        access = access_event(
            stored.event,
            user_id,
            history_visibility=visibility,
            membership=then,
            joined_later=last_join is not None and (stored.history or 0, stored.history_minor) < (last_join, 0),
        )
        if access is not Access.HIDDEN:
            was_there = then == "join"
            shown.append(stored if was_there else await app.erasures.hide(app, tx, head, user_id, stored))
    return shown


async def _has_forgotten(app: App, tx: Read, head: RoomHead, user_id: str) -> bool:
    """Whether the user has forgotten a room that not everybody may read."""
    if parse_history_visibility(head.content(VISIBILITY[0])) == "world_readable":
        return False
    row = await app.stores.rooms.load_membership(tx, head.row.room_nid, user_id)
    return row is not None and row.forgotten


async def drop_ignored(app: App, tx: Read, user_id: str, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """Without what ignored users sent; state is never left out."""
    ignored = await load_ignored_users(app, tx, user_id)
    if not ignored:
        return events
    return [stored for stored in events if stored.event.is_state or stored.event.sender not in ignored]


async def is_joined_throughout(app: App, tx: Read, head: RoomHead, user_id: str, events: Sequence[StoredEvent]) -> bool:
    """Whether the user is in the room now, and has been since before the first of `events`: sees it and all that follows."""
    if await app.rooms.membership(tx, head, user_id) != "join":
        return False
    first = min((-1 if stored.position is None else stored.position) for stored in events)
    joined_at = await app.rooms.joined_at(tx, head, user_id)
    return joined_at is not None and 0 <= joined_at <= first


async def find_memberships(
    app: App, tx: Read, head: RoomHead, user_id: str, events: Sequence[StoredEvent]
) -> list[str]:
    """The user's own membership at each event, with what the event itself made of it (`unsigned.membership`)."""
    if not events:
        return []
    if await is_joined_throughout(app, tx, head, user_id, events):
        return ["join"] * len(events)
    own = (MEMBER, user_id)
    views = await load_views(app, tx, user_id, events)
    return [
        (stored.event.membership if stored.event.key == own else then) or "leave"
        for stored, (_, then) in zip(events, views, strict=True)
    ]


async def load_views(app: App, tx: Read, user_id: str, events: Sequence[StoredEvent]) -> list[tuple[str, str | None]]:
    """For each event the history visibility and the user's membership in the state before it."""
    snapshots = await app.stores.rooms.load_snapshots_before(tx, [stored.nid for stored in events])
    views = {each: await _load_view(app, tx, user_id, each) for each in sorted(set(snapshots.values()))}
    return [views.get(snapshots.get(stored.nid, -1), ("joined", None)) for stored in events]


async def _load_view(app: App, tx: Read, user_id: str, snapshot_id: int) -> tuple[str, str | None]:
    roots = await app.stores.rooms.load_snapshot(tx, snapshot_id)
    if roots is None:
        return "joined", None
    member_nid = (await app.rooms.read_state_keys(tx, roots[0], [(MEMBER, user_id)])).get((MEMBER, user_id))
    visibility_nid = (await app.rooms.read_state_keys(tx, roots[1], [VISIBILITY])).get(VISIBILITY)
    nids = [nid for nid in (member_nid, visibility_nid) if nid is not None]
    loaded = {stored.nid: stored for stored in await app.stores.events.load_by_nids(tx, nids)} if nids else {}
    member, setting = loaded.get(member_nid or -1), loaded.get(visibility_nid or -1)
    visibility = parse_history_visibility(None if setting is None else setting.event.content)
    return visibility, None if member is None else member.event.membership
