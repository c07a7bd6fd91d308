"""Events that are known without having a place in a room's history: auth events, and the state that a join begins with."""

import asyncio
from collections.abc import Iterable, Sequence
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


def order_by_auth(events: Iterable[Event]) -> list[Event]:
    """Every event after its auth events, in an order that does not depend on the one given; what is in a circle is left out."""
    by_id = {event.event_id: event for event in events}
    ordered: list[Event] = []
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
                ordered.append(by_id[event_id])
    return ordered


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
    ordered = order_by_auth(events)
    stored: dict[str, StoredEvent] = {}
    referenced = _find_referenced(ordered)
    for start in range(0, len(referenced), EVENTS_PER_SLICE):
        part_ids = referenced[start : start + EVENTS_PER_SLICE]
        for each in await app.stores.events.load_of_room(app.db.reader, room_nid, rules, part_ids):
            stored[each.event.event_id] = each
        await asyncio.sleep(0)
    known = {event_id: each.event for event_id, each in stored.items()}
    rejected = {event_id for event_id, each in stored.items() if each.flags & REJECTED}
    new = [event for event in ordered if event.event_id not in stored]
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
    new = [event for event in events if event.event_id not in made]
    nid = await tx.new_ids(len(new))
    for offset, event in enumerate(new):
        rule = verdicts[event.event_id]
        each = StoredEvent(
            event,
            nid=nid + offset,
            room_nid=room_nid,
            position=None,
            history=None,
            flags=OUTLIER if rule is None else OUTLIER | REJECTED,
        )
        await app.stores.events.insert(tx, each, rule)
        made[event.event_id] = each
        found = [made.get(auth_id) or stored.get(auth_id) for auth_id in event.auth_event_ids]
        await app.stores.events.insert_auth(tx, each.nid, [auth.nid for auth in found if auth is not None])
    return list(made.values())


async def rejudge_outliers(app: App, room_nid: int, event_ids: Sequence[str], rules: RoomRules) -> None:
    """Judge outliers anew that were rejected, now that all their auth events are here: what somebody sent without them must not stand for ever."""
    rejected: dict[str, StoredEvent] = {}
    for start in range(0, len(event_ids), OUTLIERS_PER_COMMIT):
        part = event_ids[start : start + OUTLIERS_PER_COMMIT]
        for each in await app.stores.events.load_of_room(app.db.reader, room_nid, rules, part):
            if each.flags & OUTLIER and each.flags & REJECTED:
                rejected[each.event.event_id] = each
        await asyncio.sleep(0)
    for event in order_by_auth([each.event for each in rejected.values()]):
        await _rejudge(app, room_nid, rejected[event.event_id])


async def _rejudge(app: App, room_nid: int, stored: StoredEvent) -> None:
    event, rules = stored.event, stored.event.rules
    auth = await app.stores.events.load_of_room(app.db.reader, room_nid, rules, _find_referenced([event]))
    known = {each.event.event_id: each.event for each in auth if each.nid != stored.nid}
    rejected = {each.event.event_id for each in auth if each.flags & REJECTED and each.nid != stored.nid}
    if judge_outliers([event], known, rejected, rules)[event.event_id] is not None:
        return
    nids = [each.nid for each in auth if each.event.event_id in event.auth_event_ids]

    async def item(tx: Transaction) -> None:
        await app.stores.events.set_flags(tx, stored.nid, stored.flags & ~REJECTED)
        await app.stores.events.insert_auth(tx, stored.nid, nids)

    await app.db.write(item)


def _find_referenced(events: Sequence[Event]) -> list[str]:
    """What must be known to judge events: themselves, their auth events, and the create event where only the room's ID names it."""
    found = {event.event_id for event in events} | {auth_id for event in events for auth_id in event.auth_event_ids}
    found |= {"$" + event.room_id[1:] for event in events if event.rules.room_id_is_create_hash}
    return sorted(found)
