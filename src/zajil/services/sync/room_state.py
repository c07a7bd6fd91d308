"""The state section of a room: what a client must know besides the timeline to have the room's state right."""

from collections.abc import Iterable, Sequence

from zajil.core.state_map import EMPTY_ROOT, StateKey
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.sync.request import SyncRequest
from zajil.services.sync.timeline import Timeline

MEMBER = "m.room.member"
Roots = tuple[bytes, bytes]


async def load_roots_before(app: App, tx: Read, head: RoomHead, timeline: Timeline) -> Roots:
    """The state before the timeline's first event; the current state when it is empty."""
    if not timeline.events:
        return head.row.members_root, head.row.rest_root
    return await _load_roots(app, tx, timeline.events[0].nid, after=False)


async def load_roots_after(app: App, tx: Read, head: RoomHead, timeline: Timeline) -> Roots:
    """The state after the timeline's last event; the current state when it is empty."""
    if not timeline.events or (head.recent and head.recent[-1].nid == timeline.events[-1].nid):
        return head.row.members_root, head.row.rest_root
    return await _load_roots(app, tx, timeline.events[-1].nid, after=True)


async def load_roots_at(app: App, tx: Read, head: RoomHead, position: int) -> Roots:
    """The state after the last announced event that is not later than `position`."""
    events = await app.stores.events.load_timeline(tx, head.row.room_nid, 0, position, 1)
    return await _load_roots(app, tx, events[0].nid, after=True) if events else (EMPTY_ROOT, EMPTY_ROOT)


async def _load_roots(app: App, tx: Read, nid: int, *, after: bool) -> Roots:
    snapshots = await app.stores.rooms.load_event_snapshots(tx, nid)
    if snapshots is None:
        return EMPTY_ROOT, EMPTY_ROOT
    return await app.stores.rooms.load_snapshot(tx, snapshots[1 if after else 0]) or (EMPTY_ROOT, EMPTY_ROOT)


async def build_full_state(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, timeline: Timeline, roots: Roots
) -> list[StoredEvent]:
    """All state at `roots`, with members only as lazy loading asks for them."""
    rest = await _load_rest(app, tx, head, roots[1])
    if not sync.filter.lazy_load_members:
        nids = (await app.rooms.read_state(tx, roots[0])).values()
        return rest + await load_state_events(app, tx, head, nids)
    return rest + await load_lazy_members(app, tx, head, sync, timeline, roots[0], own=True)


async def build_state_delta(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, timeline: Timeline, old: Roots, new: Roots
) -> list[StoredEvent]:
    """What differs between two states, plus the lazily loaded members of the timeline's senders."""
    lazy = sync.filter.lazy_load_members
    wanted = {sync.user_id, *(stored.event.sender for stored in timeline.events)}
    changed: dict[StateKey, int] = {}
    for before_root, after_root in zip(old, new, strict=True):
        if before_root == after_root:
            continue
        for key, (before, after) in (await app.rooms.diff_states(tx, before_root, after_root)).items():
            # Whom the client may have lazily loaded before must not become wrong; newcomers can wait until they speak.
            if after is not None and (not lazy or before is not None or key[0] != MEMBER or key[1] in wanted):
                changed[key] = after
    events = await load_state_events(app, tx, head, changed.values())
    if lazy:
        held = {stored.event.key for stored in events}
        for stored in await load_lazy_members(app, tx, head, sync, timeline, new[0], own=False):
            if stored.event.key not in held:
                events.append(stored)
    return events


async def load_lazy_members(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, timeline: Timeline, members_root: bytes, *, own: bool
) -> list[StoredEvent]:
    """Member events of the timeline's senders (and, on a full state, the user's own), but for those the device has."""
    wanted = {stored.event.sender for stored in timeline.events}
    if own:
        wanted.add(sync.user_id)
    sent = app.lazy_members.sent(sync.device_key, head.room_id)
    since = -1 if sync.since is None else sync.since.position
    redundant = own or sync.filter.state.include_redundant_members
    if members_root == head.row.members_root:
        members = [await app.rooms.member(tx, head, user_id) for user_id in sorted(wanted)]
    else:
        nids = await app.rooms.read_state_keys(tx, members_root, [(MEMBER, user_id) for user_id in sorted(wanted)])
        members = list(await load_state_events(app, tx, head, nids.values()))
    chosen = []
    for stored in members:
        if stored is None:
            continue
        nid, told_at = sent.get(stored.event.key[1], (0, 0))
        if redundant or nid != stored.nid or told_at > since:
            sent[stored.event.key[1]] = stored.nid, app.db.position
            chosen.append(stored)
    return chosen


def note_members_in_timeline(app: App, sync: SyncRequest, room_id: str, events: Sequence[StoredEvent]) -> None:
    """Member events of the timeline need not be sent again."""
    sent: dict[str, tuple[int, int]] | None = None
    for stored in events:
        if stored.event.membership is not None and stored.event.is_state:
            if sent is None:
                sent = app.lazy_members.sent(sync.device_key, room_id)
            sent[stored.event.key[1]] = stored.nid, app.db.position


async def _load_rest(app: App, tx: Read, head: RoomHead, root: bytes) -> list[StoredEvent]:
    if root == head.row.rest_root:
        return list(head.rest.values())
    return await load_state_events(app, tx, head, (await app.rooms.read_state(tx, root)).values())


async def load_state_events(app: App, tx: Read, head: RoomHead, nids: Iterable[int]) -> list[StoredEvent]:
    """State events by their numbers: from the room's memory where it has them."""
    wanted = list(nids)
    if not wanted:
        return []
    known = {stored.nid: stored for stored in head.rest.values()}
    known.update({stored.nid: stored for stored in head.members.values() if stored is not None})
    missing = [nid for nid in wanted if nid not in known]
    if missing:
        known.update({stored.nid: stored for stored in await app.stores.events.load_by_nids(tx, missing)})
    return [known[nid] for nid in wanted if nid in known]
