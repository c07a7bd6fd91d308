"""A flood of chain letters on a simulated clock, with the server's own admission code, and with two other ways of queueing as controls.

A server that does 500 requests a second; 150 messages a second of live conversations, two people each; for two minutes many
ordinary people, each once, send copies of something to eight rooms within a few seconds. Arrivals are Poisson and do not wait for answers.
"""

from __future__ import annotations

import heapq
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from zajil.core.admission import Admission, Entry
from zajil.core.admission_rank import Ranks

CAPACITY = 500.0
LIVE_RATE = 150.0
COPIES = 8
COPIES_S = 4.0
"""How long it takes somebody to send the copies."""
CONVERSATIONS = 300
WARM_UP_S = 240.0
WAIT_S_MAX = 30.0
"""After so long a client gives up; what the queues of the controls hold at most."""


@dataclass(order=True)
class Arrival:
    at_s: float
    number: int
    sender: str = field(compare=False)
    room_id: str = field(compare=False)
    is_live: bool = field(compare=False, default=False)
    """A message of the conversations that are measured."""
    goes_on: bool = field(compare=False, default=False)
    """A copy that lands in a conversation its sender is having."""


@dataclass
class Outcome:
    """What became of the measured conversations, and of the flood."""

    live_waits_s: list[float] = field(default_factory=list)
    live_lost: int = 0
    flood_done: int = 0
    flood_refused: int = 0
    waiting_max: int = 0

    def p99_ms(self) -> float:
        waits = sorted(self.live_waits_s)
        return waits[int(len(waits) * 0.99)] * 1000


class Server(Protocol):
    """A way of queueing. `take` is called in the order of time; what it says is when each message was done, or None for refused."""

    def take(self, arrival: Arrival) -> None: ...

    def run_until(self, now_s: float) -> None: ...


Done = Callable[[Arrival, float | None], None]


class Fifo:
    """First come, first served; who would wait too long is refused."""

    def __init__(self, done: Done) -> None:
        self._done = done
        self._free_s = 0.0

    def take(self, arrival: Arrival) -> None:
        start_s = max(self._free_s, arrival.at_s)
        if start_s - arrival.at_s > WAIT_S_MAX:
            self._done(arrival, None)
            return
        self._free_s = start_s + 1 / CAPACITY
        self._done(arrival, start_s)

    def run_until(self, now_s: float) -> None:
        pass


class Fair:
    """Every sender has a turn in turn; who has waited too long is given up."""

    def __init__(self, done: Done) -> None:
        self._done = done
        self._free_s = 0.0
        self._queues: OrderedDict[str, deque[Arrival]] = OrderedDict()

    def take(self, arrival: Arrival) -> None:
        self.run_until(arrival.at_s)
        self._queues.setdefault(arrival.sender, deque()).append(arrival)
        self._free_s = max(self._free_s, arrival.at_s)

    def run_until(self, now_s: float) -> None:
        while self._queues and self._free_s <= now_s:
            sender, queue = self._queues.popitem(last=False)
            arrival = queue.popleft()
            if queue:
                self._queues[sender] = queue
            if self._free_s - arrival.at_s > WAIT_S_MAX:
                self._done(arrival, None)
                continue
            self._done(arrival, self._free_s)
            self._free_s += 1 / CAPACITY


class Admitted:
    """The server's own admission."""

    def __init__(self, done: Done, seed: int) -> None:
        self._done = done
        self.admission = Admission(random.Random(seed).random, capacity_max=CAPACITY)
        self.ranks = Ranks()
        self._now_s = 0.0

    def take(self, arrival: Arrival) -> None:
        now_s = arrival.at_s
        self.run_until(now_s)
        work = self.ranks.rank(arrival.sender, arrival.room_id, now_s, is_new=False)
        entry = Entry(work, arrival.sender, now_s)
        entry.waiter = arrival
        if self.admission.arrive(entry, now_s) is not None:
            self._done(arrival, None)
        elif entry.started_s == now_s and entry.state == 1:
            self._finish(entry, now_s)

    def run_until(self, now_s: float) -> None:
        while (wake_s := self.admission.find_wake_s(self._now_s)) is not None and self._now_s + wake_s <= now_s:
            self._now_s += max(wake_s, 1e-6)
            for entry, _ in self.admission.expire(self._now_s):
                self._done(entry.waiter, None)
            for entry in self.admission.dispatch(self._now_s):
                self._finish(entry, self._now_s)
            self.admission.tend(self._now_s)
        self._now_s = now_s

    def _finish(self, entry: Entry, now_s: float) -> None:
        self.admission.leave(entry, now_s)
        self.ranks.wrote(entry.waiter.sender, entry.waiter.room_id, now_s)
        self._done(entry.waiter, now_s)


def live_arrivals(chance: random.Random, until_s: float) -> Iterator[Arrival]:
    """Messages of conversations: each of the two writes about as often as the other."""
    now_s = 0.0
    while (now_s := now_s + chance.expovariate(LIVE_RATE)) < until_s:
        pair = chance.randrange(CONVERSATIONS)
        yield Arrival(now_s, 0, f"live{pair}.{chance.randrange(2)}", f"live{pair}", is_live=True)


def flood_arrivals(chance: random.Random, begin_s: float, until_s: float, rate: float, inside: float) -> list[Arrival]:
    """Copies: each participant sends eight within seconds; a share lands in a conversation that the participant is having.

    `inside` is that share. Those conversations went on a minute before, from both sides.
    """
    arrivals = []
    now_s, person = begin_s, 0
    while (now_s := now_s + chance.expovariate(rate / COPIES)) < until_s:
        person += 1
        name = f"chain{person}"
        times = sorted(now_s + chance.uniform(0, COPIES_S) for _ in range(COPIES))
        for number, at_s in enumerate(times):
            goes_on = chance.random() < inside
            arrivals.append(Arrival(at_s, 0, name, f"{name}.{number}", goes_on=goes_on))
    return arrivals


def simulate(
    build: Callable[[Done], Server], *, seed: int, rate: float, inside: float = 0.0, flood_s: float = 120.0
) -> Outcome:
    """Play it, and say what it was like from the flood's beginning to its end."""
    chance = random.Random(seed)
    end_s = WARM_UP_S + flood_s
    outcome = Outcome()

    def done(arrival: Arrival, at_s: float | None) -> None:
        if not arrival.is_live:
            outcome.flood_done += at_s is not None
            outcome.flood_refused += at_s is None
        elif arrival.at_s >= WARM_UP_S:
            if at_s is None:
                outcome.live_lost += 1
            else:
                outcome.live_waits_s.append(at_s - arrival.at_s)

    server = build(done)
    flood = flood_arrivals(chance, WARM_UP_S, end_s, rate, inside) if rate else []
    ranks = server.ranks if isinstance(server, Admitted) else None
    for arrival in heapq.merge(live_arrivals(random.Random(seed), end_s), sorted(flood)):
        if arrival.goes_on and ranks is not None:
            _go_on(ranks, arrival)
        server.take(arrival)
        if isinstance(server, Admitted):
            outcome.waiting_max = max(outcome.waiting_max, server.admission.waiting)
    server.run_until(end_s + WAIT_S_MAX * 2)
    return outcome


def _go_on(ranks: Ranks, arrival: Arrival) -> None:
    """The two have written to each other a minute ago."""
    before_s = arrival.at_s - 60
    if ranks.attempted_s(arrival.sender, arrival.room_id) < 0:
        ranks.rank(arrival.sender, arrival.room_id, before_s, is_new=False)
        ranks.wrote(arrival.sender, arrival.room_id, before_s)
        ranks.wrote(f"{arrival.sender}'s friend", arrival.room_id, before_s + 1)


def is_sorted(times: list[float]) -> bool:
    return all(first <= second for first, second in pairwise(times))
