"""Who may begin when there is more work than can be done: strict priority with a floor, bounded queues, refusals that tell the truth.

Pure: the clock and chance are parameters, so that a flood of an hour can be played in a second. `http/admission.py` is where requests meet it.
"""

import sys
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from zlib import crc32

from zajil.core.admission_limit import AdaptiveLimit, Overload
from zajil.core.admission_promises import Promises
from zajil.core.admission_work import BOUNDS, FOREGROUND, SENDS, SHEDDING, SYNCS, Work

SHARES: Final = 20
"""Users are shed in so many parts, so that under overload it is the same ones who get through."""
FLOOR: Final = 20
"""Every so many starts, one goes to who has waited longest for a turn, whatever the priority: 5 %."""
RESERVE: Final = 16
"""So many more may run for live conversations than the limit says, and so many may begin before their time on a capped server."""
RESERVES: Final = {Work.LIVE: RESERVE, Work.LIVE_SYNC: RESERVE // 2, Work.LIVELY: RESERVE // 2}
"""How many of each kind may begin before their time on a capped server, or what is less important would make them wait."""
RATE_WINDOW_S: Final = 0.5
RATE_UNKNOWN: Final = 25.0
SYNC_RATE_UNKNOWN: Final = 300.0
"""Of syncs all come in the first second, before anything could be measured; and a sync that finds little new is quick."""
LOOK_UP_RATE_UNKNOWN: Final = 1000.0
"""Right after a start nobody is known; a token is looked up in no time."""
RATE_LEAST: Final = 0.5
SYNC_RATE_LEAST: Final = 10.0
"""No slower is believed of syncs: who comes back too early costs a refusal, who is sent away for minutes hears of nothing meanwhile."""
RATE_NEWEST: Final = 0.5
"""The weight of the newest window in a rate."""
SYNC_RATE_NEWEST: Final = 0.125
"""Right after a start or a cut the syncs of conversations go first, and for a second or two no other may begin: that says nothing about the next."""
CATCH_UP_S: Final = 0.005
"""A capped server that was late by so much makes up for it; timers are no better."""
WAIT_S_LEAST: Final = 0.05
SYNC_SPREAD_S_MAX: Final = 300.0
PROMISED_SHARE: Final = 0.8
"""Of what is done of a kind so much is promised: it may become less by then, and what is left goes to newcomers."""
NEWCOMERS_SHARE: Final = 0.5
"""While some are to come back at their promised times, others may fill only so much of the queue."""

OVERSTAY_S: Final = 2.0
OVERSTAYING_MAX: Final = 1024
"""So many requests that run longer than that lose their claim to a place: they wait for something, and must not keep others out."""

WAITING, RUNNING, PARKED, DONE = range(4)
# Tables by number: looking an enumeration's member up in a dict, or asking the enumeration for its members, costs as much as all the rest.
WORKS: Final = tuple(Work)
PLACES: Final = tuple(int(BOUNDS[work].takes_place) for work in WORKS)
RUNNING_MAX: Final = tuple(BOUNDS[work].running_max or sys.maxsize for work in WORKS)
IS_REQUEST: Final = tuple(BOUNDS[work].is_request for work in WORKS)
IS_FOREGROUND: Final = tuple(work in FOREGROUND for work in WORKS)
IS_SEND: Final = tuple(work in SENDS for work in WORKS)
FIRST_CELLS: Final = tuple(SHEDDING.index(work) * SHARES if work in SHEDDING else None for work in WORKS)
"""Where the shares of a kind that is shed begin."""


class Entry:
    """A request on its way."""

    __slots__ = ("arrived_s", "key", "started_s", "state", "waiter", "work")

    def __init__(self, work: Work, key: str, now_s: float) -> None:
        self.work = work
        self.key = key
        self.arrived_s = now_s
        self.started_s = now_s
        self.state = WAITING
        self.waiter: Any = None
        """What the edge waits with."""


class Refusal(NamedTuple):
    """Not now, but in `wait_s` seconds. `is_late`: it had waited as long as its kind may."""

    work: Work
    wait_s: float
    is_late: bool = False


class Admission:
    """The queues of one process."""

    def __init__(self, chance: Callable[[], float], *, capacity_max: float = 0) -> None:
        self.limit = AdaptiveLimit()
        self.overload = Overload(len(SHEDDING) * SHARES)
        self.running = 0
        self.waiting = 0
        self.started = [0] * len(Work)
        self.refused = [0] * len(Work)
        self.waited_s = [0.0] * len(Work)
        """In all, of those that began."""
        self._chance = chance
        self._interval_s = 1 / capacity_max if capacity_max else 0.0
        self._ahead_s = [RESERVES.get(work, 0) * self._interval_s for work in Work]
        self._next_start_s = 0.0
        self._queues: list[deque[Entry]] = [deque() for _ in WORKS]
        self._queues_in_foreground = [self._queues[work] for work in WORKS if IS_FOREGROUND[work]]
        self._promises = [Promises() for _ in WORKS]
        self._promises_of_sends = [self._promises[work] for work in SENDS]
        self._running_of = [0] * len(Work)
        self._running: dict[Entry, None] = {}
        """In the order in which they began."""
        self._overstaying = 0
        self._turn = 0
        self._turn_of = [0] * len(Work)
        self._rates = [0.0] * len(Work)
        self._rated_at = list(self.started)
        self._rate_ends_s = 0.0

    def arrive(self, entry: Entry, now_s: float, *, is_parked: bool = False) -> Refusal | None:
        """Take a request in: afterwards it runs, or waits, or is refused.

        `is_parked`: it is going to park at once, and takes its place when it resumes.
        """
        work = entry.work
        if not self.waiting and not self.overload.level and self._may_start(work, now_s):
            # What nearly always happens: it costs next to nothing.
            if is_parked:
                entry.state = PARKED
            else:
                entry.state = RUNNING
                self._occupy(entry)
            self.started[work] += 1
            self.overload.prompt += 1
            if self._interval_s and IS_REQUEST[work]:
                self._next_start_s = max(self._next_start_s, now_s) + self._interval_s
            return None
        self.tend(now_s)
        promised_s = self._find_promise_s(work, entry.key, now_s)
        is_taken = self._count_arrival(work, entry.key)
        if not (is_taken or promised_s == 0.0) or not self._has_room(work, promised_s, now_s):
            return self._refuse(entry, promised_s, now_s)
        for kind in SENDS if IS_SEND[work] else (work,):
            self._promises[kind].keep(entry.key)
        self._queues[work].append(entry)
        self.waiting += 1
        return None

    def park(self, entry: Entry) -> None:
        """The request waits for something that is not work of this server; it has no claim to a place meanwhile."""
        if entry.state == RUNNING:
            entry.state = PARKED
            self._free(entry)

    def resume(self, entry: Entry) -> None:
        """A parked request goes on; it does not have to wait again."""
        if entry.state == PARKED:
            entry.state = RUNNING
            self._occupy(entry)

    def leave(self, entry: Entry, now_s: float) -> None:
        """The request has been answered, or given up."""
        state, entry.state = entry.state, DONE
        if state == RUNNING:
            if IS_SEND[entry.work]:
                self.limit.note(now_s - entry.started_s, self.running, now_s)
            self._free(entry)
        elif state == WAITING:
            self._queues[entry.work].remove(entry)
            self.waiting -= 1

    def dispatch(self, now_s: float) -> list[Entry]:
        """Start what may start now; returns it, in the order of starting."""
        started: list[Entry] = []
        while self.waiting:
            work = self._choose(now_s)
            if work is None:
                break
            entry = self._queues[work].popleft()
            self.waiting -= 1
            self._start(entry, now_s)
            started.append(entry)
        return started

    def expire(self, now_s: float) -> list[tuple[Entry, Refusal]]:
        """Give up what has waited as long as it may."""
        expired = []
        for work in Work if self.waiting else ():
            queue, wait_s_max = self._queues[work], BOUNDS[work].wait_s_max
            while queue and now_s - queue[0].arrived_s > wait_s_max:
                entry = queue.popleft()
                entry.state = DONE
                self.waiting -= 1
                wait_s = self._refuse(entry, None, now_s).wait_s
                expired.append((entry, Refusal(work, wait_s, is_late=True)))
        return expired

    def tend(self, now_s: float) -> None:
        """Measure; to be called often while anything waits or is shed."""
        if now_s >= self.overload.ends_s:
            self.overload.adapt(now_s, self.find_longest_wait_s(now_s))
        if now_s < self._rate_ends_s:
            return
        self._evict(now_s)
        window_s = now_s - self._rate_ends_s + RATE_WINDOW_S
        for work in WORKS:
            rate = (self.started[work] - self._rated_at[work]) / window_s
            if self._queues[work]:
                newest = SYNC_RATE_NEWEST if work in SYNCS else RATE_NEWEST
                before = self._rates[work] or (self._rate(work) if work in SYNCS else rate)
                self._rates[work] = before + (rate - before) * newest
            elif self._rates[work]:
                # When none waits, all that came have begun, and more might have.
                self._rates[work] = max(self._rates[work], rate)
        self._rated_at = list(self.started)
        self._rate_ends_s = now_s + RATE_WINDOW_S

    def find_longest_wait_s(self, now_s: float) -> float:
        """How long who waits longest has waited, of all kinds whose waiting means that there is too much work."""
        return max((now_s - queue[0].arrived_s for queue in self._queues_in_foreground if queue), default=0.0)

    @property
    def is_quiet(self) -> bool:
        """Nothing waits and nothing is shed."""
        return not self.waiting and not self.overload.level

    def find_wake_s(self, now_s: float) -> float | None:
        """In how many seconds a capped server may start something; None when only a request's end makes room."""
        if not self.waiting or not self._interval_s:
            return None
        ahead_s = max((self._ahead_s[work] for work in RESERVES if self._queues[work]), default=0.0)
        return max(0.0, self._next_start_s - ahead_s - now_s)

    def count_waiting(self, work: Work) -> int:
        return len(self._queues[work])

    def count_own_running(self) -> int:
        """Requests that are being worked on, without those of other servers."""
        return len(self._running) - self._running_of[Work.FEDERATION]

    def has_live(self) -> bool:
        """Whether a message of a conversation is under way."""
        return bool(self._running_of[Work.LIVE] or self._queues[Work.LIVE])

    def has_sends(self) -> bool:
        """Whether messages are under way. Right after a start that of somebody not yet known counts as none."""
        return any(self._running_of[work] or self._queues[work] for work in SENDS)

    def count_promised(self, work: Work) -> int:
        return len(self._promises[work])

    def leave_promises(self) -> dict[str, dict[str, float]]:
        """By the name of the kind of work, for a successor."""
        return {work.name: left for work in Work if (left := self._promises[work].leave())}

    def inherit_promises(self, left: dict[str, dict[str, float]]) -> None:
        for work in Work:
            self._promises[work].inherit(left.get(work.name, {}))

    def _may_start(self, work: Work, now_s: float, *, has_turn: bool = False) -> bool:
        """`has_turn`: the reserve is for it, too."""
        ahead_s = self._ahead_s[Work.LIVE if has_turn else work]
        if now_s < self._next_start_s - ahead_s and IS_REQUEST[work]:
            return False
        if self.running >= self.limit.value + (RESERVE if has_turn or work <= Work.LIVE_SYNC else 0):
            return False
        return self._running_of[work] < RUNNING_MAX[work]

    def _start(self, entry: Entry, now_s: float) -> None:
        work = entry.work
        entry.started_s = now_s
        entry.state = RUNNING
        self._occupy(entry)
        self.started[work] += 1
        if self._interval_s and IS_REQUEST[work]:
            # Timers are late: what a capped server could have done meanwhile, it does now.
            self._next_start_s = max(self._next_start_s, now_s - CATCH_UP_S) + self._interval_s
        wait_s = now_s - entry.arrived_s
        self.waited_s[work] += wait_s
        if IS_FOREGROUND[work]:
            self.overload.note_wait(wait_s)

    def _occupy(self, entry: Entry) -> None:
        self._running[entry] = None
        self.running += PLACES[entry.work]
        self._running_of[entry.work] += 1

    def _free(self, entry: Entry) -> None:
        if entry not in self._running:
            self._overstaying -= 1
            return
        del self._running[entry]
        self.running -= PLACES[entry.work]
        self._running_of[entry.work] -= 1

    def _evict(self, now_s: float) -> None:
        """Take their places from those that overstay."""
        while self._running and self._overstaying < OVERSTAYING_MAX:
            entry = next(iter(self._running))
            if entry.started_s > now_s - OVERSTAY_S:
                break
            self._free(entry)
            self._overstaying += 1

    def _choose(self, now_s: float) -> Work | None:
        for chosen in WORKS:
            if self._queues[chosen] and self._may_start(chosen, now_s):
                break
        else:
            return None
        self._turn += 1
        if self._turn % FLOOR == 0:
            others = [each for each in WORKS if self._queues[each] and self._may_start(each, now_s, has_turn=True)]
            others.remove(chosen)
            chosen = min(others, key=self._turn_of.__getitem__, default=chosen)
        self._turn_of[chosen] = self._turn
        return chosen

    def _count_arrival(self, work: Work, key: str) -> bool:
        """Whether the request is taken at the present level of overload."""
        first = FIRST_CELLS[work]
        if first is None:
            self.overload.count_other()
            return True
        return self.overload.count_cell(first + crc32(key.encode()) % SHARES)

    def _find_promise_s(self, work: Work, key: str, now_s: float) -> float | None:
        """How long until the time promised. A message may be of another kind by then, and is still the one that was told to come."""
        if not IS_SEND[work]:
            return self._promises[work].find_wait_s(key, now_s)
        found_s = None
        for promises in self._promises_of_sends:
            wait_s = promises.find_wait_s(key, now_s)
            if wait_s is not None and (found_s is None or wait_s < found_s):
                found_s = wait_s
        return found_s

    def _has_room(self, work: Work, promised_s: float | None, now_s: float) -> bool:
        bounds, waiting = BOUNDS[work], len(self._queues[work])
        if waiting >= bounds.waiting_max:
            return False
        if promised_s == 0.0:
            return True
        expected_s = waiting / self._rate(work)
        if work is Work.LIVE or work is Work.LIVELY:
            return True
        if self._promises[work].has_backlog(now_s):
            share = NEWCOMERS_SHARE
            return waiting < bounds.waiting_max * share and expected_s <= bounds.wait_s_max * share
        return waiting < FLOOR or expected_s <= bounds.wait_s_max

    def _refuse(self, entry: Entry, promised_s: float | None, now_s: float) -> Refusal:
        work, promises = entry.work, self._promises[entry.work]
        self.refused[work] += 1
        if promised_s:
            return Refusal(work, promised_s)
        rate = self._rate(work)
        if work in SYNCS:
            # Who reconnects has no reason to come at one time rather than another, so they are spread over the time that all of them need.
            clients = len(promises) + len(self._queues[work]) + 1
            spread_s = min(clients / (rate / 2), SYNC_SPREAD_S_MAX)
            return Refusal(work, promises.promise(entry.key, now_s, max(WAIT_S_LEAST, self._chance() * spread_s)))
        return Refusal(work, max(WAIT_S_LEAST, promises.promise_next(entry.key, now_s, rate * PROMISED_SHARE)))

    def _rate(self, work: Work) -> float:
        """How many of a kind begin in a second while some wait."""
        if work is Work.UNKNOWN:
            return max(self._rates[work], LOOK_UP_RATE_UNKNOWN)
        unknown, least = (SYNC_RATE_UNKNOWN, SYNC_RATE_LEAST) if work in SYNCS else (RATE_UNKNOWN, RATE_LEAST)
        if self._interval_s:
            unknown, least = min(unknown, 0.5 / self._interval_s), min(least, 0.5 / self._interval_s)
        return max(self._rates[work] or unknown, least)
