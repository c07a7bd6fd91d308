"""Who is waiting for what: wakes parked syncs, and knows without asking the database that nothing is new for somebody.

For every user who has synced lately it keeps the last position at which each room and each stream of theirs was touched. That memory begins at
`OnlineUser.known_since`; for anything older the database is asked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import structlog

from zajil.ports.database import Database, Read, Stream, Touch, touch_rooms_only
from zajil.ports.stores import Stores
from zajil.ports.stores.events import StoredEvent
from zajil.services.admission.places import release_place
from zajil.services.rooms.room_heads import RoomHead, RoomHeads

ONLINE_USERS_MAX = 100_000
WAITERS_PER_USER_MAX = 64
LOADS_MAX = 100
PRESENCE_CHANGES_MAX = 512

log = structlog.get_logger(__name__)

_ROOM_STREAMS = (Stream.EVENTS, Stream.RECEIPTS)


class OnlineUser:
    """A user who has synced lately, and what has been touched for them since."""

    __slots__ = (
        "deliveries",
        "ephemeral_since",
        "is_caught_up",
        "known_since",
        "last_ephemeral",
        "last_presence",
        "last_touched",
        "presence",
        "presence_since",
        "receipts",
        "rooms",
        "streams",
        "touched_rooms",
        "typing",
        "undelivered",
        "user_id",
        "waiters",
    )

    def __init__(self, user_id: str, rooms: set[str], known_since: int, ephemeral_since: int = 0) -> None:
        self.user_id = user_id
        self.rooms = rooms
        self.known_since = known_since
        self.last_touched = known_since
        self.ephemeral_since = ephemeral_since
        """Of what is not in the log, everything told after this count of the ephemeral counter is known."""
        self.last_ephemeral = ephemeral_since
        self.last_presence = 0
        self.presence: dict[str, int] = {}
        self.presence_since: int | None = None
        """`presence` holds every change told after this counter; None before anything was told."""
        self.touched_rooms: dict[str, int] = {}
        self.receipts: dict[str, int] = {}
        self.typing: dict[str, int] = {}
        self.undelivered: dict[str, int] = {}
        """In small rooms the first message of others that no device of the user has confirmed."""
        self.is_caught_up = False
        """Whether `undelivered` has what was sent before this memory began."""
        self.deliveries: dict[str, int] = {}
        """When a message of the user's was delivered to somebody, by room, as a count of the ephemeral counter."""
        self.streams: dict[Stream, int] = {}
        self.waiters: list[asyncio.Future[None]] = []

    def touched_since(self, stream: Stream, position: int) -> bool:
        """Whether a stream of this user's own may have news after `position`."""
        return position < self.known_since or self.streams.get(stream, -1) > position

    def note_presence(self, user_id: str, counter: int) -> None:
        """Somebody's presence has changed; too many changes are forgotten, and then all of it is told again."""
        if len(self.presence) >= PRESENCE_CHANGES_MAX:
            self.presence.clear()
            self.presence_since = counter - 1
        self.presence[user_id] = counter
        self.last_presence = counter

    def wake_one(self) -> bool:
        """Answer who of this user's devices waits longest. False: none waits."""
        while self.waiters:
            waiter = self.waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return True
        return False

    def wake(self) -> None:
        if self.waiters:
            waiters, self.waiters = self.waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)


class Notifier:
    """Hears every commit and wakes whom it concerns."""

    def __init__(self, db: Database, stores: Stores, rooms: RoomHeads) -> None:
        self._db = db
        self._stores = stores
        self._rooms = rooms
        self._online: OrderedDict[str, OnlineUser] = OrderedDict()
        self._by_room: dict[str, set[OnlineUser]] = {}
        self._resolving: set[asyncio.Task[None]] = set()
        self._loading: dict[str, int] = {}
        """Users whose rooms are being read now, and for how many requests."""
        self._moves = 0
        """Grows when one of these changes rooms."""
        self.unresolved = 0
        """The position of the last change of devices of which it was not known at once whom it concerns."""
        self.committed: list[Callable[[RoomHead, list[StoredEvent]], None]] = []
        """Called with a room and its new events after each commit of this process; must be quick."""
        self.count_ephemeral: Callable[[], int] = lambda: 0
        """Where the ephemeral counter stands."""
        self.foreign: list[Callable[[], None]] = []
        """Called when another process has written: forget what was read before."""
        self._heard = db.position
        db.subscribe(self.hear, self.hear_foreign)

    def find(self, user_id: str) -> OnlineUser | None:
        return self._online.get(user_id)

    async def find_or_load(self, tx: Read, user_id: str) -> OnlineUser:
        """The user's record, made from the database if there is none yet."""
        user = self._online.get(user_id)
        if user is not None:
            self._online.move_to_end(user_id)
            return user
        self._loading[user_id] = self._loading.get(user_id, 0) + 1
        try:
            for _ in range(LOADS_MAX):
                moves = self._moves
                joined = await self._stores.rooms.load_memberships_of_user(tx, user_id, ["join"])
                if moves == self._moves:
                    break  # else the user, or somebody else who is being loaded, has moved meanwhile
        finally:
            self._loading[user_id] -= 1
            if not self._loading[user_id]:
                del self._loading[user_id]
        user = self._online.get(user_id)
        if user is None:
            # What was touched while the rooms were read has not been noted, so memory begins here.
            user = OnlineUser(user_id, {row.room_id for row in joined}, self._db.position, self.count_ephemeral())
            self._online[user_id] = user
            for room_id in user.rooms:
                self._by_room.setdefault(room_id, set()).add(user)
            self._shrink()
        return user

    def _shrink(self) -> None:
        while len(self._online) > ONLINE_USERS_MAX:
            _, user = self._online.popitem(last=False)
            for room_id in user.rooms:
                self._leave(user, room_id)
            user.wake()

    def _leave(self, user: OnlineUser, room_id: str) -> None:
        members = self._by_room.get(room_id)
        if members is not None:
            members.discard(user)
            if not members:
                del self._by_room[room_id]

    def online_in(self, room_id: str) -> set[OnlineUser] | tuple[()]:
        """Users in the room who have synced lately."""
        return self._by_room.get(room_id, ())

    def remember_committed(self, head: RoomHead, events: list[StoredEvent], moved: Mapping[str, bool]) -> None:
        """A room's new events are on disk; runs before anybody is woken.

        `moved` says of whose membership changed whether they are in the room now. The events do not: where branches of a room are joined, somebody
        may be in it although the event just announced takes them out, or out although none does.
        """
        for user_id, is_in in moved.items():
            self._move(head.room_id, user_id, is_in, events[-1].position or 0 if events else self._db.position)
        for callback in self.committed:
            callback(head, events)

    def _move(self, room_id: str, user_id: str, is_in: bool, position: int) -> None:
        user = self._online.get(user_id)
        if user is None:
            self._moves += user_id in self._loading
            return
        if is_in:
            user.rooms.add(room_id)
            self._by_room.setdefault(room_id, set()).add(user)
        elif room_id in user.rooms:
            user.rooms.discard(room_id)
            self._leave(user, room_id)
            user.touched_rooms[room_id] = position

    def hear_foreign(self, position: int, touches: Sequence[Touch]) -> None:
        """Another process wrote. What it sent into rooms is looked up there; of anything else nobody says what it changed."""
        if not touch_rooms_only(touches):
            self._forget_all()
            return
        for _, room_id in touches:
            self._rooms.forget(room_id)
            for user in self._by_room.get(room_id, ()):
                user.undelivered.setdefault(room_id, self._heard + 1)
        self.hear(position, touches)

    def hear(self, position: int, touches: Sequence[Touch]) -> None:
        """The log stands at `position`."""
        self._heard = position
        woken: set[OnlineUser] = set()
        for stream, key in touches:
            if stream in _ROOM_STREAMS:
                for user in self._by_room.get(key, ()):
                    (user.touched_rooms if stream is Stream.EVENTS else user.receipts)[key] = position
                    user.last_touched = position
                    woken.add(user)
            elif stream is Stream.DEVICE_LISTS:
                self._touch_sharers(key, position, woken)
            else:
                own = self._online.get(key)
                if own is not None:
                    own.streams[stream] = position
                    own.last_touched = position
                    woken.add(own)
        for user in woken:
            user.wake()

    def _touch_sharers(self, user_id: str, position: int, woken: set[OnlineUser]) -> None:
        """Somebody's devices changed: everybody who shares a room with them may want to know."""
        changed = self._online.get(user_id)
        if changed is None:
            # Their rooms are not in memory. Whoever syncs from here looks for themselves; whoever waits is woken when it is known whom.
            self.unresolved = position
            task = asyncio.get_running_loop().create_task(self._touch_sharers_from_database(user_id, position))
            self._resolving.add(task)
            task.add_done_callback(self._note_resolved)
            return
        sharers = {changed}.union(*(self._by_room.get(room_id, ()) for room_id in changed.rooms))
        for user in sharers:
            user.streams[Stream.DEVICE_LISTS] = position
            user.last_touched = position
        woken |= sharers

    def _note_resolved(self, task: "asyncio.Task[None]") -> None:
        """A task that nobody holds on to may be collected before its end; one that failed left waiters asleep."""
        self._resolving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("nobody was told at once of somebody's devices", cause=str(error))
            self.wake_all()

    async def _touch_sharers_from_database(self, user_id: str, position: int) -> None:
        rows = await self._stores.rooms.load_memberships_of_user(self._db.reader, user_id, ["join"])
        sharers: set[OnlineUser] = set()
        for row in rows:
            sharers.update(self._by_room.get(row.room_id, ()))
        for user in sharers:
            user.streams[Stream.DEVICE_LISTS] = max(position, user.streams.get(Stream.DEVICE_LISTS, 0))
            user.last_touched = max(position, user.last_touched)
            user.wake()

    def touch_typing(self, room_id: str, counter: int) -> None:
        """Who types in the room has changed; nothing of it is in the log."""
        for user in self._by_room.get(room_id, ()):
            user.typing[room_id] = counter
            user.last_ephemeral = counter
            user.wake()

    def touch_delivered(self, sender: str, room_id: str, counter: int) -> None:
        """A message that this user sent has been delivered to somebody."""
        user = self._online.get(sender)
        if user is not None:
            user.deliveries[room_id] = counter
            user.last_ephemeral = counter
            user.wake()

    def parked_users(self) -> list[OnlineUser]:
        """Everybody who has a sync parked here."""
        return [user for user in self._online.values() if user.waiters]

    def count_parked(self) -> int:
        """Syncs that are parked here."""
        return sum(len(user.waiters) for user in self._online.values())

    def wake_all(self) -> None:
        """Answer every parked sync now (shutdown)."""
        for user in list(self._online.values()):
            user.wake()

    def _forget_all(self) -> None:
        self._heard = self._db.position
        self._moves += 1
        online = list(self._online.values())
        self._online.clear()
        self._by_room.clear()
        self._rooms.forget_all()
        for callback in self.foreign:
            callback()
        for user in online:
            user.known_since = self._db.position
            user.last_touched = self._db.position
            user.wake()

    async def wait(self, user: OnlineUser, timeout_s: float) -> bool:
        """Park until the user is woken or the time is over; says which (True: woken). At once if the record is forgotten by now: nobody would wake it."""
        if self._online.get(user.user_id) is not user:
            return True
        release_place()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        if len(user.waiters) >= WAITERS_PER_USER_MAX:
            oldest = user.waiters.pop(0)
            if not oldest.done():
                oldest.set_result(None)
        user.waiters.append(waiter)
        timer = loop.call_later(timeout_s, waiter.cancel)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in user.waiters:
                user.waiters.remove(waiter)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return False
        finally:
            timer.cancel()
        return True
