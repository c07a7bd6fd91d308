"""The delivered signal: a message has reached a device of its recipient, because the device's next sync token has passed it.

Only in small rooms, and only about users of this server. A commit notes for the room's online members that something is on its way; their
next sync says how far they are; a task in the background works out the marks, a few times a second, and wakes the senders. Marks reach the
database later: what is lost with the process is found again, because a user's first sync with a process compares the marks with the rooms.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import astuple
from functools import partial
from typing import Any, Final

import structlog

from zajil.ports.database import Read, Stream, Touch, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.signals import DeliveredMark
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.signals.node_signals import Signal
from zajil.services.sync.notifier import OnlineUser

ROOM_MEMBERS_MAX: Final = 32
"""Rooms with more joined members have no delivered signal."""
ROOMS_REMEMBERED_MAX: Final = 10_000
LOOKED_BACK_MAX: Final = 50
"""Of a long absence only so many events are looked at, the newest."""
WAITING_MAX: Final = 50_000
GATHER_S: Final = 0.1
"""Confirmations of this time are told together."""
WRITE_S: Final = 5.0
WRITTEN_AT_ONCE_MAX: Final = 500
LOADS_MAX: Final = 10
"""So often a room's marks are read again because something happened meanwhile; then they are used and not remembered."""

log = structlog.get_logger(__name__)

Marks = dict[str, tuple[DeliveredMark, int]]
"""By user; with each the ephemeral counter at which it was told."""


class Delivered:
    """Who has received what, as far as this process has been asked."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.is_on = app.config.delivered_signal
        self._rooms: OrderedDict[int, Marks] = OrderedDict()
        self._unwritten: dict[int, dict[str, DeliveredMark]] = {}
        self._writing: dict[int, dict[str, DeliveredMark]] = {}
        """Marks whose commit is under way."""
        self._former: dict[int, Marks] = {}
        """What was remembered before another process wrote: when its marks were told."""
        self._generation = 0
        """Changes whenever what was read before may be out of date."""
        self._confirmed: dict[str, int] = {}
        self._wanted = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._unwritten_rooms: set[str] = set()
        if self.is_on:
            app.db.subscribe(lambda _position, _touches: None, self._hear_of_others)
            app.notifier.committed.append(self._note_events)
            app.notifier.foreign.append(self._forget_all)
            app.node_signals.listen(Signal.DELIVERED, self._hear)

    def start(self) -> None:
        """Begin the background work; needs a running loop."""
        if self.is_on:
            self._running = [asyncio.create_task(self._tell_forever()), asyncio.create_task(self._write_forever())]

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.write()

    def _note_events(self, head: RoomHead, events: list[StoredEvent]) -> None:
        """New events of a room: its online members but the sender have to receive them."""
        if head.row.joined_count > ROOM_MEMBERS_MAX:
            return
        for stored in events:
            if stored.event.is_state:
                self._note_departure(head, stored)
                continue
            for user in self._app.notifier.online_in(head.room_id):
                if user.user_id != stored.event.sender:
                    user.undelivered.setdefault(head.room_id, stored.position or 0)

    def _forget_all(self) -> None:
        self._generation += 1
        self._former.update(self._rooms)
        self._rooms.clear()
        if len(self._former) > ROOMS_REMEMBERED_MAX:
            self._former.clear()

    def _hear_of_others(self, _position: int, touches: Sequence[Touch]) -> None:
        """Another process has committed; if marks of delivery, then whoever they concern looks again."""
        rooms = [key for stream, key in touches if stream is Stream.DELIVERED]
        if not rooms:
            return
        self._forget_all()
        counter = self._app.ephemeral.next()
        for room_id in rooms:
            for user in self._app.notifier.online_in(room_id):
                self._app.notifier.touch_delivered(user.user_id, room_id, counter)

    def _note_departure(self, head: RoomHead, stored: StoredEvent) -> None:
        if stored.event.membership in (None, "join"):
            return
        self._generation += 1
        for marks in (self._rooms.get(head.row.room_nid), self._unwritten.get(head.row.room_nid)):
            if marks:
                marks.pop(stored.event.key[1], None)

    def acknowledge(self, user_id: str, since: int) -> None:
        """A device of the user has everything up to `since`."""
        user = self._app.notifier.find(user_id)
        if user is not None and user.is_caught_up and not user.undelivered:
            return
        if self.is_on and len(self._confirmed) < WAITING_MAX:
            self._confirmed[user_id] = max(since, self._confirmed.get(user_id, 0))
            self._wanted.set()

    async def load_marks(self, tx: Read, head: RoomHead) -> Marks:
        """Every mark of a room."""
        nid = head.row.room_nid
        marks: Marks = {}
        for _ in range(LOADS_MAX):
            known = self._rooms.get(nid)
            if known is not None:
                self._rooms.move_to_end(nid)
                return known
            generation, counter = self._generation, self._app.ephemeral.counter
            loaded = await self._app.stores.signals.load_marks(tx, nid)
            waiting = [*self._writing.get(nid, {}).values(), *self._unwritten.get(nid, {}).values()]
            former = self._former.get(nid, {})
            marks = {mark.user_id: (mark, find_told(former, mark, counter)) for mark in [*loaded, *waiting]}
            if generation == self._generation and nid not in self._rooms:
                self._rooms[nid] = marks
                self._former.pop(nid, None)
                if len(self._rooms) > ROOMS_REMEMBERED_MAX:
                    self._rooms.popitem(last=False)
        return self._rooms.get(nid, marks)

    async def _tell_forever(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(GATHER_S)
            try:
                await self.tell()
            except Exception:
                log.exception("deliveries were not told")

    async def tell(self) -> None:
        """Work out what the confirmations since the last time mean, and tell the senders."""
        self._wanted.clear()
        confirmed, self._confirmed = self._confirmed, {}
        for user_id, since in confirmed.items():
            user = self._app.notifier.find(user_id)
            if user is not None:
                await self._confirm(user, since)
            await asyncio.sleep(0)

    async def _confirm(self, user: OnlineUser, since: int) -> None:
        tx = self._app.db.reader
        if not (await self._app.privacy.load(tx, user.user_id)).delivered:
            user.is_caught_up = True
            user.undelivered.clear()
            return
        if not user.is_caught_up:
            user.is_caught_up = True
            for room in await self._app.stores.signals.load_unmarked(tx, user.user_id, ROOM_MEMBERS_MAX):
                user.undelivered[room.room_id] = room.marked + 1
        for room_id, first in list(user.undelivered.items()):
            if first <= since:
                await self._mark(tx, user, room_id, first, since)

    async def _mark(self, tx: Read, user: OnlineUser, room_id: str, first: int, since: int) -> None:
        user.undelivered.pop(room_id, None)
        head = await self._app.rooms.find(tx, room_id, self._app.db.position)
        if head is None or room_id not in user.rooms or head.row.joined_count > ROOM_MEMBERS_MAX:
            return
        messages = await self._load_messages(tx, head, user.user_id, first)
        later = next((stored.position for stored in messages if (stored.position or 0) > since), None)
        if later is not None:
            user.undelivered[room_id] = later
        marks = await self.load_marks(tx, head)
        known = marks[user.user_id][0].position if user.user_id in marks else 0
        arrived = [stored for stored in messages if known < (stored.position or 0) <= since]
        if not arrived:
            return
        newest = arrived[-1]
        mark = DeliveredMark(
            room_nid=head.row.room_nid,
            user_id=user.user_id,
            event_id=newest.event.event_id,
            position=newest.position or 0,
            ts_ms=self._app.clock.now_ms(),
            noted_at=self._app.db.position,
        )
        counter = self._app.ephemeral.next()
        marks[user.user_id] = (mark, counter)
        self._unwritten.setdefault(mark.room_nid, {})[mark.user_id] = mark
        self._unwritten_rooms.add(room_id)
        senders = {stored.event.sender for stored in arrived}
        self._app.node_signals.publish(Signal.DELIVERED, [room_id, astuple(mark), sorted(senders)])
        for sender in senders:
            self._app.notifier.touch_delivered(sender, room_id, counter)

    def _hear(self, content: tuple[str, Sequence[Any], Sequence[str]]) -> None:
        """Another process has found a mark. It is written by both, so that it is there for those who ask before the other has."""
        room_id, fields, senders = content
        mark = DeliveredMark(*fields)
        counter = self._app.ephemeral.next()
        waiting = self._unwritten.setdefault(mark.room_nid, {})
        if mark.user_id not in waiting or waiting[mark.user_id].position < mark.position:
            waiting[mark.user_id] = mark
        self._generation += 1
        marks = self._rooms.get(mark.room_nid)
        if marks is not None and (mark.user_id not in marks or marks[mark.user_id][0].position < mark.position):
            marks[mark.user_id] = (mark, counter)
        for sender in senders:
            self._app.notifier.touch_delivered(sender, room_id, counter)

    async def _load_messages(self, tx: Read, head: RoomHead, user_id: str, first: int) -> list[StoredEvent]:
        """Messages of others from `first` on, oldest first."""
        events: Sequence[StoredEvent] | None = head.events_after(first - 1)
        if events is None:
            events = await self._app.stores.events.load_timeline(
                tx, head.row.room_nid, first - 1, self._app.db.position, LOOKED_BACK_MAX
            )
        unseen = {user_id, *await load_ignored_users(self._app, tx, user_id)}
        return [stored for stored in events if not stored.event.is_state and stored.event.sender not in unseen]

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(WRITE_S)
            try:
                await self.write()
            except Exception as error:
                log.warning("marks of delivery were not written", cause=str(error))

    async def write(self) -> None:
        """Put the marks into the database."""
        self._writing, self._unwritten = self._unwritten, {}
        rooms, self._unwritten_rooms = self._unwritten_rooms, set()
        marks = [mark for room in self._writing.values() for mark in room.values()]
        try:
            for start in range(0, len(marks), WRITTEN_AT_ONCE_MAX):
                await self._app.db.write(partial(self._store, marks[start : start + WRITTEN_AT_ONCE_MAX], rooms))
        except BaseException:
            self._unwritten_rooms |= rooms
            for mark in marks:
                self._unwritten.setdefault(mark.room_nid, {}).setdefault(mark.user_id, mark)
            raise
        finally:
            self._writing = {}
            self._generation += 1  # who reads now may have asked before the commit

    async def _store(self, marks: Sequence[DeliveredMark], rooms: Collection[str], tx: Transaction) -> None:
        await self._app.stores.signals.store_marks(tx, marks)
        for room_id in rooms:
            tx.touch(Stream.DELIVERED, room_id)


def find_told(former: Marks, mark: DeliveredMark, counter: int) -> int:
    """When a mark read from the database was told: as remembered, or now."""
    known = former.get(mark.user_id)
    return known[1] if known is not None and known[0].position >= mark.position else counter
