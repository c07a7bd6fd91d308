"""Taking over the state of a room from another server: at the edge of a gap, and when joining."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from zajil.core.events import Event
from zajil.core.state_map import StateKey
from zajil.ports.database import Transaction
from zajil.ports.stores.events import REJECTED, StoredEvent
from zajil.services.app import App
from zajil.services.federation.fetch_events import EVENTS_ASKED_MAX, fetch_event, fetch_state, fetch_state_ids
from zajil.services.federation.room_states import (
    EMPTY,
    Roots,
    StateUnknown,
    find_unknown,
    load_room_events,
    update_roots,
)
from zajil.services.federation.store_outliers import store_outliers
from zajil.services.rooms.room_heads import RoomHead

STATE_EVENTS_MAX: Final = 250_000
"""In one room; more is refused."""


async def adopt_state_before(app: App, server: str, head: RoomHead, event_id: str, missing: Sequence[str]) -> Roots:
    """Take the state before an event from a server, as what holds after those of its predecessors that are not here; returns it.

    These become known as events of which only the state is known, with a gap before them. Some may not be had at all: a server that came into the
    room there does not have them either. Raises StateUnknown, FederationFailed.
    """
    state = await _fetch_state_at(app, server, head, event_id)
    edges = []
    for prev in missing:
        found = await app.stores.events.load_by_ids(app.db.reader, [prev])
        if found:
            edges.append(found[0])
            continue
        event = await fetch_event(app, server, head.room_id, head.rules, prev)
        if event is None:
            continue
        stored = await store_outliers(app, head.row.room_nid, [event], head.rules)
        if prev not in stored:
            raise StateUnknown(f"{prev} cannot be stored")
        edges.append(stored[prev])

    async def item(tx: Transaction) -> Roots:
        roots = await build_roots(app, tx, state)
        snapshot_id = await tx.new_ids(1)
        await app.stores.rooms.insert_snapshot(tx, snapshot_id, roots.members, roots.rest)
        for edge in edges:
            await app.stores.rooms.insert_branch_snapshots(tx, edge.nid, snapshot_id, snapshot_id)
        return roots

    return await app.db.write(item)


async def _fetch_state_at(app: App, server: str, head: RoomHead, event_id: str) -> list[StoredEvent]:
    """The accepted state events that hold before an event, as the server says, stored here."""
    state_ids, _ = await bring_state(app, server, head, event_id)
    found = await load_room_events(app, app.db.reader, head.row.room_nid, state_ids)
    return [found[each] for each in state_ids if each in found]


async def bring_state(app: App, server: str, head: RoomHead, event_id: str) -> tuple[list[str], list[str]]:
    """Have the state events that hold before an event, as the server says, and their auth chains stored here; returns the IDs of both.

    Raises StateUnknown, FederationFailed.
    """
    state_ids, auth_ids = await fetch_state_ids(app, server, head.room_id, event_id)
    if len(state_ids) > STATE_EVENTS_MAX:
        raise StateUnknown("the room has more state than this server keeps")
    missing = await find_unknown(app, head.row.room_nid, [*state_ids, *auth_ids])
    if len(missing) > EVENTS_ASKED_MAX:
        state, chain = await fetch_state(app, server, head.room_id, head.rules, event_id)
        await store_outliers(app, head.row.room_nid, [*chain, *state], head.rules)
    elif missing:
        fetched = [await fetch_event(app, server, head.room_id, head.rules, each) for each in missing]
        await store_outliers(app, head.row.room_nid, [each for each in fetched if each is not None], head.rules)
    return list(dict.fromkeys(state_ids)), list(dict.fromkeys(auth_ids))


def choose_state(events: Iterable[StoredEvent]) -> dict[StateKey, StoredEvent]:
    """A state from a list of events: accepted state events, one for each key."""
    return {
        each.event.key: each
        for each in sorted(events, key=lambda each: each.event.event_id)
        if each.event.is_state and not each.flags & REJECTED
    }


async def build_roots(app: App, tx: Transaction, events: Iterable[StoredEvent]) -> Roots:
    """Store a whole state."""
    changes: Mapping[StateKey, int | None] = {key: each.nid for key, each in choose_state(events).items()}
    return await update_roots(app, tx, EMPTY, changes)


def find_create(events: Iterable[Event]) -> Event | None:
    """The create event among some events."""
    return next((event for event in events if event.type == "m.room.create" and event.state_key == ""), None)
