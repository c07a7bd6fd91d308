"""Bringing the rest of the state of a room that was joined with a part of it.

The whole state before the join is asked of one server and stored, then the members are put down in small commits, and a last commit gives everything
that was placed since the join the state that it would have had with all of it known. What should not have been accepted is taken out then.
Everything before the last commit may be done again: a process that ends in between loses only its work.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import orjson
import structlog

from zajil.core.event_auth import check_event_auth
from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.core.state_map import StateKey, hash_key
from zajil.ports.database import Read, Stream, Transaction
from zajil.ports.federation import FederationFailed
from zajil.ports.stores.events import OUTLIER, REJECTED, HistoryPoint, StoredEvent
from zajil.ports.stores.federation_queue import QueuedPdu
from zajil.ports.stores.partial_rooms import PartialRoom, WaitingPdu
from zajil.services.app import App
from zajil.services.federation.access_servers import has_joined, is_server_allowed
from zajil.services.federation.adopt_state import bring_state
from zajil.services.federation.check_pdus import Refused, check_pdu
from zajil.services.federation.fetch_events import fetch_event
from zajil.services.federation.place_event import find_auth_keys
from zajil.services.federation.receive_events import NotPlaced, OriginUnreachable, bring_auth_events, receive_events
from zajil.services.federation.room_states import (
    EMPTY,
    Roots,
    StateUnknown,
    load_room_events,
    load_roots_after,
    read_keys,
    update_roots,
)
from zajil.services.federation.store_outliers import rejudge_outliers, store_outliers
from zajil.services.messages.append_events import RoomDraft, open_draft, store_draft
from zajil.services.messages.change_state import apply_changes
from zajil.services.messages.send_event import write_to_room
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)

SERVERS_TRIED_MAX: Final = 10
"""In one round."""
KEYS_PER_COMMIT: Final = 50
"""Others' messages wait behind a commit: a few milliseconds."""
EVENTS_PER_SLICE: Final = 100
SNAPSHOTS_PER_COMMIT: Final = 50
WAITING_PER_PORTION: Final = 50

T = TypeVar("T")
State = Mapping[StateKey, int]
"""Event numbers by type and state key."""


@dataclass(slots=True)
class Since:
    """What has been placed in a room since it was joined, in order, and judged by the whole state."""

    events: list[StoredEvent]
    """The join first."""
    keys: set[StateKey]
    """What they set."""
    allowed: set[int]
    """The numbers of those that are allowed."""

    def add(self, stored: StoredEvent, *, is_allowed: bool) -> None:
        self.events.append(stored)
        if stored.event.is_state:
            self.keys.add(stored.event.key)
        if is_allowed:
            self.allowed.add(stored.nid)

    def pick(self, nids: State) -> dict[StateKey, int]:
        """Those of the state events that were set since, and are allowed."""
        return {key: nid for key, nid in nids.items() if nid in self.allowed}


async def complete_room(app: App, room_id: str) -> bool:
    """One round through the room's servers; True when nothing is left to do."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None:
        return True
    room = await app.stores.partial_rooms.load(app.db.reader, head.row.room_nid)
    if room is not None and head.row.partial_state:
        for server in _choose_servers(app, room):
            try:
                await _complete_from(app, head, room, server)
                break
            except (FederationFailed, StateUnknown, NotPlaced) as error:
                log.info("a server does not give a room's state", server=server, room_id=room_id, cause=str(error))
        else:
            # Once nobody of ours is in the room any more, nobody has to give us its state.
            return not await has_joined(app, head, app.server_name)
    return await _place_waiting(app, head)


def _choose_servers(app: App, room: PartialRoom) -> list[str]:
    """Whom to ask in this round: the one that helped to join, and others, each time from another one on."""
    others = [each for each in room.servers if each not in (room.resident, app.server_name)]
    start = app.randomness.below(len(others)) if others else 0
    named = [room.resident, *others[start:], *others[:start]]
    return [each for each in named if is_server_allowed(app, each)][:SERVERS_TRIED_MAX]


async def _complete_from(app: App, head: RoomHead, room: PartialRoom, server: str) -> None:
    join = (await app.stores.events.load_by_nids(app.db.reader, [room.join_nid]))[0]
    await _place_edges(app, server, head, join)
    full = await _bring_state(app, server, head, join)
    roots = EMPTY
    # In the order in which the tries have the keys, so that each commit leaves few nodes behind that the next one replaces.
    for part in _slices(sorted(full, key=hash_key), KEYS_PER_COMMIT):
        changes = {key: full[key] for key in part}
        roots = await app.db.write(partial(_grow, app, roots=roots, changes=changes))
        members = {key: nid for key, nid in changes.items() if key[0] == "m.room.member"}
        await write_to_room(app, head.room_id, partial(_learn, app, room_id=head.room_id, members=members))
    await app.room_turns.acquire(head.room_id)
    try:
        await _settle(app, head, room, join, full, roots)
    finally:
        app.room_turns.release(head.room_id)
    log.info("the state of a room is complete", room_id=head.room_id, events=len(full), server=server)


async def _place_edges(app: App, server: str, head: RoomHead, join: StoredEvent) -> None:
    """What the join follows gets the state before the join, so that events beside the join have a state too."""
    known = await load_roots_after(app, app.db.reader, join.event.prev_event_ids)
    snapshots = await app.stores.rooms.load_event_snapshots(app.db.reader, join.nid)
    for event_id in join.event.prev_event_ids:
        event = None if event_id in known else await fetch_event(app, server, head.room_id, head.rules, event_id)
        if event is None or snapshots is None:
            continue
        try:
            await bring_auth_events(app, server, head, event)
        except NotPlaced:
            continue
        stored = (await store_outliers(app, head.row.room_nid, [event], head.rules)).get(event_id)
        if stored is not None:
            insert = partial(app.stores.rooms.insert_branch_snapshots, event_nid=stored.nid)
            await app.db.write(partial(insert, before=snapshots[0], after=snapshots[0]))


async def _bring_state(app: App, server: str, head: RoomHead, join: StoredEvent) -> State:
    """The whole state before the join, stored here. Raises FederationFailed, StateUnknown."""
    room_nid = head.row.room_nid
    event_ids, chain_ids = await bring_state(app, server, head, join.event.event_id)
    await rejudge_outliers(app, room_nid, [*event_ids, *chain_ids], head.rules)
    found: dict[StateKey, int] = {}
    for part in _slices(sorted(event_ids), EVENTS_PER_SLICE):
        for each in (await load_room_events(app, app.db.reader, room_nid, part)).values():
            if each.event.is_state and not each.flags & REJECTED:
                found[each.event.key] = each.nid
        await asyncio.sleep(0)
    keys = find_auth_keys(join.event)
    state = await _load_keys(app, {key: found[key] for key in keys if key in found})
    rejection = check_event_auth(join.event, state, head.rules)
    if rejection is not None:
        raise StateUnknown(f"by the state that {server} gives the join would not be allowed: {rejection.reason}")
    return found


async def _load_keys(app: App, nids: State) -> dict[StateKey, Event]:
    loaded = {each.nid: each.event for each in await app.stores.events.load_by_nids(app.db.reader, list(nids.values()))}
    return {key: loaded[nid] for key, nid in nids.items() if nid in loaded}


async def _grow(app: App, tx: Transaction, *, roots: Roots, changes: State) -> Roots:
    return await update_roots(app, tx, roots, changes)


async def _learn(app: App, tx: Transaction, *, room_id: str, members: State) -> None:
    """Put down members as they stood before the join, but for those who have come or gone since. The tries follow at the end."""
    draft = await open_draft(app, tx, room_id)
    if not draft.row.partial_state:
        return
    wanted = []
    for key, nid in members.items():
        standing = await draft.state(app, tx, key)
        if standing is None or (standing.flags & OUTLIER and standing.nid != nid):
            wanted.append(nid)
    if wanted:
        position = await tx.append(Stream.EVENTS, room_id)
        changes = {each.event.key: each for each in await app.stores.events.load_by_nids(tx, wanted)}
        await apply_changes(app, tx, draft, changes, position)
        await store_draft(app, tx, draft)


async def _settle(app: App, head: RoomHead, room: PartialRoom, join: StoredEvent, full: State, roots: Roots) -> None:
    """Give all that was placed since the join its state, and the room its own. Nothing else is placed meanwhile but events of ours."""
    if await app.stores.partial_rooms.load(app.db.reader, room.room_nid) != room:
        return  # the room was joined anew, or another process was faster
    rewritten: set[int] = set()
    while True:
        pending = [each for each in await _find_snapshots(app, room, join) if each not in rewritten]
        since = await _judge_again(app, head, join, full)
        if len(pending) <= SNAPSHOTS_PER_COMMIT:
            break
        part = pending[:SNAPSHOTS_PER_COMMIT]
        await app.db.write(partial(_rewrite, app, snapshots=part, since=since, full=full, roots=roots))
        rewritten.update(part)
    servers = await app.stores.federation_queue.load_joined_servers(app.db.reader, room.room_nid)
    others = sorted(set(servers) - {app.server_name, *room.servers})
    newcomers = [each for each in others if is_server_allowed(app, each)]

    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, head.room_id)
        if not draft.row.partial_state:
            return
        # Our own events that have come since are allowed as those before them are.
        late = Since(list(since.events), set(since.keys), set(since.allowed))
        while page := await _load_after(app, tx, head, late.events[-1]):
            for stored in page:
                late.add(stored, is_allowed=True)
        left = [each for each in await _find_snapshots(app, room, join, tx) if each not in rewritten]
        await _rewrite(app, tx, snapshots=left, since=late, full=full, roots=roots)
        await _complete(app, tx, draft, late, full)
        own = [each for each in late.events[1:] if server_name_of(each.event.sender) == app.server_name]
        pdus = [QueuedPdu(each.position, each.nid, room.room_nid) for each in own if each.position is not None]
        await app.stores.federation_queue.insert_pdus(tx, [(name, pdu) for name in newcomers for pdu in pdus])
        for name in newcomers:
            app.destinations.note_waiting(tx, name)

    await write_to_room(app, head.room_id, item)


async def _find_snapshots(app: App, room: PartialRoom, join: StoredEvent, tx: Transaction | None = None) -> list[int]:
    return await app.stores.partial_rooms.load_snapshots(
        tx or app.db.reader, room.room_nid, join.nid, join.history or 0
    )


async def _judge_again(app: App, head: RoomHead, join: StoredEvent, full: State) -> Since:
    """Judge everything since the join by what the state before it would have been with all of it known."""
    since = Since([], set(), set())
    since.add(join, is_allowed=True)
    while page := await _load_after(app, app.db.reader, head, since.events[-1]):
        for stored in page:
            state = await _load_state_of(app, stored, since, full)
            rejection = check_event_auth(stored.event, state, head.rules)
            if rejection is not None:
                log.info("an event is not allowed after all", event_id=stored.event.event_id, cause=rejection.reason)
            since.add(stored, is_allowed=rejection is None)
        await asyncio.sleep(0)
    return since


async def _load_after(app: App, tx: Read, head: RoomHead, last: StoredEvent) -> list[StoredEvent]:
    """Events that were placed later than one."""
    point = HistoryPoint(last.history or 0, last.history_minor)
    room_nid, limit = head.row.room_nid, EVENTS_PER_SLICE
    return await app.stores.events.load_history(tx, room_nid, point, backwards=False, limit=limit)


async def _load_state_of(app: App, stored: StoredEvent, since: Since, full: State) -> dict[StateKey, Event]:
    """What the rules look at, in the whole state before an event."""
    keys = find_auth_keys(stored.event)
    branch = (await app.stores.rooms.load_branch_snapshots(app.db.reader, [stored.nid])).get(stored.nid)
    roots = None if branch is None else await app.stores.rooms.load_snapshot(app.db.reader, branch[0])
    there = {} if roots is None else await read_keys(app, app.db.reader, Roots(*roots), keys)
    return await _load_keys(app, {key: full[key] for key in keys if key in full} | since.pick(there))


async def _rewrite(
    app: App, tx: Transaction, *, snapshots: Sequence[int], since: Since, full: State, roots: Roots
) -> None:
    """Snapshots become the whole state with what was set since."""
    keys = sorted(since.keys)
    for snapshot_id in snapshots:
        old = await app.stores.rooms.load_snapshot(tx, snapshot_id)
        if old is None:
            continue
        there = await read_keys(app, tx, Roots(*old), keys)
        new = await update_roots(app, tx, roots, since.pick(there))
        await app.stores.partial_rooms.rewrite_snapshot(tx, snapshot_id, new.members, new.rest)


async def _complete(app: App, tx: Transaction, draft: RoomDraft, since: Since, full: State) -> None:
    """The room's own state is the whole one from now on."""
    row = draft.row
    position = await tx.append(Stream.EVENTS, row.room_id)
    new = await app.stores.rooms.load_snapshot(tx, row.snapshot_id)
    if new is None:
        raise StateUnknown("the room's state is gone")
    failed = [each for each in since.events if each.nid not in since.allowed]
    # Where what is known of the present may differ from the tries: what was set, what those who spoke have claimed, and all that is no member's.
    keys = since.keys | {key for key in full if key[0] != "m.room.member"} | set(draft.head.rest)
    keys |= {key for each in since.events for key in find_auth_keys(each.event)}
    there = await read_keys(app, tx, Roots(*new), sorted(keys))
    by_nid = {each.nid: each for each in await app.stores.events.load_by_nids(tx, list(there.values()))}
    changes: dict[StateKey, StoredEvent | None] = {}
    for key in sorted(keys):
        standing, stored = await draft.state(app, tx, key), by_nid.get(there.get(key, -1))
        if (standing and standing.nid) != (stored and stored.nid):
            changes[key] = stored
    row.members_root, row.rest_root = new
    await apply_changes(app, tx, draft, changes, position)
    row.extremities = _find_ends(row.extremities, failed)
    for each in failed:
        out = StoredEvent(
            each.event,
            nid=each.nid,
            room_nid=each.room_nid,
            position=None,
            history=None,
            flags=each.flags | REJECTED,
        )
        await app.stores.events.announce(tx, out)
    row.partial_state, row.completed_at = False, position
    await app.stores.partial_rooms.complete(tx, row.room_nid, position)
    await store_draft(app, tx, draft)
    if failed:
        tx.on_commit(lambda: app.rooms.forget(row.room_id))


def _find_ends(ends: Sequence[str], failed: Sequence[StoredEvent]) -> list[str]:
    """The forward extremities without events that are taken out: what these follow is an end instead."""
    found = list(ends)
    for each in reversed(failed):
        if each.event.event_id in found:
            found.remove(each.event.event_id)
            found += each.event.prev_event_ids
    return list(dict.fromkeys(found))


async def _place_waiting(app: App, head: RoomHead) -> bool:
    """Place the events that have waited, in the order of their arrival; True when none is left."""
    store, room_nid = app.stores.partial_rooms, head.row.room_nid
    done = True
    skipped: set[str] = set()
    while True:
        waiting = await store.load_pdus(app.db.reader, room_nid, WAITING_PER_PORTION + len(skipped))
        waiting = [each for each in waiting if each.event_id not in skipped]
        if not waiting:
            return done
        for each in waiting:
            if await _place_one(app, head, each):
                await app.db.write(partial(_forget, app, each))
            else:
                skipped.add(each.event_id)
                done = False


async def _forget(app: App, pdu: WaitingPdu, tx: Transaction) -> None:
    await app.stores.partial_rooms.delete_pdu(tx, pdu.room_nid, pdu.event_id)


async def _place_one(app: App, head: RoomHead, pdu: WaitingPdu) -> bool:
    """False if its sender does not answer when it is asked for what the event follows."""
    event = await check_pdu(app, orjson.loads(pdu.json), head.rules)
    if isinstance(event, Refused):
        return True
    try:
        await receive_events(app, pdu.origin, head.room_id, [event])
    except OriginUnreachable:
        return False
    return True


def _slices(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
