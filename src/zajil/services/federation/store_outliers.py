"""Events that are known without having a place in a room's history: auth events, and the state that a join begins with."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from zajil.core.event_auth import check_event_auth, check_event_auth_events
from zajil.core.events import Event
from zajil.core.power_levels import CREATE_KEY
from zajil.core.room_rules import RoomRules
from zajil.ports.database import Transaction
from zajil.ports.stores.events import OUTLIER, REJECTED, StoredEvent
from zajil.services.app import App

EVENTS_PER_SLICE: Final = 200
"""Looked up before others get their turn on the event loop."""
OUTLIERS_PER_COMMIT: Final = 50
"""Others' messages wait behind a commit: a few milliseconds."""


def order_by_auth(events: Iterable[Event]) -> Iterator[Event]:
    """Every event after its auth events, in an order that does not depend on the one given; what is in a circle is left out."""
    by_id = {event.event_id: event for event in events}
    state: dict[str, int] = {}
    # The create event comes first: where the room ID is its hash, nothing else names it.
    for start in sorted(by_id, key=lambda event_id: (by_id[event_id].type != "m.room.create", event_id)):
        stack = [(start, iter(by_id[start].auth_event_ids))] if start not in state else []
        if stack:
            state[start] = 1
        while stack:
            event_id, pending = stack[-1]
            for auth_id in pending:
                if auth_id in by_id and auth_id not in state:
                    state[auth_id] = 1
                    stack.append((auth_id, iter(by_id[auth_id].auth_event_ids)))
                    break
            else:
                stack.pop()
                state[event_id] = 2
                yield by_id[event_id]


def judge_outliers(
    events: Sequence[Event], known: dict[str, Event], rejected: set[str], rules: RoomRules
) -> dict[str, str | None]:
    """Judge events in the order of `order_by_auth` by their auth events: the rule that each breaks, or None.

    `known` and `rejected` have what is here already; both grow.
    """
    verdicts: dict[str, str | None] = {}
    create = next((event for event in known.values() if event.type == "m.room.create"), None)
    for event in events:
        if event.type == "m.room.create" and create is None:
            create = event
        auth = [known[auth_id] for auth_id in event.auth_event_ids if auth_id in known]
        rule = None
        if len(auth) != len(event.auth_event_ids):
            rule = "auth events are missing"
        elif (rejection := check_event_auth_events(event, auth, rejected, rules, create=create)) is not None:
            rule = rejection.rule
        else:
            state = {each.key: each for each in auth}
            if rules.room_id_is_create_hash and create is not None and event.type != "m.room.create":
                state[CREATE_KEY] = create
            if (rejection := check_event_auth(event, state, rules)) is not None:
                rule = rejection.rule
        known[event.event_id] = event
        verdicts[event.event_id] = rule
        if rule is not None:
            rejected.add(event.event_id)
    return verdicts


async def store_outliers(app: App, room_nid: int, events: Iterable[Event], rules: RoomRules) -> dict[str, StoredEvent]:
    """Judge and store events of a room that are not here yet; returns all of them, by ID, as they are stored.

    The room's row need not exist yet: until it does nobody finds the events.
    """
    ordered: list[Event] = []
    for event in order_by_auth(events):
        ordered.append(event)
        if len(ordered) % EVENTS_PER_SLICE == 0:
            await asyncio.sleep(0)
    stored: dict[str, StoredEvent] = {}
    referenced = _find_referenced(ordered)
    for start in range(0, len(referenced), EVENTS_PER_SLICE):
        part_ids = referenced[start : start + EVENTS_PER_SLICE]
        for each in await app.stores.events.load_of_room(app.db.reader, room_nid, rules, part_ids):
            stored[each.event.event_id] = each
        await asyncio.sleep(0)
    # What was rejected because not all of its auth events came with it must not stand for ever: it is judged anew.
    settled = {event_id: each for event_id, each in stored.items() if not is_rejected_outlier(each)}
    known = {event_id: each.event for event_id, each in settled.items()}
    rejected = {event_id for event_id, each in settled.items() if each.flags & REJECTED}
    new = [event for event in ordered if event.event_id not in settled]
    for start in range(0, len(new), OUTLIERS_PER_COMMIT):
        part = new[start : start + OUTLIERS_PER_COMMIT]
        verdicts = judge_outliers(part, known, rejected, rules)

        async def item(
            tx: Transaction, part: Sequence[Event] = part, verdicts: dict[str, str | None] = verdicts
        ) -> list[StoredEvent]:
            return await _insert(app, tx, room_nid, part, verdicts, stored)

        for each in await app.db.write(item):
            stored[each.event.event_id] = each
    return stored


def is_rejected_outlier(stored: StoredEvent) -> bool:
    """Whether an event was rejected for nothing but its auth events, as they were known then."""
    return bool(stored.flags & OUTLIER and stored.flags & REJECTED)


async def _insert(
    app: App,
    tx: Transaction,
    room_nid: int,
    events: Sequence[Event],
    verdicts: dict[str, str | None],
    stored: dict[str, StoredEvent],
) -> list[StoredEvent]:
    # Somebody else may have stored some of them meanwhile.
    rules, event_ids = events[0].rules, [event.event_id for event in events]
    made = {each.event.event_id: each for each in await app.stores.events.load_of_room(tx, room_nid, rules, event_ids)}
    nid = await tx.new_ids(len(events))
    for offset, event in enumerate(events):
        rule, here = verdicts[event.event_id], made.get(event.event_id)
        if here is None:
            flags = OUTLIER if rule is None else OUTLIER | REJECTED
            each = StoredEvent(event, nid=nid + offset, room_nid=room_nid, position=None, history=None, flags=flags)
            await app.stores.events.insert(tx, each, rule)
        elif rule is None and is_rejected_outlier(here):
            each = here.with_changes(flags=here.flags & ~REJECTED)
            await app.stores.events.set_flags(tx, each.nid, each.flags)
        else:
            continue
        made[event.event_id] = each
        found = [made.get(auth_id) or stored.get(auth_id) for auth_id in event.auth_event_ids]
        await app.stores.events.insert_auth(tx, each.nid, [auth.nid for auth in found if auth is not None])
    return list(made.values())


async def rejudge_outliers(app: App, room_nid: int, event_ids: Sequence[str], rules: RoomRules) -> None:
    """Judge those of the events anew that are rejected outliers, by the auth events that are here now."""
    rejected: list[Event] = []
    for start in range(0, len(event_ids), EVENTS_PER_SLICE):
        part = event_ids[start : start + EVENTS_PER_SLICE]
        loaded = await app.stores.events.load_of_room(app.db.reader, room_nid, rules, part)
        rejected += [each.event for each in loaded if is_rejected_outlier(each)]
        await asyncio.sleep(0)
    await store_outliers(app, room_nid, rejected, rules)


def _find_referenced(events: Sequence[Event]) -> list[str]:
    """What must be known to judge events: themselves, their auth events, and the create event where only the room's ID names it."""
    found = {event.event_id for event in events} | {auth_id for event in events for auth_id in event.auth_event_ids}
    found |= {"$" + event.room_id[1:] for event in events if event.rules.room_id_is_create_hash}
    return sorted(found)


async def store_unplaced(app: App, tx: Transaction, event: Event, room_nid: int, flags: int = OUTLIER) -> StoredEvent:
    """One membership that is stored before it has a place, under the number it has if it is here already."""
    known = await app.stores.events.load_by_ids(tx, [event.event_id])
    stored = StoredEvent(
        event,
        nid=known[0].nid if known else await tx.new_ids(1),
        room_nid=room_nid,
        position=None,
        history=None,
        flags=flags,
    )
    if not known:
        await app.stores.events.insert(tx, stored)
    return stored
