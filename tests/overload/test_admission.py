"""Admission on a simulated clock: what goes first, what is refused, and whether the times told are true."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from zajil.core.admission import PARKED, RESERVE, RUNNING, Admission, Entry, Refusal
from zajil.core.admission_limit import LEAST, MOST, AdaptiveLimit, Overload
from zajil.core.admission_work import BOUNDS, SENDS, SHEDDING, Work

CAPACITY = 100.0


class Play:
    """A capped server whose requests are done at once."""

    def __init__(self, capacity: float = CAPACITY, seed: int = 1) -> None:
        self.admission = Admission(random.Random(seed).random, capacity_max=capacity)
        self.now_s = 1000.0
        self.began: list[tuple[float, Entry]] = []
        self.expired: list[tuple[Entry, Refusal]] = []

    def arrive(self, work: Work, key: str = "anna") -> Refusal | None:
        entry = Entry(work, key, self.now_s)
        refusal = self.admission.arrive(entry, self.now_s)
        if entry.state == RUNNING:
            self._finish(entry)
        return refusal

    def run(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s += 0.002
            self.expired += self.admission.expire(self.now_s)
            self.admission.tend(self.now_s)
            for entry in self.admission.dispatch(self.now_s):
                self._finish(entry)

    def _finish(self, entry: Entry) -> None:
        self.began.append((self.now_s, entry))
        self.admission.leave(entry, self.now_s)

    def count(self, work: Work) -> int:
        return sum(entry.work is work for _, entry in self.began)


def test_who_comes_to_a_quiet_server_begins_at_once() -> None:
    play = Play(capacity=0)
    for work in Work:
        assert play.arrive(work) is None
    assert [entry.work for _, entry in play.began] == list(Work)


def test_priority_with_a_floor() -> None:
    play = Play()
    for number in range(1000):
        for work in (Work.MANY, Work.FIRST, Work.LIVE):
            play.arrive(work, f"user{number}")
    play.run(3)
    others = play.count(Work.MANY) + play.count(Work.FIRST)
    assert 300 * 0.04 <= others <= 300 * 0.06 + 2
    assert play.count(Work.MANY) >= 5
    assert len(play.began) <= CAPACITY * 3 + RESERVE + 2


def test_a_conversation_is_never_refused_while_the_rest_is() -> None:
    play, refused = Play(), dict.fromkeys(Work, 0)
    for number in range(20_000):
        work = Work.LIVE if number % 40 == 0 else Work.MANY
        refused[work] += play.arrive(work, f"user{number % 500}") is not None
        if number % 2:
            play.run(0.002)
    assert refused[Work.LIVE] == 0
    assert refused[Work.MANY] > 15_000
    waits = [at_s - entry.arrived_s for at_s, entry in play.began if entry.work is Work.LIVE]
    assert max(waits) < 0.1


def test_a_conversation_does_not_wait_for_its_turn_on_a_capped_server() -> None:
    """As long as conversations are far from filling the capacity; in all no more begins than may."""
    play = Play()
    began_s = play.now_s
    for number in range(2_000):
        for each in range(5):
            play.arrive(Work.MANY, f"user{number}.{each}")
        if number % 20 == 0:
            for each in range(4):
                play.arrive(Work.LIVE, f"friend{each}")
        play.run(0.005)
    waits = [at_s - entry.arrived_s for at_s, entry in play.began if entry.work is Work.LIVE]
    assert len(waits) == 400
    assert max(waits) < 0.003
    assert len(play.began) <= CAPACITY * (play.now_s - began_s) + RESERVE + 1
    assert play.count(Work.MANY) > 500


def test_queues_are_bounded_in_number_and_time() -> None:
    play = Play()
    for number in range(5_000):
        play.arrive(Work.MANY, f"user{number}")
    assert play.admission.count_waiting(Work.MANY) <= BOUNDS[Work.MANY].waiting_max
    for _ in range(1200):  # conversations alone take all there is, but for the floor
        for _ in range(3):
            play.arrive(Work.LIVE)
        play.run(0.01)
    assert all(entry.work is Work.MANY and refusal.is_late for entry, refusal in play.expired)
    assert play.expired
    waits = [at_s - entry.arrived_s for at_s, entry in play.began if entry.work is Work.MANY]
    assert max(waits) <= BOUNDS[Work.MANY].wait_s_max + 0.1


def test_the_times_told_are_true() -> None:
    """Hundreds of accounts want more than there is. Whoever waits as told is let in on coming back."""
    play = Play()
    chance = random.Random(2)
    due: dict[str, float] = {}
    kept = broken = 0
    for _ in range(20_000):
        key = f"user{chance.randrange(400)}"
        if key not in due:
            refusal = play.arrive(Work.MANY, key)
            if refusal is not None:
                due[key] = play.now_s + refusal.wait_s
        for each in [each for each, at_s in due.items() if at_s <= play.now_s]:
            del due[each]
            refusal = play.arrive(Work.MANY, each)
            kept += refusal is None
            broken += refusal is not None
        play.run(0.002)
    assert kept > 500
    assert broken <= kept * 0.02, f"{broken} of {kept + broken} were refused again"


def test_a_promise_holds_for_a_message_that_is_of_another_kind_by_then() -> None:
    play = Play()
    number = 0
    while (refusal := play.arrive(Work.MANY, f"user{number}")) is None:
        number += 1
    for other in range(3000):
        play.arrive(Work.FEW, f"other{other}")
    play.run(refusal.wait_s)
    assert play.arrive(Work.FEW, f"newcomer{number}") is not None
    assert play.arrive(Work.FEW, f"user{number}") is None


def test_asking_again_and_again_does_not_help_and_does_not_harm() -> None:
    play = Play()
    number = 0
    while play.arrive(Work.MANY, f"user{number}") is None:
        number += 1
    first = play.arrive(Work.MANY, "eager")
    assert first is not None
    play.run(first.wait_s / 2)
    again = play.arrive(Work.MANY, "eager")
    assert again is None or again.wait_s <= first.wait_s / 2 + 0.01


def test_those_who_reconnect_are_spread() -> None:
    play = Play()
    told = [refusal.wait_s for number in range(2000) if (refusal := play.arrive(Work.SYNC, f"user{number}"))]
    late = told[-500:]
    assert max(late) > 50, "two thousand at a few a second take long"
    thirds = [sum(low <= wait_s / max(late) < low + 1 / 3 for wait_s in late) for low in (0, 1 / 3, 2 / 3)]
    assert min(thirds) > 100, "evenly"


def test_syncs_that_are_slow_at_first_send_nobody_away_for_long() -> None:
    """After a cut the first syncs take 1.8 s each; those that begin six seconds later, 30 ms."""
    chance = random.Random(7)
    admission = Admission(chance.random)
    now_s, began_s = 1000.0, 1000.0
    comes_back = [(began_s, f"user{number}") for number in range(1200)]
    ends: list[tuple[float, Entry]] = []
    synced: set[str] = set()

    def find_duration_s() -> float:
        return 1.8 if now_s < began_s + 6 else 0.03

    while len(synced) < 1200:
        now_s += 0.01
        assert now_s < began_s + 60, f"{1200 - len(synced)} are away"
        for each in [each for each in comes_back if each[0] <= now_s]:
            comes_back.remove(each)
            entry = Entry(Work.SYNC, each[1], now_s)
            refusal = admission.arrive(entry, now_s)
            if refusal is not None:
                comes_back.append((now_s + refusal.wait_s, each[1]))
            elif entry.state == RUNNING:
                ends.append((now_s + find_duration_s(), entry))
        for late, refusal in admission.expire(now_s):
            comes_back.append((now_s + refusal.wait_s, late.key))
        for end in [end for end in ends if end[0] <= now_s]:
            ends.remove(end)
            admission.leave(end[1], now_s)
            synced.add(end[1].key)
        admission.tend(now_s)
        ends += [(now_s + find_duration_s(), entry) for entry in admission.dispatch(now_s)]


def test_the_least_valuable_is_shed_first() -> None:
    play = Play()
    chance = random.Random(3)
    first_refused: dict[Work, float] = {}
    works = (Work.PRESENCE, Work.TYPING, Work.HISTORY, Work.SYNC, Work.PERSON, Work.LIVE)
    for _ in range(30_000):
        work = chance.choice(works)
        if play.admission.overload.level and play.arrive(work, f"user{chance.randrange(100)}") is not None:
            first_refused.setdefault(work, play.now_s)
        play.run(0.002)
    assert not play.admission.overload.is_overloaded
    for _ in range(20_000):  # 2 of 3 requests are people's own doings, more than there is room for
        work = chance.choice((*works, *(Work.PERSON,) * 4, *(Work.LIVE,) * 2))
        key = f"user{chance.randrange(100)}"
        cell_refused = play.admission.refused[work]
        play.arrive(work, key)
        if play.admission.refused[work] > cell_refused:
            first_refused.setdefault(work, play.now_s)
        if chance.random() < 0.7:
            play.run(0.002)
    assert Work.LIVE not in first_refused
    assert first_refused[Work.PRESENCE] <= first_refused[Work.HISTORY] <= first_refused.get(Work.SYNC, 1e9)
    play.run(200)
    assert play.admission.is_quiet, "nothing is shed for longer than it must be"


def test_a_single_slow_second_sheds_little() -> None:
    play = Play()
    for _ in range(50):
        play.arrive(Work.LIVE)
    play.run(1.1)
    assert play.admission.overload.level <= 20
    assert all(play.arrive(work) is None for work in SENDS)


def test_what_has_a_bound_of_its_own_sheds_nothing_else() -> None:
    """Hundreds log in, and each takes its time; who reads older messages notices nothing."""
    admission = Admission(random.Random(1).random)
    now_s, logins = 1000.0, [Entry(Work.LOGIN, f"user{number}", 1000.0) for number in range(300)]
    assert sum(admission.arrive(entry, now_s) is None for entry in logins) > 100
    for _ in range(100):
        now_s += 0.05
        admission.tend(now_s)
        reading = Entry(Work.HISTORY, "anna", now_s)
        assert admission.arrive(reading, now_s) is None
        started = admission.dispatch(now_s)
        assert reading in started or reading.state == RUNNING
        admission.leave(reading, now_s)
    assert admission.count_waiting(Work.LOGIN) > 100
    assert admission.overload.level == 0


def test_what_was_shed_is_taken_again_soon_when_nothing_waits() -> None:
    overload = Overload(100)
    overload.level = 60
    now_s = 0.0
    while overload.level:
        now_s += 1.0
        for cell in range(100):
            for _ in range(5):
                overload.count_cell(cell)
            overload.note_wait(0.0)
        overload.adapt(now_s, 0.0)
    assert now_s <= 15
    overload.level = 60
    for _ in range(5):
        for cell in range(100):
            overload.count_cell(cell)
            overload.note_wait(0.01)
        overload.adapt(now_s, 0.0)
    assert overload.level >= 50, "slowly while some wait"


def test_places_are_given_back_and_taken_again() -> None:
    admission = Admission(random.Random(1).random)
    entry = Entry(Work.SYNC, "anna", 0.0)
    admission.arrive(entry, 0.0)
    admission.park(entry)
    admission.park(entry)
    assert (entry.state, admission.running) == (PARKED, 0)
    admission.resume(entry)
    assert admission.running == 1
    admission.leave(entry, 1.0)
    admission.leave(entry, 1.0)
    assert admission.running == 0


def test_what_overstays_keeps_nobody_out() -> None:
    admission = Admission(random.Random(1).random)
    slow = [Entry(Work.PERSON, f"slow{number}", 0.0) for number in range(admission.limit.value)]
    for entry in slow:
        assert admission.arrive(entry, 0.0) is None
    late = Entry(Work.PERSON, "anna", 1.0)
    admission.arrive(late, 1.0)
    assert not admission.dispatch(1.0)
    admission.tend(4.0)
    assert admission.dispatch(4.0) == [late]
    for entry in slow:
        admission.leave(entry, 5.0)
    admission.leave(late, 5.0)
    assert admission.running == 0


def test_kinds_have_budgets_of_their_own() -> None:
    admission = Admission(random.Random(1).random)
    for number in range(40):
        admission.arrive(Entry(Work.LOGIN, f"net{number}", 0.0), 0.0)
    assert admission.running == BOUNDS[Work.LOGIN].running_max
    other = Entry(Work.FIRST, "anna", 0.0)
    assert admission.arrive(other, 0.0) is None
    assert admission.dispatch(0.0) == [other], "who logs in keeps nobody else out"


@given(st.lists(st.tuples(st.sampled_from(Work), st.integers(0, 20), st.floats(0, 0.5)), max_size=200), st.randoms())
def test_it_always_adds_up(arrivals: list[tuple[Work, int, float]], chance: random.Random) -> None:
    admission, now_s, under_way = Admission(chance.random, capacity_max=chance.choice([0, 50])), 1.0, []
    for work, key, pause_s in arrivals:
        entry = Entry(work, str(key), now_s)
        if admission.arrive(entry, now_s) is None:
            under_way.append(entry)
        now_s += pause_s
        gone = [each for each, _ in admission.expire(now_s)]
        under_way = [each for each in under_way if each not in gone]
        admission.dispatch(now_s)
        admission.tend(now_s)
        if under_way and chance.random() < 0.7:
            each = under_way.pop(chance.randrange(len(under_way)))
            if chance.random() < 0.3:
                admission.park(each)
                if chance.random() < 0.5:
                    admission.resume(each)
            admission.leave(each, now_s)
        assert admission.waiting == sum(admission.count_waiting(kind) for kind in Work)
        assert 0 <= admission.running <= len(under_way)
    for each in under_way:
        admission.leave(each, now_s)
    assert (admission.running, admission.waiting) == (0, 0)


def test_the_limit_follows_the_load() -> None:
    limit, now_s = AdaptiveLimit(), 0.0
    for _ in range(3000):  # each takes as long as one alone, however many there are: a slow disk
        now_s += 0.01
        limit.note(0.020, limit.value, now_s)
    assert limit.value == MOST
    for _ in range(6000):  # now each waits for all the others
        now_s += 0.01
        limit.note(0.020 * limit.value / 8, limit.value, now_s)
    assert limit.value <= LEAST * 2


def test_shedding_never_touches_conversations() -> None:
    assert Work.LIVE not in SHEDDING
    assert Work.LIVE_SYNC not in SHEDDING
