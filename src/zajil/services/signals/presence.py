"""Who is online. In memory only (DESIGN §3), and cheap by design.

A sync that changes nothing costs a look into a dict. Only changes of state are told, once a second at most and together, to the members of
small rooms who sync with this process. When the event loop is late, changes are noted but nobody is woken for them: presence is shed first.
Processes tell each other the states that their own syncs speak for, when these change and once a minute; the best one counts.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from zajil.core.identifiers import server_name_of
from zajil.ports.database import Stream, Touch
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.federation.tell_fleeting import tell_presence
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.signals.node_signals import Signal
from zajil.services.sync.notifier import OnlineUser

ROOM_MEMBERS_MAX: Final = 64
"""Rooms with more joined members do not carry presence."""
PEOPLE_MAX: Final = 100_000
OFFLINE_AFTER_S: Final = 30.0
SWEEP_S: Final = 5.0
SWEPT_PER_SLICE: Final = 2_000
REFRESH_S: Final = 60.0
"""So often other processes are told again who is not offline."""
ELSEWHERE_S: Final = 150.0
"""A process that has said nothing about somebody for so long is gone."""
TELL_S: Final = 1.0
TOLD_PER_SLICE: Final = 20
TOLD_PER_ROUND_MAX: Final = 500
WOKEN_PER_ROUND_MAX: Final = 5_000
SETTLED_AFTER_S: Final = 60.0
"""Whoever was online when the former process ended has come back by then, or is offline."""
STALE_MS: Final = 24 * 3600 * 1000
"""Who has not been seen for so long is not shown as online anywhere."""
LATE_S_MAX: Final = 0.1
"""An event loop that is later than this has better things to do than to spread presence."""

ONLINE: Final = "online"
UNAVAILABLE: Final = "unavailable"
OFFLINE: Final = "offline"
STATES: Final = (ONLINE, UNAVAILABLE, OFFLINE)
NEVER: Final = float("-inf")

log = structlog.get_logger(__name__)


class Person:
    """What is known of one user's presence. Times are monotonic seconds."""

    __slots__ = (
        "audience",
        "changed",
        "chosen",
        "elsewhere",
        "elsewhere_s",
        "idle_s",
        "idle_syncs",
        "online_s",
        "online_syncs",
        "published",
        "state",
        "status_msg",
        "told",
        "user_id",
    )

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.changed = 0
        """When a change was told last, as a count of the ephemeral counter."""
        self.state = OFFLINE
        self.status_msg: str | None = None
        self.chosen: str | None = None
        """A state set by PUT /presence, in force until the next sync that says otherwise."""
        self.online_syncs = 0
        self.idle_syncs = 0
        self.online_s = NEVER
        self.idle_s = NEVER
        self.published = OFFLINE
        """The state that other processes were told."""
        self.elsewhere: dict[str, tuple[str, float]] = {}
        """By process, what it said, and until when that counts."""
        self.elsewhere_s = NEVER
        """When another process said last that the user is online."""
        self.told: tuple[str, str | None] = (OFFLINE, None)
        self.audience: tuple[str, frozenset[str]] | None = None

    def state_at(self, now_s: float) -> str:
        """The best state that any process speaks for."""
        best = self.own_state_at(now_s)
        for state, until_s in self.elsewhere.values():
            if until_s > now_s and STATES.index(state) < STATES.index(best):
                best = state
        return best

    def own_state_at(self, now_s: float) -> str:
        """The best state that a parked or recent sync of any device with this process speaks for."""
        is_online = self.online_syncs > 0 or now_s - self.online_s < OFFLINE_AFTER_S
        is_idle = self.idle_syncs > 0 or now_s - self.idle_s < OFFLINE_AFTER_S
        if self.chosen is not None:
            return self.chosen if is_online or is_idle else OFFLINE
        return ONLINE if is_online else UNAVAILABLE if is_idle else OFFLINE

    def last_active_ago_ms(self, now_s: float) -> int | None:
        last_s = max(self.online_s, self.elsewhere_s)
        if last_s == NEVER:
            return 0 if self.online_syncs else None
        return 0 if self.online_syncs and self.state == ONLINE else max(0, round((now_s - last_s) * 1000))


class Presence:
    """The presence of everybody who syncs with this process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.is_on = app.config.presence
        self._people: dict[str, Person] = {}
        self._awake: dict[str, Person] = {}
        self._untold: dict[str, Person] = {}
        self._newcomers: dict[tuple[str, str], None] = {}
        self._wanted = asyncio.Event()
        self._settles_s = app.clock.monotonic_s() + SETTLED_AFTER_S
        self._unsettled: dict[str, None] = {}
        self._refreshed_s = app.clock.monotonic_s()
        self.knows_elsewhere = False
        """Whether another process has told of anybody."""
        self._running: list[asyncio.Task[None]] = []
        if self.is_on:
            signals = app.node_signals
            signals.listen(Signal.PRESENCE, self._hear)
            signals.listen(Signal.PRESENCE_WANTED, lambda _content: self._publish_all())
            signals.listen(Signal.NEWCOMER, lambda content: self._expect_newcomer(content[0], content[1]))
            app.notifier.committed.append(self._note_joins)
            app.db.subscribe(self._note_settings)

    def start(self) -> None:
        """Begin the background work; needs a running loop."""
        if self.is_on:
            self._running = [asyncio.create_task(self._sweep_forever()), asyncio.create_task(self._tell_forever())]
            self._app.node_signals.publish(Signal.PRESENCE_WANTED, None)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def find(self, user_id: str) -> Person | None:
        return self._people.get(user_id)

    def arrive(self, user_id: str, state: str) -> Person | None:
        """A sync begins that asks for this state. `leave` must follow for the person returned."""
        if state == OFFLINE or not self.is_on:
            return None
        person = self._people.get(user_id) or self._add(user_id)
        if person is None:
            return None
        if state == ONLINE:
            person.online_syncs += 1
        else:
            person.idle_syncs += 1
        person.chosen = None
        if person.state != ONLINE and person.state != state:
            self._change(person)
        elif person.published != ONLINE and person.published != state:
            self._publish(person)
        return person

    def leave(self, person: Person | None, state: str) -> None:
        """The sync is answered."""
        if person is None:
            return
        if state == ONLINE:
            person.online_syncs -= 1
            person.online_s = self._app.clock.monotonic_s()
        else:
            person.idle_syncs -= 1
            person.idle_s = self._app.clock.monotonic_s()

    def choose(self, user_id: str, state: str, status_msg: str | None) -> None:
        """PUT /presence/{userId}/status."""
        person = (self._people.get(user_id) or self._add(user_id)) if self.is_on else None
        if person is None:
            return
        now_s = self._app.clock.monotonic_s()
        if state == ONLINE:
            person.online_s = now_s
        elif state == UNAVAILABLE:
            person.idle_s = now_s
        person.chosen = state
        person.status_msg = status_msg
        self._change(person)
        self._publish(person, with_status=True)

    def _add(self, user_id: str) -> Person | None:
        if len(self._people) >= PEOPLE_MAX:
            self._people = {name: known for name, known in self._people.items() if known.state != OFFLINE}
            if len(self._people) >= PEOPLE_MAX:
                return None
        person = self._people[user_id] = Person(user_id)
        return person

    def _change(self, person: Person) -> None:
        person.state = person.state_at(self._app.clock.monotonic_s())
        if person.state == OFFLINE:
            self._awake.pop(person.user_id, None)
            person.elsewhere.clear()
        else:
            self._awake[person.user_id] = person
        self._untold[person.user_id] = person
        self._wanted.set()
        if person.own_state_at(self._app.clock.monotonic_s()) != person.published:
            self._publish(person)

    def _publish(self, person: Person, *, with_status: bool = False) -> None:
        """Tell other processes what this one's syncs say. It may not know the status message, which only who has just been told it passes on."""
        person.published = person.own_state_at(self._app.clock.monotonic_s())
        status = [person.status_msg] if with_status else []
        self._app.node_signals.publish(
            Signal.PRESENCE, [self._app.instance, [[person.user_id, person.published, *status]]]
        )

    def _publish_all(self) -> None:
        self._app.node_signals.publish_list(
            Signal.PRESENCE,
            self._app.instance,
            [
                [person.user_id, person.published, *([person.status_msg] if person.status_msg is not None else [])]
                for person in self._awake.values()
                if person.published != OFFLINE
            ],
        )

    def _hear(self, content: tuple[str, list[list[Any]]]) -> None:
        """Another process tells of people."""
        process, people = content
        now_s = self._app.clock.monotonic_s()
        self.knows_elsewhere = True
        for user_id, state, *status in people:
            person = self._people.get(user_id) or self._add(user_id)
            if person is None:
                continue
            if state == OFFLINE:
                person.elsewhere.pop(process, None)
            else:
                person.elsewhere[process] = (state, now_s + ELSEWHERE_S)
            if state == ONLINE:
                person.elsewhere_s = now_s
            status_msg = status[0] if status else person.status_msg
            if person.state_at(now_s) != person.state or status_msg != person.status_msg:
                person.status_msg = status_msg
                self._change(person)

    def hear_of_remote(self, user_id: str, state: str, status_msg: str | None, active_ago_ms: int | None) -> None:
        """Another server tells of one of its users."""
        if self.is_on and state in STATES:
            self._hear((server_name_of(user_id) or "", [[user_id, state, status_msg]]))
            person = self._people.get(user_id)
            if person is not None and active_ago_ms is not None:
                person.elsewhere_s = self._app.clock.monotonic_s() - active_ago_ms / 1000

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except Exception:
                log.exception("presence was not swept")

    async def sweep(self) -> None:
        """Notice whose syncs have stopped."""
        now_s = self._app.clock.monotonic_s()
        for count, person in enumerate(list(self._awake.values()), 1):
            if person.state_at(now_s) != person.state:
                self._change(person)
            elif person.own_state_at(now_s) != person.published:
                self._publish(person)
            if count % SWEPT_PER_SLICE == 0:
                await asyncio.sleep(0)
        if self._app.node_signals.is_on and now_s - self._refreshed_s >= REFRESH_S:
            self._refreshed_s = now_s
            self._publish_all()
        if self._unsettled and now_s >= self._settles_s:
            unsettled, self._unsettled = self._unsettled, {}
            for user_id in unsettled:
                await self._correct(user_id)
                await asyncio.sleep(0)

    def expect_correction(self, user_id: str) -> None:
        """A client of the user knows presence of a former process: once all have had time to return, tell it who has not."""
        if len(self._unsettled) < PEOPLE_MAX:
            self._unsettled[user_id] = None

    async def _correct(self, user_id: str) -> None:
        user, tx = self._app.notifier.find(user_id), self._app.db.reader
        if user is None:
            return
        seen_since_ms = self._app.clock.now_ms() - STALE_MS
        for name in await self._app.stores.signals.load_neighbours(tx, user_id, ROOM_MEMBERS_MAX, seen_since_ms):
            hidden = name in self._awake or not (await self._app.privacy.load(tx, name)).shows_last_seen_to(user_id)
            if not hidden:
                counter = self._app.ephemeral.next()
                user.note_presence(name, counter)
                user.last_ephemeral = counter  # their next sync has it; nobody is woken

    def _note_joins(self, head: RoomHead, events: list[StoredEvent]) -> None:
        """Who has joined a room gets to see the others, and they the newcomer."""
        if head.row.joined_count > ROOM_MEMBERS_MAX:
            return
        for stored in events:
            if stored.event.membership == "join":
                self._expect_newcomer(head.room_id, stored.event.key[1])
                self._app.node_signals.publish(Signal.NEWCOMER, [head.room_id, stored.event.key[1]])

    def _expect_newcomer(self, room_id: str, user_id: str) -> None:
        self._newcomers[room_id, user_id] = None
        self._wanted.set()

    def _note_settings(self, _position: int, touches: Sequence[Touch]) -> None:
        """Somebody's account data has changed; it may have been about who sees their presence."""
        for stream, key in touches:
            if stream is Stream.ACCOUNT_DATA and key in self._people:
                self._untold[key] = self._people[key]
                self._wanted.set()

    async def _tell_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wanted.wait()
            due_s = loop.time() + TELL_S
            await asyncio.sleep(TELL_S)
            try:
                await self.tell(late_s=loop.time() - due_s)
            except Exception:
                log.exception("presence was not told")

    async def tell(self, late_s: float = 0.0) -> None:
        """One round: note every change with those who may see it, and wake them unless the event loop is late."""
        self._wanted.clear()
        budget = _Budget(0 if late_s > LATE_S_MAX else WOKEN_PER_ROUND_MAX)
        newcomers, self._newcomers = self._newcomers, {}
        for room_id, user_id in newcomers:
            await self._introduce(room_id, user_id, budget)
        names = list(self._untold)[:TOLD_PER_ROUND_MAX]
        for count, name in enumerate(names, 1):
            await self._tell_of(self._untold.pop(name), budget)
            if count % TOLD_PER_SLICE == 0:
                await asyncio.sleep(0)
        if self._untold:
            self._wanted.set()

    async def _tell_of(self, person: Person, budget: "_Budget") -> None:
        tx = self._app.db.reader
        privacy = await self._app.privacy.load(tx, person.user_id)
        audience_changed = person.audience is not None and person.audience != (privacy.last_seen, privacy.contacts)
        person.audience = (privacy.last_seen, privacy.contacts)
        told, person.told = person.told, (person.state, person.status_msg)
        if person.told == told and not audience_changed:
            return
        # Who syncs with another process only need not be in memory here.
        here = self._app.notifier
        user = here.find(person.user_id) if person.elsewhere else await here.find_or_load(tx, person.user_id)
        near: set[OnlineUser] = set() if user is None else {user}
        for room_id in await self._app.stores.signals.load_small_rooms(tx, person.user_id, ROOM_MEMBERS_MAX):
            near.update(self._app.notifier.online_in(room_id))
        # Counted only now: a sync that was answered while the rooms were read would have passed it over.
        counter = person.changed = self._app.ephemeral.next()
        for other in near:
            # Those who may not see it must not even notice when something happens; but who no longer may is told "offline" once.
            if other is user or audience_changed or privacy.shows_last_seen_to(other.user_id):
                _note(other, person.user_id, counter, budget, wakes=other is not user)
        if privacy.last_seen == "everyone" and server_name_of(person.user_id) == self._app.server_name:
            content = build_content(person, self._app.clock.monotonic_s())
            await tell_presence(self._app, person.user_id, content)

    async def _introduce(self, room_id: str, user_id: str, budget: "_Budget") -> None:
        tx = self._app.db.reader
        head = await self._app.rooms.find(tx, room_id, self._app.db.position)
        if head is None or head.row.joined_count > ROOM_MEMBERS_MAX:
            return
        members: set[str] = set()
        if self.knows_elsewhere:
            rows = await self._app.stores.rooms.load_members(tx, head.row.room_nid, ["join"], ROOM_MEMBERS_MAX)
            members = {row.user_id for row in rows}
        newcomer = self._app.notifier.find(user_id)
        counter = self._app.ephemeral.next()
        here = [other for other in self._app.notifier.online_in(room_id) if other is not newcomer]
        if user_id in self._awake:
            for other in here:
                _note(other, user_id, counter, budget, wakes=True)
        if newcomer is not None:
            members.update(other.user_id for other in here)
            members.discard(user_id)
            for name in members:
                if name in self._awake:
                    _note(newcomer, name, counter, budget, wakes=True)


class _Budget:
    """How many more syncs may be woken in a round."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


def _note(other: OnlineUser, user_id: str, counter: int, budget: _Budget, *, wakes: bool) -> None:
    """Remember that `other` has to hear of a change; it comes with their next answer, or now."""
    other.note_presence(user_id, counter)
    if wakes and budget.left > 0:
        budget.left -= 1
        other.last_ephemeral = counter
        other.wake()


def build_content(person: Person | None, now_s: float) -> dict[str, Any]:
    """The content of an m.presence event."""
    if person is None:
        return {"presence": OFFLINE}
    content: dict[str, Any] = {"presence": person.state, "currently_active": person.state == ONLINE}
    if (ago_ms := person.last_active_ago_ms(now_s)) is not None:
        content["last_active_ago"] = ago_ms
    if person.status_msg is not None:
        content["status_msg"] = person.status_msg
    return content
