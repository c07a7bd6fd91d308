"""The two sides of a flood: conversations of two that are measured, and people who send copies to all their chats.

Arrivals are a Poisson process drawn beforehand from a seed; each latency is counted from the time at which the message was to be sent, so a slow
answer cannot keep the next message from being late as well (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.flood_client import Pool, build_request, build_send, keep_schedule
from benchmarks.flood_people import Person
from benchmarks.flood_sender import ScheduledFlood, Watch, build_head, build_rest, summarise_late

COPIES = 8
COPIES_S = 4.0
POLITE = 50
"""Of those who send copies, so many wait as they are told and try again; they tell whether the times told are true."""
POLITE_PAUSE_S = 1.0
LISTENERS = 20
"""Of those in conversations, so many have a sync open all the time."""
SYNC_MS = 10_000


@dataclass(frozen=True)
class Said:
    """A message of a conversation: when it was to be sent, when it was, and when it was answered."""

    due_s: float
    sent_s: float
    answered_s: float


@dataclass
class LiveFigures:
    """What the conversations saw."""

    said: list[Said] = field(default_factory=list)
    disturbed: set[int] = field(default_factory=set)
    """Those of them, by number, that were late because this process was."""
    unanswered: int = 0
    deliveries_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    syncs_refused: int = 0
    lost: int = 0
    late_ms: float = 0.0

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != 200)

    @property
    def latencies_ms(self) -> list[float]:
        return [(each.answered_s - each.due_s) * 1000 for each in self.said]

    @property
    def undisturbed_ms(self) -> list[float]:
        return [each_ms for number, each_ms in enumerate(self.latencies_ms) if number not in self.disturbed]


@dataclass
class FloodFigures:
    """What the flood saw."""

    statuses: dict[int, int] = field(default_factory=dict)
    without_retry_after: int = 0
    polite_refused: int = 0
    polite_kept: int = 0
    polite_broken: int = 0
    polite_wait_ms_max: float = 0.0
    late_p99_ms: float = 0.0
    late_ms: float = 0.0
    connections: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def build_times(chance: random.Random, rate: float, begin_s: float, until_s: float) -> list[float]:
    times, now_s = [], begin_s
    while (now_s := now_s + chance.expovariate(rate)) < until_s:
        times.append(now_s)
    return times


class Live:
    """Conversations of two."""

    def __init__(self, port: int, people: list[Person], seed: int, *, listens: bool = True) -> None:
        self._pool = Pool(port)
        self._people = people
        self._listeners = LISTENERS if listens else 0
        self.statuses: Counter[int] = Counter()
        self._chance = random.Random(seed)
        self._seed = f"{seed}.{time.time_ns()}"
        self._sent_at: dict[str, float] = {}
        self._seen_at: dict[str, float] = {}
        self._acknowledged: dict[str, list[str]] = {}
        self.figures = LiveFigures()

    async def begin(self) -> None:
        """Everybody has written and been answered."""
        for step in range(3):
            for each in self._people[step % 2 :: 2]:
                answer = await self._pool.ask(build_send(each.token, each.direct, f"{self._seed}b{step}"))
                if answer.status == 429:
                    await asyncio.sleep(answer.retry_after_ms / 1000)
                    continue
                if answer.status != 200:
                    raise SystemExit(f"the conversations could not begin: {answer.status} {answer.body!r}")

    async def run(self, rate: float, begin_s: float, until_s: float) -> None:
        """Talk from one time of the monotonic clock to the other."""
        times = build_times(self._chance, rate, begin_s, until_s)
        speakers = [self._chance.choice(self._people) for _ in times]

        async def say(number: int, at_s: float) -> None:
            speaker = speakers[number]
            sent_s = time.monotonic()
            try:
                answer = await self._pool.ask(build_send(speaker.token, speaker.direct, f"{self._seed}.{number}"))
            except (TimeoutError, OSError):
                self.figures.unanswered += 1
                return
            self.statuses[answer.status] += 1
            self.figures.said.append(Said(at_s, sent_s, answer.at_s))
            if answer.status == 200:
                event_id = answer.json()["event_id"]
                self._sent_at[event_id] = at_s
                self._acknowledged.setdefault(speaker.direct, []).append(event_id)

        listeners = [asyncio.ensure_future(self._listen(each)) for each in self._people[: self._listeners]]
        watch = Watch()
        watch.start()
        late_s = await keep_schedule(times, say)
        watch.stop()
        for number, each in enumerate(self.figures.said):
            if each.sent_s - each.due_s > Watch.LATE_S or watch.covers(each.due_s, each.answered_s):
                self.figures.disturbed.add(number)
        await asyncio.sleep(1)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        self.figures.late_ms = late_s * 1000
        self.figures.statuses = dict(self.statuses)
        heard = self._seen_at.keys() & self._sent_at.keys()
        self.figures.deliveries_ms = [(self._seen_at[each] - self._sent_at[each]) * 1000 for each in heard]
        self._pool.close()

    async def check(self, port: int) -> None:
        """Count what was acknowledged and is not in its room's history."""
        pool = Pool(port)
        tokens = {each.direct: each.token for each in self._people}
        for room_id, acknowledged in self._acknowledged.items():
            path = f"/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1000"
            found: set[str] = set()
            place = ""
            while True:
                answer = await pool.ask(build_request("GET", path + place, tokens[room_id]))
                if answer.status == 429:
                    await asyncio.sleep(answer.retry_after_ms / 1000)
                    continue
                if answer.status != 200:
                    raise SystemExit(f"the history cannot be read: {answer.status} {answer.body!r}")
                page = answer.json()
                found.update(event["event_id"] for event in page["chunk"])
                if "end" not in page or found.issuperset(acknowledged):
                    break
                place = f"&from={page['end']}"
            self.figures.lost += len(set(acknowledged) - found)
        pool.close()

    async def _listen(self, person: Person) -> None:
        pool, since = Pool(self._pool.port), ""
        while True:
            path = f"/_matrix/client/v3/sync?timeout={SYNC_MS}&set_presence=offline{since}"
            answer = await pool.ask(build_request("GET", path, person.token))
            if answer.status == 429:
                self.figures.syncs_refused += 1
                await asyncio.sleep(answer.retry_after_ms / 1000)
                continue
            body = answer.json()
            if since:
                for room in body.get("rooms", {}).get("join", {}).values():
                    for event in room["timeline"]["events"]:
                        if event["sender"] != person.user_id:
                            self._seen_at.setdefault(event["event_id"], answer.at_s)
            since = f"&since={body['next_batch']}"


class Flood:
    """People who each send copies to eight chats within seconds."""

    def __init__(self, port: int, people: list[Person], seed: int) -> None:
        self._pool = Pool(port)
        self._polite = people[:POLITE]
        self._people = people[POLITE:]
        self._chance = random.Random(seed)
        self._seed = f"{seed}.{time.time_ns()}"
        self.figures = FloodFigures()

    def build_copies(
        self, rate: float, begin_s: float, until_s: float, inside: float
    ) -> list[tuple[float, Person, str]]:
        """Who sends to which room, and when; a share goes to the conversation the sender is having."""
        copies: list[tuple[float, Person, str]] = []
        for number, at_s in enumerate(build_times(self._chance, rate / COPIES, begin_s, until_s)):
            person = self._people[number % len(self._people)]
            groups = self._chance.sample(person.groups, len(person.groups))
            for each in range(COPIES):
                room_id = person.direct if self._chance.random() < inside else groups[each % len(groups)]
                copies.append((at_s + self._chance.uniform(0, COPIES_S), person, room_id))
        return sorted(copies, key=lambda copy: copy[0])

    async def log_in(self) -> None:
        """A chain letter comes from people who are online: the server knows them all."""
        everybody = self._polite + self._people
        for at in range(0, len(everybody), 16):
            requests = [
                build_request("GET", "/_matrix/client/v3/account/whoami", each.token)
                for each in everybody[at : at + 16]
            ]
            await asyncio.gather(*map(self._pool.ask, requests))

    async def begin(self) -> None:
        """Those who flood are in conversations too."""
        for step in range(3):
            some = self._people[step % 2 :: 2]
            for at in range(0, len(some), 16):
                await asyncio.gather(
                    *(
                        self._pool.ask(build_send(each.token, each.direct, f"{self._seed}b{step}"))
                        for each in some[at : at + 16]
                    )
                )

    async def run(self, copies: list[tuple[float, Person, str]], until_s: float) -> None:
        statuses: Counter[int] = Counter()
        rests = {person.token: build_rest(person.token) for person in self._people}
        txn_id = f"{self._seed}.".encode()

        def build(number: int) -> bytes:
            _, person, room_id = copies[number]
            return b"%b%b%d%b" % (build_head(room_id), txn_id, number, rests[person.token])

        def note(status: int, answer: bytes) -> None:
            statuses[status] += 1
            if status == 429 and not tells_when(answer):
                self.figures.without_retry_after += 1

        flood = ScheduledFlood(self._pool.port, note)
        polite = [asyncio.ensure_future(self._be_polite(each, until_s)) for each in self._polite]
        await flood.run([copy[0] for copy in copies], build)
        await asyncio.gather(*polite)
        self.figures.late_p99_ms, self.figures.late_ms = summarise_late(flood.late_ms)
        self.figures.connections = flood.opened
        self.figures.statuses = dict(statuses)
        self._pool.close()

    async def _be_polite(self, person: Person, until_s: float) -> None:
        """Send copies one after the other, and wait as told where that is asked."""
        number = 0
        await asyncio.sleep(self._chance.uniform(0, 3))
        while time.monotonic() < until_s:
            number += 1
            request = build_send(person.token, person.groups[number % len(person.groups)], f"{self._seed}p{number}")
            was_told = False
            while (answer := await self._pool.ask(request)).status == 429 and time.monotonic() < until_s:
                if was_told:
                    self.figures.polite_broken += 1
                else:
                    self.figures.polite_refused += 1
                was_told = True
                self.figures.polite_wait_ms_max = max(self.figures.polite_wait_ms_max, answer.retry_after_ms)
                if time.monotonic() + answer.retry_after_ms / 1000 > until_s:
                    return
                await asyncio.sleep(answer.retry_after_ms / 1000)
            self.figures.polite_kept += was_told and answer.status == 200
            await asyncio.sleep(POLITE_PAUSE_S)


RETRY_AFTER = re.compile(rb"\r\nretry-after: (\d+)\r\n.*\"retry_after_ms\":(\d+)", re.DOTALL)


def tells_when(answer: bytes) -> bool:
    """Whether a refusal says when to come back, and its header no less than its body."""
    found = RETRY_AFTER.search(answer)
    return found is not None and int(found[1]) * 1000 >= int(found[2]) > 0
