"""Placing an event of another server in its room: the state before it, whether it is allowed, what holds after it (server-server API,
"Checks performed on receipt of a PDU", 4 to 6).

An event that continues the room where it stands is placed in one commit, like one of our own. One that forks the room, or joins forks, is
stored first, with the state on its own branch; then the states of all branches are resolved outside of any commit, and the outcome is announced with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zajil.core.event_auth import Rejection, auth_event_keys, check_event_auth, check_event_auth_events
from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.core.power_levels import CREATE_KEY
from zajil.core.state_map import StateKey
from zajil.ports.database import Read, Stream, Transaction
from zajil.ports.stores.events import (
    FORKED,
    HAS_RELATIONS,
    OUTLIER,
    REJECTED,
    RETURNED,
    SOFT_FAILED,
    StoredEvent,
)
from zajil.ports.stores.federation_queue import QueuedPdu
from zajil.services.app import App
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.ask_policy_server import consult_policy
from zajil.services.federation.room_states import (
    Resolved,
    Roots,
    StateUnknown,
    diff_roots,
    load_roots_after,
    load_state_events,
    resolve_roots,
    update_roots,
)
from zajil.services.messages.append_events import HeadMoved, RoomDraft, open_draft, store_draft, store_relation
from zajil.services.messages.change_state import apply_changes
from zajil.services.messages.note_outgoing import note_outgoing
from zajil.services.messages.redact_event import apply_redaction
from zajil.services.messages.send_event import write_to_room
from zajil.services.rooms.room_heads import RoomHead

EXTREMITIES_MAX: Final = 50
"""Forward extremities that a room keeps. Beyond that the oldest are let go: their events stay, only nobody builds on them."""
ATTEMPTS_MAX: Final = 10


@dataclass(slots=True)
class Judged:
    """An event, the state before it, and what the rules say."""

    event: Event
    auth: Sequence[StoredEvent]
    before: Resolved
    rejection: Rejection | None
    is_refused: bool = False
    """The room's policy server does not recommend it."""


@dataclass(frozen=True, slots=True)
class Return:
    """With a join this server comes back into a room that has gone on without it."""

    before: Roots
    """What held before the join, as the server tells that has let us in."""
    beside: Sequence[str]
    """Former ends of the room here, which that server lacks."""


class Overruled(Exception):
    """Somebody has taken the user out of the room meanwhile."""


def has_place(stored: StoredEvent) -> bool:
    """Whether nothing more is to be done with an event: it is in the log, or in the older history, or has failed.

    What is in the older history has been followed already. As an end of the room it would bring back a state that is long past.
    """
    if stored.flags & OUTLIER:
        return False
    return stored.history is not None or bool(stored.flags & (REJECTED | SOFT_FAILED))


async def place_event(
    app: App,
    room_id: str,
    event: Event,
    auth: Sequence[StoredEvent],
    *,
    on_current_state: bool = False,
    adopted: Roots | None = None,
) -> StoredEvent:
    """Store an event whose predecessors and auth events are all here, and tell everybody if it is accepted.

    With `on_current_state` it is judged by what holds in the room now, because what it follows cannot be had. `adopted` is the state before it as
    another server has it, and stands for predecessors that cannot be had.
    Raises StateUnknown when the state before it cannot be worked out.
    """
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None:
        raise StateUnknown("the room is not known")
    judged = await judge_event(app, head, event, auth, on_current_state=on_current_state, adopted=adopted)
    if judged.rejection is None:
        judged.event, judged.is_refused = await consult_policy(app, head, event)
    return await _write(app, room_id, judged)


async def judge_event(
    app: App,
    head: RoomHead,
    event: Event,
    auth: Sequence[StoredEvent],
    *,
    on_current_state: bool = False,
    adopted: Roots | None = None,
) -> Judged:
    """What the rules say of the event by its auth events and by the state before it."""
    reader = app.db.reader
    rules = head.rules
    rejection = check_claimed_auth(head, event, auth)
    if on_current_state or list(event.prev_event_ids) == head.row.extremities:
        before = Resolved(Roots(head.row.members_root, head.row.rest_root), {})
    else:
        roots = await load_roots_after(app, reader, event.prev_event_ids)
        missing = [event_id for event_id in event.prev_event_ids if event_id not in roots]
        states = [roots[event_id] for event_id in event.prev_event_ids if event_id in roots]
        if missing and adopted is not None:
            states.append(adopted)
        elif missing or not roots:
            raise StateUnknown(f"the state before {event.event_id} is not known")
        before = await resolve_roots(app, reader, states, find_create_nid(head), rules)
    if head.row.partial_state:
        before = await _add_claimed(app, before, auth)
    if rejection is None:
        # 5. Passes authorisation rules based on the state before the event.
        state = await load_auth_state(app, head, event, before)
        rejection = check_event_auth(event, state, rules)
    if rejection is not None and head.row.partial_state:
        raise StateUnknown("the event cannot be judged before the room's whole state is here")
    return Judged(event, auth, before, rejection)


async def _add_claimed(app: App, before: Resolved, auth: Sequence[StoredEvent]) -> Resolved:
    """Of whom no membership is known that was placed here, what the event itself cites is believed until the room's whole state is here."""
    cited = {each.event.key: each for each in auth if each.event.type == "m.room.member" and not each.flags & REJECTED}
    standing = await load_state_events(app, app.db.reader, before.base, list(cited))
    claimed = {
        key: each.nid
        for key, each in cited.items()
        if key not in before.changes and (key not in standing or standing[key].flags & OUTLIER)
    }
    return Resolved(before.base, {**before.changes, **claimed})


def find_create_nid(head: RoomHead) -> int:
    """The number of the room's create event."""
    create = head.rest.get(CREATE_KEY)
    if create is None:
        raise StateUnknown("the room has no create event")
    return create.nid


def check_claimed_auth(head: RoomHead, event: Event, auth: Sequence[StoredEvent]) -> Rejection | None:
    """4. Passes authorisation rules based on the event's auth events."""
    rules = head.rules
    rejected = {stored.event.event_id for stored in auth if stored.flags & REJECTED}
    create = head.rest.get(CREATE_KEY)
    created = None if create is None else create.event
    rejection = check_event_auth_events(event, [stored.event for stored in auth], rejected, rules, create=created)
    if rejection is not None:
        return rejection
    state = {stored.event.key: stored.event for stored in auth}
    if rules.room_id_is_create_hash and created is not None:
        state[CREATE_KEY] = created
    return check_event_auth(event, state, rules)


async def load_auth_state(app: App, head: RoomHead, event: Event, state: Resolved) -> dict[StateKey, Event]:
    """What the rules look at, of a state."""
    keys = find_auth_keys(event)
    found = await load_state_events(app, app.db.reader, state.base, keys)
    changed = {key: nid for key, nid in state.changes.items() if key in keys}
    if changed:
        wanted = [nid for nid in changed.values() if nid is not None]
        by_nid = {stored.nid: stored for stored in await app.stores.events.load_by_nids(app.db.reader, wanted)}
        for key, nid in changed.items():
            if nid is None or nid not in by_nid:
                found.pop(key, None)
            else:
                found[key] = by_nid[nid]
    return {key: stored.event for key, stored in found.items()}


def find_auth_keys(event: Event) -> list[StateKey]:
    """What the authorisation rules look at to judge an event."""
    keys = auth_event_keys(event.type, event.state_key, event.sender, event.content, event.rules)
    return [*keys, CREATE_KEY] if CREATE_KEY not in keys else keys


async def _write(app: App, room_id: str, judged: Judged) -> StoredEvent:
    """Store the event; if it is accepted and the room simply goes on with it, announce it in the same commit."""
    event = judged.event

    async def item(tx: Transaction) -> tuple[StoredEvent, bool]:
        known = await _find_known(app, tx, event)
        if known is not None and not known.flags & OUTLIER:
            return known, not has_place(known)
        draft = await open_draft(app, tx, room_id)
        before = await update_roots(app, tx, judged.before.base, judged.before.changes)
        flags = 0
        if judged.rejection is not None:
            flags = REJECTED
        elif judged.is_refused:
            flags = SOFT_FAILED
        elif await _fails_softly(app, tx, draft, judged, before):
            if draft.row.partial_state:
                raise StateUnknown("the event cannot be judged before the room's whole state is here")
            flags = SOFT_FAILED
        stored = StoredEvent(
            event,
            nid=await tx.new_ids(1) if known is None else known.nid,
            room_nid=draft.row.room_nid,
            position=None,
            history=None,
            flags=flags,
        )
        after = before
        if event.is_state and not flags & REJECTED:
            after = await update_roots(app, tx, before, {event.key: stored.nid})
        if known is None:
            await app.stores.events.insert(tx, stored, None if judged.rejection is None else judged.rejection.rule)
        await app.stores.events.insert_auth(tx, stored.nid, [each.nid for each in judged.auth])
        if flags or not await _continues(app, tx, draft, event):
            # The state on its branch; it is not (yet) part of the room's own course.
            first, second = await store_snapshots(app, tx, before, after)
            await app.stores.rooms.insert_branch_snapshots(tx, stored.nid, first, second)
            if known is not None:
                await app.stores.events.announce(tx, stored)
            return stored, not flags
        changes: dict[StateKey, StoredEvent | None] = {event.key: stored} if event.is_state else {}
        if draft.row.partial_state:
            after, changes = await _keep_known(app, tx, draft, after)
        return await announce(app, tx, draft, stored, [event.event_id], after, changes), False

    stored, is_fork = await write_to_room(app, room_id, item)
    return await join_forks(app, room_id, stored) if is_fork else stored


async def _find_known(app: App, tx: Transaction, event: Event) -> StoredEvent | None:
    found = await app.stores.events.load_by_ids(tx, [event.event_id])
    return found[0] if found else None


async def _continues(app: App, tx: Transaction, draft: RoomDraft, event: Event) -> bool:
    """The event follows all that the room ends with, and nothing that is here already follows the event."""
    if set(event.prev_event_ids) != set(draft.row.extremities):
        return False
    return not await _is_followed(app, tx, draft.row.room_nid, event.event_id)


async def _is_followed(app: App, tx: Read, room_nid: int, event_id: str) -> bool:
    """Whether an accepted event that is here stands at a gap right before which the event belongs."""
    successors = (await app.stores.events.load_backward_extremities(tx, room_nid)).get(event_id, [])
    loaded = await app.stores.events.load_by_nids(tx, successors)
    return any(not each.flags & (REJECTED | SOFT_FAILED) for each in loaded)


async def _fails_softly(app: App, tx: Transaction, draft: RoomDraft, judged: Judged, before: Roots) -> bool:
    """6. Does it pass the authorisation rules based on the room's current state? If not, it is kept from clients and not built on."""
    event = judged.event
    if (draft.row.members_root, draft.row.rest_root) == (before.members, before.rest):
        return False
    state = await draft.state_events(app, tx, find_auth_keys(event))
    if draft.row.partial_state:
        for each in judged.auth:
            if each.event.type == "m.room.member" and judged.before.changes.get(each.event.key) == each.nid:
                state[each.event.key] = each.event
    return check_event_auth(event, state, draft.rules) is not None


async def _store_snapshot(app: App, tx: Transaction, known: tuple[int, Roots] | None, roots: Roots) -> int:
    if known is not None and known[1] == roots:
        return known[0]
    snapshot_id = await tx.new_ids(1)
    await app.stores.rooms.insert_snapshot(tx, snapshot_id, roots.members, roots.rest)
    return snapshot_id


async def store_snapshots(app: App, tx: Transaction, before: Roots, after: Roots) -> tuple[int, int]:
    """The states around an event; one snapshot serves for both where they are the same."""
    first = await _store_snapshot(app, tx, None, before)
    return first, await _store_snapshot(app, tx, (first, before), after)


async def join_forks(app: App, room_id: str, stored: StoredEvent, back: Return | None = None) -> StoredEvent:
    """Work out what holds in the room now that it has a further end, and announce the event with that. Coming `back`, nothing else is an end but what is told.

    Raises StateUnknown, Overruled.
    """
    event = stored.event
    for _ in range(ATTEMPTS_MAX):
        head = await app.rooms.find(app.db.reader, room_id, app.db.position)
        if head is None:
            raise StateUnknown("the room is not known")
        version = head.row.head_version
        ends = await find_ends(app, head, event) if back is None else [*back.beside, event.event_id]
        roots = await load_roots_after(app, app.db.reader, ends)
        states = [roots[event_id] for event_id in ends if event_id in roots]
        current = Roots(head.row.members_root, head.row.rest_root)
        resolved = await resolve_roots(app, app.db.reader, states or [current], find_create_nid(head), head.rules)

        async def item(
            tx: Transaction, version: int = version, ends: list[str] = ends, resolved: Resolved = resolved
        ) -> StoredEvent:
            draft = await open_draft(app, tx, room_id)
            if draft.row.head_version != version:
                raise HeadMoved
            after = await update_roots(app, tx, resolved.base, resolved.changes)
            if back is not None:
                await _check_holds(app, tx, after, event)
            current = Roots(draft.row.members_root, draft.row.rest_root)
            if draft.row.partial_state:
                after, changes = await _keep_known(app, tx, draft, after)
            else:
                changes = await load_changes(app, tx, current, after)
            return await announce(
                app, tx, draft, stored, ends, after, changes, before=None if back is None else back.before
            )

        try:
            return await app.db.write(item, rooms=(room_id,))
        except HeadMoved:
            continue
    raise StateUnknown("the room changes faster than its forks can be joined")


async def find_ends(app: App, head: RoomHead, event: Event) -> list[str]:
    """The room's forward extremities with the event among them, unless what follows it is here already."""
    followed = set(event.prev_event_ids)
    ends = [event_id for event_id in head.row.extremities if event_id not in followed]
    if event.event_id not in ends and not await _is_followed(app, app.db.reader, head.row.room_nid, event.event_id):
        ends.append(event.event_id)
    return ends[-EXTREMITIES_MAX:]


async def _check_holds(app: App, tx: Transaction, after: Roots, join: Event) -> None:
    """Whether the user is in the room by this join, or out of it by nobody's will but their own. Raises Overruled."""
    stored = (await load_state_events(app, tx, after, [join.key])).get(join.key)
    if stored is None or stored.event.sender != join.sender:
        raise Overruled


async def load_changes(app: App, tx: Transaction, old: Roots, new: Roots) -> dict[StateKey, StoredEvent | None]:
    """The state events that hold after a change of the room's state, by key; None where nothing holds any more."""
    differences = await diff_roots(app, tx, old, new)
    wanted = [nid for _, nid in differences.values() if nid is not None]
    by_nid = {stored.nid: stored for stored in await app.stores.events.load_by_nids(tx, wanted)}
    return {key: None if nid is None else by_nid.get(nid) for key, (_, nid) in sorted(differences.items())}


async def _keep_known(
    app: App, tx: Transaction, draft: RoomDraft, after: Roots
) -> tuple[Roots, dict[StateKey, StoredEvent | None]]:
    """What has become known of members meanwhile is not lost because a branch began before that; and what changes then."""
    current = Roots(draft.row.members_root, draft.row.rest_root)
    lost = {key: old for key, (old, new) in (await diff_roots(app, tx, current, after)).items() if new is None}
    after = await update_roots(app, tx, after, lost)
    return after, await load_changes(app, tx, current, after)


async def announce(
    app: App,
    tx: Transaction,
    draft: RoomDraft,
    stored: StoredEvent,
    ends: list[str],
    after: Roots,
    changes: dict[StateKey, StoredEvent | None],
    *,
    before: Roots | None = None,
) -> StoredEvent:
    """The event takes its place in the log, and the room stands as `after` says.

    `before` is what held before it where that is not what was known of the room: when this server joins.
    """
    event, row = stored.event, draft.row
    position = await tx.append(Stream.EVENTS, row.room_id)
    replaced = await draft.state(app, tx, event.key) if event.is_state else None
    expected = {event.key} if event.is_state else set()
    changed = set(changes)
    flags = stored.flags & HAS_RELATIONS
    if before is not None:
        changed = set(await diff_roots(app, tx, before, after))
        flags |= RETURNED if row.extremities else 0
    announced = StoredEvent(
        event,
        nid=stored.nid,
        room_nid=row.room_nid,
        position=position,
        history=position,
        flags=flags | (0 if changed == expected else FORKED),
        replaces_nid=None if replaced is None or replaced.nid == stored.nid else replaced.nid,
    )
    changes = {key: announced if each is not None and each.nid == stored.nid else each for key, each in changes.items()}
    await app.stores.events.announce(tx, announced)
    current = Roots(row.members_root, row.rest_root)
    before_id = await _store_snapshot(app, tx, (row.snapshot_id, current), before or current)
    current = before or current
    row.members_root, row.rest_root = after.members, after.rest
    row.snapshot_id = await _store_snapshot(app, tx, (before_id, current), after)
    await app.stores.rooms.insert_event_snapshots(tx, stored.nid, before_id, row.snapshot_id)
    newcomers = await _find_newcomers(app, tx, draft, changes)
    await apply_changes(app, tx, draft, changes, position)
    if newcomers:
        await _send_own_ends(app, tx, row.room_nid, [each for each in ends if each != event.event_id], newcomers)
    await app.stores.events.delete_backward_extremity(tx, row.room_nid, event.event_id)
    row.extremities = ends
    row.depth = max(row.depth, min(event.depth, 2**53 - 2))
    draft.events.append(announced)
    if "m.relates_to" in event.content:
        await store_relation(app, tx, draft, announced)
    if event.type == "m.room.redaction" and event.redacts is not None:
        await apply_redaction(app, tx, draft, announced)
    if before is None and server_name_of(event.sender) == app.server_name:
        await note_outgoing(app, tx, draft, announced)
    await store_draft(app, tx, draft)
    return announced


async def _find_newcomers(
    app: App, tx: Transaction, draft: RoomDraft, changes: dict[StateKey, StoredEvent | None]
) -> list[str]:
    """Servers of whose users some come into the room with these changes."""
    found = set()
    for (event_type, user_id), stored in changes.items():
        if event_type != "m.room.member" or stored is None or stored.event.membership != "join":
            continue
        server_name = server_name_of(user_id)
        if server_name in (None, app.server_name) or await draft.membership(app, tx, user_id) == "join":
            continue
        found.add(server_name or "")
    return sorted(found)


async def _send_own_ends(
    app: App, tx: Transaction, room_nid: int, ends: Sequence[str], server_names: Sequence[str]
) -> None:
    """Give servers that are in the room now those of our events that the room ends with here.

    When these were made the servers were not in the room, or it was not known that they were, and what they came in with leads back to none of it.
    """
    own = [
        QueuedPdu(each.position, each.nid, room_nid)
        for each in await app.stores.events.load_by_ids(tx, ends)
        if each.position is not None and server_name_of(each.event.sender) == app.server_name
    ]
    allowed = [each for each in server_names if is_server_allowed(app, each)]
    if not own or not app.config.federation:
        return
    await app.stores.federation_queue.insert_pdus(tx, [(each, pdu) for each in allowed for pdu in own])
    for server_name in allowed:
        app.destinations.note_waiting(tx, server_name)
