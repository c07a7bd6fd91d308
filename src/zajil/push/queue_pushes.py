"""From the log into the queue: a task follows the log and notes for each pusher which events its user is to be told of.

The progress is written down after the queue, and moves only for the process that knows it best: a crash, or two processes at the same work,
may put an event into the queue again, and never leave one out. Nothing of this is on the path of a send.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from zajil.ports.database import Read, Stream, Touch, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.push.evaluate_event import evaluate_event, find_prepared, may_be_told
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

GATHER_S: Final = 0.05
"""Events of this time are looked at together."""
RETRY_S: Final = 5.0
WAITING_PER_COMMIT_MAX: Final = 1_000
EVENTS_QUIET_MAX: Final = 10_000
"""How far the log may run on without anybody to be told before the progress is written down."""
ROOMS_REMEMBERED_MAX: Final = 2_000
PUSHERS_REMEMBERED_MAX: Final = 200_000
USERS_PER_SLICE: Final = 100
"""After so many users others may run."""

Receivers = dict[str, list[tuple[int, int]]]
"""(pusher, position from which on it is told), by user."""

log = structlog.get_logger(__name__)


class PushQueue:
    """The task, and what it remembers of rooms' pushers."""

    def __init__(self, app: App, wake: Callable[[], None]) -> None:
        self._app = app
        self._wake = wake
        self._wanted = asyncio.Event()
        self._reached = 0
        self._has_pushers: bool | None = None
        self._rooms: OrderedDict[int, Receivers] = OrderedDict()
        self._remembered = 0
        self._generation = 0
        app.db.subscribe(self._hear)

    def _hear(self, _position: int, touches: Sequence[Touch]) -> None:
        if not touches or any(stream is Stream.PUSHERS for stream, _ in touches):
            self._forget()
        if self._has_pushers is not False:
            self._wanted.set()

    def _forget(self) -> None:
        self._generation += 1
        self._has_pushers = None
        self._rooms.clear()
        self._remembered = 0

    async def run(self) -> None:
        """Until cancelled."""
        self._wanted.set()
        while True:
            await self._wanted.wait()
            await asyncio.sleep(GATHER_S)
            self._wanted.clear()
            try:
                await self.catch_up()
            except Exception as error:
                log.warning("notifications were not queued", cause=repr(error))
                self._reached = 0
                await asyncio.sleep(RETRY_S)
                self._wanted.set()

    async def catch_up(self) -> None:
        """Put everything there is now into the queue."""
        while await self._step():
            pass

    async def _step(self) -> bool:
        store, tx = self._app.stores.pushers, self._app.db.reader
        before = await store.load_progress(tx)
        if not await self._find_pushers(tx):
            end = await store.load_end(tx)
            if end - before > EVENTS_QUIET_MAX:
                await self._go_on(before, end)
            self._reached = end
            return False
        reached = max(before, self._reached)
        # What is committed and not announced yet is not in the memory of rooms either.
        end, events = await store.load_step(tx, reached, self._app.db.position)
        waiting = await self._find_waiting(events)
        if waiting:
            await self._store(waiting)
        if waiting or end - before > EVENTS_QUIET_MAX:
            await self._go_on(before, end)
        self._reached = end
        return end > reached

    async def _find_pushers(self, tx: Read) -> bool:
        if self._has_pushers is None:
            generation = self._generation
            found = await self._app.stores.pushers.has_any(tx)
            if generation != self._generation:
                return True
            self._has_pushers = found
        return self._has_pushers

    async def _store(self, waiting: Sequence[tuple[int, int]]) -> None:
        store, now_ms = self._app.stores.pushers, self._app.clock.now_ms()
        for start in range(0, len(waiting), WAITING_PER_COMMIT_MAX):
            piece = waiting[start : start + WAITING_PER_COMMIT_MAX]

            async def item(tx: Transaction, piece: Sequence[tuple[int, int]] = piece) -> None:
                await store.insert_waiting(tx, piece, now_ms)

            await self._app.db.write(item)
            self._wake()

    async def _go_on(self, before: int, end: int) -> None:
        async def item(tx: Transaction) -> None:
            await self._app.stores.pushers.store_progress(tx, before, end)

        await self._app.db.write(item)

    async def _find_waiting(self, events: Sequence[StoredEvent]) -> list[tuple[int, int]]:
        """(pusher, event) for everybody to be told of these events."""
        app, tx = self._app, self._app.db.reader
        by_room: dict[str, list[StoredEvent]] = {}
        for stored in events:
            by_room.setdefault(stored.event.room_id, []).append(stored)
        waiting: list[tuple[int, int]] = []
        for room_id, listed in by_room.items():
            head = await app.rooms.find(tx, room_id, app.db.position)
            if head is None:
                continue
            if any(stored.event.membership is not None for stored in listed):
                self._forget_room(head.row.room_nid)
            for stored in await self._find_prepared(tx, head, listed):
                receivers = await self._load_receivers(tx, head)
                if stored.event.membership == "invite":
                    invited = stored.event.key[1]
                    receivers = {**receivers, invited: await self._load_invited(tx, invited)}
                waiting += await self._evaluate(tx, head, stored, receivers)
        return waiting

    async def _find_prepared(self, tx: Read, head: RoomHead, listed: list[StoredEvent]) -> list[StoredEvent]:
        has_invite = any(stored.event.membership == "invite" for stored in listed)
        if not has_invite and not await self._load_receivers(tx, head):
            return []
        return await find_prepared(self._app, tx, head, listed)

    async def _evaluate(
        self, tx: Read, head: RoomHead, stored: StoredEvent, receivers: Receivers
    ) -> list[tuple[int, int]]:
        app, position = self._app, stored.position or 0
        waiting: list[tuple[int, int]] = []
        for count, (user_id, pushers) in enumerate(receivers.items()):
            if count % USERS_PER_SLICE == USERS_PER_SLICE - 1:
                await asyncio.sleep(0)
            if not (await evaluate_event(app, tx, head, stored, user_id)).notify:
                continue
            if await may_be_told(app, tx, head, stored, user_id):
                waiting += [(pusher_nid, stored.nid) for pusher_nid, since in pushers if since < position]
        return waiting

    async def _load_invited(self, tx: Read, user_id: str) -> list[tuple[int, int]]:
        return [(each.pusher_nid, each.position) for each in await self._app.stores.pushers.load_of_user(tx, user_id)]

    async def _load_receivers(self, tx: Read, head: RoomHead) -> Receivers:
        room_nid = head.row.room_nid
        known = self._rooms.get(room_nid)
        if known is not None:
            return known
        generation = self._generation
        receivers: Receivers = {}
        for each in await self._app.stores.pushers.load_of_members(tx, room_nid):
            receivers.setdefault(each.user_id, []).append((each.pusher_nid, each.position))
        if generation == self._generation:
            self._rooms[room_nid] = receivers
            self._remembered += len(receivers)
            while len(self._rooms) > ROOMS_REMEMBERED_MAX or self._remembered > PUSHERS_REMEMBERED_MAX:
                self._forget_room(next(iter(self._rooms)))
        return receivers

    def _forget_room(self, room_nid: int) -> None:
        self._generation += 1
        self._remembered -= len(self._rooms.pop(room_nid, ()))
