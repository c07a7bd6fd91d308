"""People who talk: in groups and in pairs, at times that were decided beforehand, each following all of their rooms."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp

from zajil.drill.crowd import SYNCS_WHEN_BACK, Crowd, name_failed_read
from zajil.drill.ledger import Ledger, Message
from zajil.drill.matrix_client import GONE, Person, Refused
from zajil.drill.plan import FAILED, Scale
from zajil.drill.proxy import Proxy

SYNC_TIMEOUT_MS: Final = 10_000
PAUSE_S_FIRST: Final = 0.02
PAUSE_S_MAX: Final = 1.0
ATTEMPT_S_MAX: Final = 60.0
TEXT: Final = "x" * 200
PHOTO: Final = bytes(range(256)) * 80
PHOTO_EVERY: Final = 25
REFUSING: Final = (429, 502, 503, 504, 507)
LATE_S_MAX: Final = 5.0
"""A sync begun so long after a message was acknowledged brings it, or none ever does: a process hears of others' commits within a second."""
SETUP_AT_ONCE: Final = 8
DEVICES_EACH: Final = 20
"""Of an account in the crowd."""
HALL_SIZE: Final = 5
HALL_EVERY: Final = 100
"""Every so many messages one goes to a hall, and so to up to `HALL_SIZE * DEVICES_EACH` devices."""


class Traffic:
    """The people of a drill and what they do."""

    def __init__(
        self, scale: Scale, network: Proxy, seed: int, ledger: Ledger, *, registration_token: str = ""
    ) -> None:
        self.scale = scale
        self.base = f"http://127.0.0.1:{network.port}"
        self.ledger = ledger
        self.people: list[Person] = []
        self.members: dict[str, list[str]] = {}
        self.unread: dict[str, Person] = {}
        """Rooms that nobody follows, and who can read each at the end."""
        self.crowd: list[Person] = []
        self.halls: list[tuple[Person, str]] = []
        """Where there are many who read and few who write."""
        self.pairs: list[tuple[Person, str]] = []
        self.places: list[tuple[Person, str]] = []
        self.rate_per_s = scale.rate_per_s
        self.pairs_only = False
        """Only pairs talk, without photos."""
        self.refused = 0
        self._failed: Counter[str] = Counter()
        self._turn = 0
        self.synced_since: dict[str, float] = {}
        """For each reader, when the last sync that has ended was begun."""
        self.followers = Crowd()
        """The other devices of the crowd."""
        self._chance = random.Random(seed)  # noqa: S311  a plan, not a secret
        self._seed = seed
        self._name = f"drill{seed}"
        self._network = network
        self._token = registration_token
        self._by_id: dict[str, Person] = {}
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._readers: list[asyncio.Task[None]] = []
        self._schedule: asyncio.Task[None] | None = None
        self._connections = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        # Else it would ask again by itself where a connection broke, and nobody would know of the failure.
        self._connections._retry_connection = False

    async def prepare(self) -> None:
        """Make accounts, groups and pairs; every reader has read to the end when this returns."""
        self.people = await self.register("p", self.scale.people)
        self.crowd = await self.register("c", -(-self.scale.crowd // DEVICES_EACH))
        readers = [*self.people, *self.crowd]
        self._by_id = {person.user_id: person for person in readers}
        for number in range(self.scale.groups):
            first = number * self.scale.group_size
            members = [self.people[(first + offset) % len(self.people)] for offset in range(self.scale.group_size)]
            room_id = await self._make_room(f"group {number}", members)
            self.places += [(member, room_id) for member in members]
        for one, other in zip(self.people[::2], self.people[1::2], strict=False):
            room_id = await self._make_room("pair", [one, other])
            self.pairs += [(one, room_id), (other, room_id)]
        self.places += self.pairs
        for number, first in enumerate(range(0, len(self.crowd), HALL_SIZE)):
            host = self.people[number % len(self.people)]
            room_id = await self._make_room(f"hall {number}", [host, *self.crowd[first : first + HALL_SIZE]])
            self.halls.append((host, room_id))
        self.synced_since = {person.user_id: 0.0 for person in readers}
        ready = [asyncio.Event() for _ in readers]
        self._readers = [asyncio.create_task(self._read(*each)) for each in zip(readers, ready, strict=True)]
        # The first device of each account reads and remembers everything; the others follow.
        tokens = [person.token for person in self.crowd]
        await self.followers.start(self._network.target, tokens, self.scale.crowd - len(self.crowd), self._seed)
        await asyncio.gather(*(each.wait() for each in ready))

    async def register(self, letter: str, count: int) -> list[Person]:
        people = [Person(self.base, self._connections, f"{self._name}{letter}{number}") for number in range(count)]
        at_once = asyncio.Semaphore(SETUP_AT_ONCE)

        async def make(person: Person) -> None:
            async with at_once:
                await patiently(lambda: person.register(self._token))

        await asyncio.gather(*(make(person) for person in people))
        return people

    async def _make_room(self, name: str, members: list[Person]) -> str:
        room_id: str = await patiently(lambda: members[0].create_room(name))
        for member in members[1:]:
            await patiently(lambda member=member: member.join(room_id))
        self.members[room_id] = [member.user_id for member in members]
        return room_id

    def cut(self) -> None:
        """The network of everybody, until `restore`."""
        self._network.cut()
        self.followers.tell("cut")

    def restore(self) -> None:
        self._network.restore()
        self.followers.tell("restore")

    def drop(self) -> None:
        """Every connection breaks; new ones are served at once."""
        self._network.drop()
        self.followers.tell("drop")

    async def count_failed(self) -> dict[str, int]:
        """Requests that got no answer or an error until now, by kind. Of sends each message knows its own."""
        failed = self._failed + await self.followers.count_failed()
        return {kind: failed[kind] for kind in (*FAILED, "postponed_reads")}

    def start(self) -> None:
        self._schedule = asyncio.create_task(self._send_on_time())

    async def pause(self) -> None:
        """Make no new messages, and wait until every one begun is answered or given up."""
        if self._schedule is not None:
            self._schedule.cancel()
            self._schedule = None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ATTEMPT_S_MAX)

    async def stop(self) -> None:
        await self.pause()
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self.followers.stop()
        await self._connections.close()

    async def _send_on_time(self) -> None:
        due = time.monotonic()
        while True:
            due += self._chance.expovariate(self.rate_per_s)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            person, room_id = self._take_place()
            message = self.ledger.intend(person.user_id, room_id, due)
            task = asyncio.create_task(self._send(person, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take_place(self) -> tuple[Person, str]:
        """Who writes the next message, and where."""
        if self.pairs_only:
            # Everybody in turn: a conversation is what both sides write in.
            self._turn = (self._turn + 1) % len(self.pairs)
            return self.pairs[self._turn]
        is_for_many = self.halls and len(self.ledger.messages) % HALL_EVERY == 0
        return self._chance.choice(self.halls if is_for_many else self.places)

    async def _send(self, person: Person, message: Message) -> None:
        """What a client's queue does: one message of a room after the other, each again until it is answered. A photo goes ahead, in its message's time."""
        async with self._locks[message.sender, message.room_id]:
            content: dict[str, Any] = {"msgtype": "m.text", "body": message.body, "org.zajil.padding": TEXT}
            has_photo = message.number % PHOTO_EVERY == 0 and not self.pairs_only
            uri = await self._upload_photo(person, content) if has_photo else None
            pause_s = PAUSE_S_FIRST
            give_up_s = time.monotonic() + ATTEMPT_S_MAX
            while message.event_id is None and time.monotonic() < give_up_s:
                message.tried_s = time.monotonic()
                try:
                    message.event_id = await person.send(message.room_id, f"d{message.number}", content)
                    message.acked_s = time.monotonic()
                except GONE:
                    message.failures += 1
                    await asyncio.sleep(pause_s)
                except Refused as refused:
                    message.failures += 1
                    if refused.status not in REFUSING:
                        raise
                    self.refused += 1
                    await asyncio.sleep(max(pause_s, refused.retry_after_s))
                pause_s = min(PAUSE_S_MAX, pause_s * 2)
        if uri is not None:
            try:
                await person.download(uri)
            except (*GONE, Refused) as error:
                self._failed[name_failed_read(error, "failed_downloads")] += 1

    async def _upload_photo(self, person: Person, content: dict[str, Any]) -> str | None:
        """Media is part of the day, but a photo that fails is sent as text."""
        try:
            uri = await person.upload(PHOTO)
        except (*GONE, Refused):
            self._failed["failed_uploads"] += 1
            return None
        content |= {"msgtype": "m.file", "url": uri}
        return uri

    async def _read(self, person: Person, ready: asyncio.Event) -> None:
        since: str | None = None
        owed = 0
        seen: defaultdict[str, set[str]] = defaultdict(set)
        while True:
            began_s = time.monotonic()
            try:
                # Who was cut off first asks what there is, as clients do.
                answer = await person.sync(since, SYNC_TIMEOUT_MS if since and not owed else 0)
                rooms = answer.get("rooms", {}).get("join", {}) if since is not None else {}
                found = [await self._find_new(person, room_id, section, seen) for room_id, section in rooms.items()]
            except (*GONE, Refused) as error:
                owed = SYNCS_WHEN_BACK
                self._failed[name_failed_read(error, "failed_syncs")] += 1
                await asyncio.sleep(max(self._chance.uniform(0.02, 0.5), getattr(error, "retry_after_s", 0.0)))
                continue
            owed = max(0, owed - 1)
            for room_id, event_ids in found:
                self.ledger.receive(person.user_id, room_id, event_ids)
                seen[room_id].update(event_ids)
            since = answer["next_batch"]
            self.synced_since[person.user_id] = began_s
            ready.set()

    async def _find_new(
        self, person: Person, room_id: str, section: dict[str, Any], seen: dict[str, set[str]]
    ) -> tuple[str, list[str]]:
        """The room's new events, also those in the gap before them."""
        timeline = section.get("timeline", {})
        event_ids = [event["event_id"] for event in timeline.get("events", [])]
        token = timeline.get("prev_batch") if timeline.get("limited") else None
        while token is not None:
            page = await person.page(room_id, token, "b")
            older = [event["event_id"] for event in page.get("chunk", [])]
            fresh = [each for each in older if each not in seen[room_id]]
            event_ids = fresh[::-1] + event_ids
            token = page.get("end") if len(fresh) == len(older) and older else None
        return room_id, event_ids

    async def load_histories(self) -> dict[str, list[tuple[str, str]]]:
        """(event ID, body) of every message of every room, oldest first, as a member reads it now."""
        histories = {}
        readers = {room_id: self._by_id[members[0]] for room_id, members in self.members.items()}
        for room_id, reader in (readers | self.unread).items():
            histories[room_id] = [
                (event["event_id"], str(event["content"].get("body")))
                async for chunk in load_pages(reader, room_id, "f")
                for event in chunk
            ]
        return histories

    async def load_dates(self, room_id: str, event_ids: set[str]) -> dict[str, int]:
        """The `origin_server_ts` of these recent messages of a room, as a member reads it now."""
        reader = self._by_id[self.members[room_id][0]]
        dates: dict[str, int] = {}
        async for chunk in load_pages(reader, room_id, "b"):
            dates |= {event["event_id"]: event["origin_server_ts"] for event in chunk}
            if event_ids <= dates.keys():
                break
        return {event_id: dates[event_id] for event_id in event_ids & dates.keys()}

    async def wait_until_read(self, seconds_max: float) -> None:
        """Until every reader has every acknowledged message, or has read past it without, or the time is over: then the judgement says so."""
        began_s = time.monotonic()
        while lacking := self._find_lacking():
            now_s = time.monotonic()
            if now_s > began_s + seconds_max or all(self.synced_since[each] > began_s + LATE_S_MAX for each in lacking):
                return
            await asyncio.sleep(0.05)

    def _find_lacking(self) -> set[str]:
        """Who has not got every acknowledged message."""
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for message in self.ledger.acknowledged:
            wanted[message.room_id].add(message.event_id or "")
        return {
            reader
            for room_id, event_ids in wanted.items()
            for reader in self.members.get(room_id, ())
            if not event_ids <= set(self.ledger.received.get((reader, room_id), ()))
        }

    async def wait_until_synced(self, since_s: float, seconds_max: float) -> float | None:
        """Seconds from `since_s` until every device has ended a sync that was begun after it."""
        deadline = time.monotonic() + seconds_max
        while any(each < since_s for each in self.synced_since.values()) or await self.followers.count_behind(since_s):
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(0.01)
        return time.monotonic() - since_s


async def load_pages(reader: Person, room_id: str, direction: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The events of a room, page by page to its end."""
    token: str | None = None
    while True:
        page = await patiently(lambda token=token: reader.page(room_id, token, direction))
        yield page["chunk"]
        token = page.get("end")
        if token is None or not page["chunk"]:
            return


async def patiently(attempt: Any, seconds_max: float = ATTEMPT_S_MAX) -> Any:
    """Do it again while the server is away or busy."""
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            return await attempt()
        except (*GONE, Refused) as error:
            if time.monotonic() > deadline or (isinstance(error, Refused) and error.status not in REFUSING):
                raise
            await asyncio.sleep(max(0.1, getattr(error, "retry_after_s", 0.0)))
