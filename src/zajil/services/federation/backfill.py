"""Fetching a room's older history from servers that have it, when somebody reads that far (server-server API, "Backfilling and retrieving missing events").

Events that come so stand in the room's history and not in the log: nobody is told of them, they are only there when they are asked for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.ports.database import Busy, StorageUnavailable, Transaction
from zajil.ports.federation import FederationFailed
from zajil.ports.stores.events import OUTLIER, REJECTED, StoredEvent
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.adopt_state import adopt_state_before
from zajil.services.federation.fetch_events import fetch_backfill
from zajil.services.federation.partial_rooms import wait_for_state
from zajil.services.federation.place_event import Judged, check_claimed_auth, judge_event, store_snapshots
from zajil.services.federation.receive_events import NotPlaced, bring_auth_events, find_gaps, find_missing, has_failed
from zajil.services.federation.room_states import EMPTY, Resolved, StateUnknown, load_room_events, update_roots
from zajil.services.messages.send_event import write_to_room
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)

EVENTS_MAX: Final = 100
"""Asked for at once."""
STARTS_MAX: Final = 20
SERVERS_TRIED_MAX: Final = 3
"""Of those in the room; and as many of those that were there when what is missing was written."""
GONE_MAX: Final = 100
"""People who have left whose servers are thought of."""
READER_WAITS_S_MAX: Final = 5.0
"""A reader waits no longer; what comes later is there for the next page."""
PAUSE_S: Final = 60.0
"""After nobody had anything (new) to give for a gap."""
GAPS_REMEMBERED_MAX: Final = 10_000


class Backfills:
    """Fetches that are under way, one for each room, and gaps for which nobody has anything to give for the moment."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: dict[str, asyncio.Task[bool]] = {}
        self._paused_until_s: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def fill(self, head: RoomHead, page: Sequence[StoredEvent], *, is_end: bool) -> bool:
        """Fetch what is missing before a page of history, if anything is; True when the page is worth reading again.

        `is_end` says that nothing older is here.
        """
        if not self._app.config.federation:
            return False
        try:
            await wait_for_state(self._app, head.room_id, wait_s=READER_WAITS_S_MAX)
        except MatrixError:
            return False
        gaps = await self._app.stores.events.load_backward_extremities(self._app.db.reader, head.row.room_nid)
        here = {stored.nid for stored in page}
        now_s = self._app.clock.monotonic_s()
        wanted = [
            event_id
            for event_id, successors in gaps.items()
            if (is_end or any(successor in here for successor in successors))
            and self._paused_until_s.get((head.room_id, event_id), 0.0) <= now_s
        ]
        if not wanted:
            return False
        task = self._running.get(head.room_id)
        if task is None:
            wanted = wanted[:STARTS_MAX]
            successors = [nid for event_id in wanted for nid in gaps[event_id][:SERVERS_TRIED_MAX]]
            task = asyncio.create_task(self._fetch(head, wanted, successors))
            self._running[head.room_id] = task
            task.add_done_callback(lambda _: self._running.pop(head.room_id, None))
        try:
            async with asyncio.timeout(READER_WAITS_S_MAX):
                return await asyncio.shield(task)
        except TimeoutError:
            return False

    def is_fetching(self, room_id: str) -> bool:
        """Whether older events may come that nobody has waited for to the end."""
        return room_id in self._running

    async def stop(self) -> None:
        """End what is under way."""
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _fetch(self, head: RoomHead, wanted: Sequence[str], successors: Sequence[int]) -> bool:
        app = self._app
        for server in await find_sources(app, head, wanted, successors):
            try:
                events = await fetch_backfill(app, server, head.room_id, head.rules, wanted, EVENTS_MAX)
                if await store_backfill(app, server, head, events):
                    return True
            except (FederationFailed, StateUnknown, NotPlaced, StorageUnavailable, Busy) as error:
                log.info("a server does not give older events", server=server, cause=str(error))
        self._pause(head.room_id, wanted)
        return False

    def _pause(self, room_id: str, event_ids: Sequence[str]) -> None:
        until_s = self._app.clock.monotonic_s() + PAUSE_S
        for event_id in event_ids:
            self._paused_until_s[room_id, event_id] = until_s
            self._paused_until_s.move_to_end((room_id, event_id))
        while len(self._paused_until_s) > GAPS_REMEMBERED_MAX:
            self._paused_until_s.popitem(last=False)


async def find_sources(app: App, head: RoomHead, wanted: Sequence[str], successors: Sequence[int]) -> list[str]:
    """Servers that may have older events, the likeliest first. All that are in the room may have come after them; who wrote then, or has left since,
    was there.
    """
    tx = app.db.reader
    standing = (await app.destinations.find_servers(head))[:SERVERS_TRIED_MAX]
    beside = [
        *await app.stores.events.load_by_ids(tx, wanted),  # known of, without their places
        *await app.stores.events.load_by_nids(tx, successors),
    ]
    gone = await app.stores.rooms.load_members(tx, head.row.room_nid, ["leave", "ban"], GONE_MAX)
    people = [*(each.event.sender for each in beside), *(row.user_id for row in gone)]
    names = dict.fromkeys(server_name_of(user_id) or "" for user_id in people)
    others = [name for name in names if name not in ("", app.server_name, *standing) and is_server_allowed(app, name)]
    return [*standing, *others[:SERVERS_TRIED_MAX]]


async def store_backfill(app: App, server: str, head: RoomHead, events: Sequence[Event]) -> int:
    """Place fetched events before those that follow them; returns how many were new. Raises FederationFailed, StateUnknown, NotPlaced."""
    await app.room_turns.acquire(head.room_id)
    try:
        known = await load_room_events(app, app.db.reader, head.row.room_nid, [each.event_id for each in events])
        new = [
            event
            for event in {each.event_id: each for each in events}.values()
            if event.event_id not in known or known[event.event_id].flags & OUTLIER
        ]
        gaps = await app.stores.events.load_backward_extremities(app.db.reader, head.row.room_nid)
        # Servers may leave out what failed there too.
        known |= await load_room_events(app, app.db.reader, head.row.room_nid, list(gaps))
        here = [each for each in known.values() if not each.flags & OUTLIER]
        places = await find_places(app, new, gaps, here)
        for event in sorted(places, key=lambda each: (each.depth, each.event_id)):
            await _place(app, server, head, event, places[event], known.get(event.event_id))
        await _look_behind(app, [each for each in here if each.event.event_id in gaps], gaps)
        return len(places)
    finally:
        app.room_turns.release(head.room_id)


async def _look_behind(app: App, closed: Sequence[StoredEvent], gaps: Mapping[str, Sequence[int]]) -> None:
    """Events that are here close their gaps; for one that failed when it came, what is missing behind it takes its place there."""
    for each in closed:
        behind = await find_gaps(app, each.event) if has_failed(each) else []

        async def item(tx: Transaction, each: StoredEvent = each, behind: Sequence[str] = behind) -> None:
            await app.stores.events.delete_backward_extremity(tx, each.room_nid, each.event.event_id)
            for successor in gaps[each.event.event_id]:
                await app.stores.events.insert_backward_extremities(tx, each.room_nid, successor, behind)

        await app.db.write(item)


async def find_places(
    app: App, new: Sequence[Event], gaps: Mapping[str, Sequence[int]], here: Sequence[StoredEvent] = ()
) -> dict[Event, tuple[int, int]]:
    """Where each event belongs in the room's history: before the earliest event that follows it, the newest nearest to that.

    `here` are those of the fetched events that are here already: there may be a gap behind them, and behind those that have failed and have no place.

    Events that nothing here follows are left out: a server cannot slip anything into the past.
    """
    follows: dict[str, tuple[int, int]] = {}
    wanted = sorted({nid for successors in gaps.values() for nid in successors})
    by_nid = {each.nid: each for each in await app.stores.events.load_by_nids(app.db.reader, wanted)}
    for event_id, successors in gaps.items():
        points = [
            (each.history, each.history_minor)
            for nid in successors
            if (each := by_nid.get(nid)) is not None and each.history is not None
        ]
        if points:
            follows[event_id] = min(points)
    for each in here:
        if each.history is not None:
            own = (each.history, each.history_minor)
            for prev in each.event.prev_event_ids:
                follows[prev] = min(follows.get(prev, own), own)
    failed = {each.event for each in here if has_failed(each)}
    lowest: dict[int, int] = {}
    places: dict[Event, tuple[int, int]] = {}
    for event in sorted([*new, *failed], key=lambda each: (-each.depth, each.event_id)):
        point = follows.get(event.event_id)
        if point is None:
            continue
        if event not in failed:
            major = point[0]
            minor = min(point[1], lowest.get(major, point[1])) - 1
            lowest[major] = minor
            point = places[event] = (major, minor)
        for prev in event.prev_event_ids:
            follows[prev] = min(follows.get(prev, point), point)
    return places


async def _place(
    app: App, server: str, head: RoomHead, event: Event, place: tuple[int, int], known: StoredEvent | None
) -> None:
    missing = await find_missing(app, event.prev_event_ids)
    adopted = await adopt_state_before(app, server, head, event.event_id, missing) if missing else None
    auth = await bring_auth_events(app, server, head, event)
    if event.type == "m.room.create":
        judged = Judged(event, auth, Resolved(EMPTY, {}), check_claimed_auth(head, event, auth))
    else:
        judged = await judge_event(app, head, event, auth, adopted=adopted)
    rejection = judged.rejection
    gone = await find_gaps(app, event)

    async def item(tx: Transaction) -> None:
        before = await update_roots(app, tx, judged.before.base, judged.before.changes)
        stored = StoredEvent(
            event,
            nid=await tx.new_ids(1) if known is None else known.nid,
            room_nid=head.row.room_nid,
            position=None,
            history=place[0],
            history_minor=place[1],
            flags=0 if rejection is None else REJECTED,
        )
        after = before
        if event.is_state and rejection is None:
            after = await update_roots(app, tx, before, {event.key: stored.nid})
        if known is None:
            await app.stores.events.insert(tx, stored, None if rejection is None else rejection.rule)
        else:
            await app.stores.events.announce(tx, stored)
        await app.stores.events.insert_auth(tx, stored.nid, [each.nid for each in auth])
        first, second = await store_snapshots(app, tx, before, after)
        await app.stores.rooms.insert_event_snapshots(tx, stored.nid, first, second)
        await app.stores.events.delete_backward_extremity(tx, head.row.room_nid, event.event_id)
        await app.stores.events.insert_backward_extremities(tx, head.row.room_nid, stored.nid, gone)

    await write_to_room(app, head.room_id, item)
