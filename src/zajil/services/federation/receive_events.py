"""Events that another server sends: each in its room, after what it follows (server-server API, "PDUs")."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.ports.federation import FederationFailed
from zajil.ports.stores.events import OUTLIER, REJECTED, SOFT_FAILED, StoredEvent
from zajil.services.app import App
from zajil.services.federation.adopt_state import adopt_state_before
from zajil.services.federation.fetch_events import (
    EVENTS_ASKED_MAX,
    fetch_auth_chain,
    fetch_event,
    fetch_missing_events,
)
from zajil.services.federation.keep_for_later import keep_for_later
from zajil.services.federation.place_event import has_place, place_event
from zajil.services.federation.place_run import place_run
from zajil.services.federation.room_states import Roots, StateUnknown, load_room_events, load_roots_after
from zajil.services.federation.store_outliers import store_outliers
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)

ROUNDS_MAX: Final = 10
"""Requests for missing events that one received event may cause; what is older is left for backfill."""
EVENT_TIMEOUT_S: Final = 150.0
FAILED_WALKED_MAX: Final = 100
"""Failed events that are looked behind, one after the other."""
GAPS_MAX: Final = 20


class NotPlaced(Exception):
    """The event cannot have a place in the room (now). The text may be told to its sender."""


class OriginUnreachable(Exception):
    """The server that has sent an event does not answer when it is asked for what the event follows: let it send the event again."""


class RoomTurns:
    """Events of one room are placed one after the other; rooms do not wait for each other."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def acquire(self, room_id: str) -> None:
        lock, users = self._locks.get(room_id, (None, 0))
        lock = lock or asyncio.Lock()
        self._locks[room_id] = (lock, users + 1)
        try:
            await lock.acquire()
        except BaseException:
            self._leave(room_id)
            raise

    def release(self, room_id: str) -> None:
        self._locks[room_id][0].release()
        self._leave(room_id)

    def _leave(self, room_id: str) -> None:
        lock, users = self._locks[room_id]
        if users == 1:
            del self._locks[room_id]
        else:
            self._locks[room_id] = (lock, users - 1)


async def receive_events(app: App, origin: str, room_id: str, events: Sequence[Event]) -> dict[str, str]:
    """Place checked events of one room, in their order. Returns what went wrong, by event ID; events that were rejected are no failure.

    Raises OriginUnreachable when an event could be placed if only its sender could be asked.
    """
    failures: dict[str, str] = {}
    await app.room_turns.acquire(room_id)
    try:
        done = 0
        while done < len(events):
            if len(events) - done > 1 and (placed := await place_run(app, room_id, events[done:])):
                app.measurements.federation.pdus["accepted"] += placed
                done += placed
                continue
            event = events[done]
            done += 1
            try:
                async with asyncio.timeout(EVENT_TIMEOUT_S):
                    await receive_event(app, origin, room_id, event)
            except (NotPlaced, StateUnknown, FederationFailed, TimeoutError) as error:
                if await keep_for_later(app, origin, room_id, event):
                    continue
                if isinstance(error, TimeoutError) or (isinstance(error, FederationFailed) and not error.is_refusal):
                    raise OriginUnreachable(str(error) or "no answer in time") from error
                failures[event.event_id] = f"what the event follows cannot be had: {error}"
    finally:
        app.room_turns.release(room_id)
    if failures:
        # One line, however many a server sends.
        event_id, cause = next(iter(failures.items()))
        log.info(
            "events of another server have no place yet",
            origin=origin,
            count=len(failures),
            event_id=event_id,
            cause=cause,
        )
    return failures


async def receive_event(app: App, origin: str, room_id: str, event: Event) -> StoredEvent | None:
    """Place one event; None if it is here already. Raises NotPlaced, StateUnknown, FederationFailed."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or not head.row.extremities:
        raise NotPlaced("This server is not in the room.")
    known = await app.stores.events.load_by_ids(app.db.reader, [event.event_id])
    if known and has_place(known[0]):
        return None
    on_current_state = False
    adopted: Roots | None = None
    try:
        adopted = await _bring_predecessors(app, origin, head, event)
        auth = await bring_auth_events(app, origin, head, event)
    except FederationFailed as error:
        if not error.is_refusal or not is_removal_of_ours(app, event):
            raise
        # A server that has been removed may not ask for what came before; that it was must be known here all the same.
        on_current_state = True
        auth = await _load_auth_events(app, head, event)
    stored = await place_event(app, room_id, event, auth, on_current_state=on_current_state, adopted=adopted)
    app.measurements.federation.note_pdu(stored)
    await note_gap(app, stored)
    return stored


async def note_gap(app: App, stored: StoredEvent) -> None:
    """If history is missing before an event, it is fetched when somebody reads that far."""
    event = stored.event
    missing = await (find_absent(app, event.prev_event_ids) if has_failed(stored) else find_gaps(app, event))
    if missing:
        await app.db.write(
            lambda tx: app.stores.events.insert_backward_extremities(tx, stored.room_nid, stored.nid, missing)
        )


async def find_missing(app: App, event_ids: Sequence[str]) -> list[str]:
    """Those of the events whose state is not known here."""
    roots = await load_roots_after(app, app.db.reader, event_ids)
    return [event_id for event_id in event_ids if event_id not in roots]


async def find_absent(app: App, event_ids: Sequence[str]) -> list[str]:
    """Those of the events that have no place here; of some of them the state may be known, as that at the edge of a gap."""
    known = await app.stores.events.load_by_ids(app.db.reader, list(event_ids))
    here = {each.event.event_id for each in known if not each.flags & OUTLIER}
    return [event_id for event_id in event_ids if event_id not in here]


async def find_gaps(app: App, event: Event) -> list[str]:
    """The events that are missing right before one. An event that has failed has no place in the history, which goes on behind it."""
    gaps: dict[str, None] = {}
    walked: set[str] = set()
    wanted = list(event.prev_event_ids)
    while wanted and len(walked) < FAILED_WALKED_MAX:
        known = {each.event.event_id: each for each in await app.stores.events.load_by_ids(app.db.reader, wanted)}
        walked.update(wanted)
        behind: dict[str, None] = {}
        for event_id in wanted:
            stored = known.get(event_id)
            if stored is None or stored.flags & OUTLIER:
                gaps[event_id] = None
            elif has_failed(stored):
                behind |= dict.fromkeys(stored.event.prev_event_ids)
        wanted = [event_id for event_id in behind if event_id not in walked]
    return list(gaps)[:GAPS_MAX]


def has_failed(stored: StoredEvent) -> bool:
    """Whether an event was rejected or failed softly when it came. One that was fetched later stands in the history whatever came of it."""
    return stored.history is None and bool(stored.flags & (REJECTED | SOFT_FAILED))


async def find_floor(app: App, head: RoomHead) -> int:
    """The depth where what this server has of the room begins. What lies below is older history, and no news to anybody."""
    gaps = await app.stores.events.load_backward_extremities(app.db.reader, head.row.room_nid)
    nids = sorted({nid for successors in gaps.values() for nid in successors})
    return min((each.event.depth for each in await app.stores.events.load_by_nids(app.db.reader, nids)), default=0)


async def _bring_predecessors(app: App, origin: str, head: RoomHead, event: Event) -> Roots | None:
    """Have everything that the event follows, or at least the state there. Returns the state before the event if it was taken from the server that
    sent it."""
    if not await find_absent(app, event.prev_event_ids):
        return None
    try:
        await _place_gathered(app, origin, head, await _gather_predecessors(app, origin, head, event))
    except FederationFailed:
        if await find_missing(app, event.prev_event_ids):
            raise
    missing = await find_missing(app, event.prev_event_ids)
    _check_may_adopt(head, missing)
    # Where a gap remains, the state before the event is taken from the server that sent it.
    return await adopt_state_before(app, origin, head, event.event_id, missing) if missing else None


def _check_may_adopt(head: RoomHead, missing: Sequence[str]) -> None:
    """Raises StateUnknown where a state would be taken over while that of the whole room is on its way."""
    if missing and head.row.partial_state:
        raise StateUnknown("the room's whole state is not here yet")


async def _gather_predecessors(app: App, origin: str, head: RoomHead, event: Event) -> dict[str, Event]:
    """What lies between an event and what is here, as far as a few requests reach."""
    gathered: dict[str, Event] = {}
    latest = [event.event_id]
    floor = await find_floor(app, head)
    for _ in range(ROUNDS_MAX):
        found = await fetch_missing_events(app, origin, head.room_id, head.rules, head.row.extremities, latest, floor)
        absent = set(await find_absent(app, [each.event_id for each in found])) - gathered.keys() - {event.event_id}
        new = [each for each in found if each.event_id in absent and each.depth >= floor]
        if not new:
            break
        gathered |= {each.event_id: each for each in new}
        wanted = sorted({prev for each in new for prev in each.prev_event_ids} - gathered.keys())
        if not await find_absent(app, wanted):
            break
        latest = [each.event_id for each in sorted(new, key=lambda each: each.depth)[:10]]
    return gathered


async def _place_gathered(app: App, origin: str, head: RoomHead, gathered: dict[str, Event]) -> None:
    """Place fetched events, the oldest first. The oldest may stand at the edge of a gap."""
    for each in sorted(gathered.values(), key=lambda each: (each.depth, each.event_id)):
        missing = await find_missing(app, each.prev_event_ids)
        _check_may_adopt(head, missing)
        adopted = await adopt_state_before(app, origin, head, each.event_id, missing) if missing else None
        auth = await bring_auth_events(app, origin, head, each)
        await note_gap(app, await place_event(app, head.room_id, each, auth, adopted=adopted))


def is_removal_of_ours(app: App, event: Event) -> bool:
    """Whether the event takes one of our users out of the room, by somebody else's hand."""
    return (
        event.membership in ("leave", "ban")
        and event.state_key != event.sender
        and server_name_of(event.state_key or "") == app.server_name
    )


async def _load_auth_events(app: App, head: RoomHead, event: Event) -> list[StoredEvent]:
    """The event's auth events, which must all be here. Raises NotPlaced."""
    wanted = list(dict.fromkeys(event.auth_event_ids))
    found = await load_room_events(app, app.db.reader, head.row.room_nid, wanted)
    if len(found) != len(wanted):
        raise NotPlaced("Some of the event's auth events cannot be fetched.")
    return [found[event_id] for event_id in wanted]


async def bring_auth_events(app: App, origin: str, head: RoomHead, event: Event) -> list[StoredEvent]:
    """The event's auth events, fetched if they are not here. Raises NotPlaced if they cannot be had."""
    wanted = list(dict.fromkeys(event.auth_event_ids))
    found = await load_room_events(app, app.db.reader, head.row.room_nid, wanted)
    missing = [event_id for event_id in wanted if event_id not in found]
    if missing:
        chain = await fetch_auth_chain(app, origin, head.room_id, head.rules, event.event_id)
        known = {each.event_id for each in chain}
        for event_id in [each for each in missing if each not in known][:EVENTS_ASKED_MAX]:
            single = await fetch_event(app, origin, head.room_id, head.rules, event_id)
            if single is not None:
                chain.append(single)
        await store_outliers(app, head.row.room_nid, chain, head.rules)
    return await _load_auth_events(app, head, event)
