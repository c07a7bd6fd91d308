"""Events that are known without having a place in a room's history: auth events, and the state that a join begins with."""

from collections.abc import Iterable, Sequence
from typing import Final

from zajil.core.event_auth import check_event_auth, check_event_auth_events
from zajil.core.events import Event
from zajil.core.power_levels import CREATE_KEY
from zajil.core.room_rules import RoomRules
from zajil.ports.database import Transaction
from zajil.ports.stores.events import OUTLIER, REJECTED, StoredEvent
from zajil.services.app import App

OUTLIERS_PER_COMMIT: Final = 200
"""Others' messages wait behind a commit: about 10 ms."""


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
    referenced = {auth_id for event in ordered for auth_id in event.auth_event_ids} | {e.event_id for e in ordered}
    for each in await app.stores.events.load_of_room(app.db.reader, room_nid, rules, sorted(referenced)):
        stored[each.event.event_id] = each
    known = {event_id: each.event for event_id, each in stored.items()}
    rejected = {event_id for event_id, each in stored.items() if each.flags & REJECTED}
    new = [event for event in ordered if event.event_id not in stored]
    verdicts = judge_outliers(new, known, rejected, rules)
    for start in range(0, len(new), OUTLIERS_PER_COMMIT):
        part = new[start : start + OUTLIERS_PER_COMMIT]

        async def item(tx: Transaction, part: Sequence[Event] = part) -> list[StoredEvent]:
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
    nid = await tx.new_ids(len(events))
    made: dict[str, StoredEvent] = {}
    for offset, event in enumerate(events):
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
