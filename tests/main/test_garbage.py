"""When garbage is searched for, and that it is found."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from zajil.main import garbage
from zajil.main.garbage import (
    BUSY_INTERVAL_S,
    CHECK_S,
    QUIET_INTERVAL_S,
    WHOLE_INTERVAL_S,
    YOUNG,
    YOUNG_IN_CROWD,
    GarbageSearch,
)


class Knot:
    """Something that knows itself."""

    def __init__(self) -> None:
        self.myself = self


class Machine:
    """A clock and a load that are set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.is_quiet = True
        self.has_live = False
        self.search = GarbageSearch(lambda: self.now_s, lambda: self.is_quiet, lambda: self.has_live)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    thresholds = gc.get_threshold()
    monkeypatch.setattr(garbage, "SEARCHES_LEAST", 0)
    gc.collect()
    machine = Machine()
    machine.search.begin()
    yield machine
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_new_is_searched_soon_when_it_is_quiet(machine: Machine) -> None:
    assert machine.search.check() == ""
    knot = weakref.ref(Knot())
    machine.now_s += QUIET_INTERVAL_S
    assert machine.search.check() == "new"
    assert knot() is None
    assert machine.search.check() == ""


def test_in_a_flood_it_waits(machine: Machine) -> None:
    machine.is_quiet = False
    machine.now_s += BUSY_INTERVAL_S - 1
    assert machine.search.check() == ""
    machine.now_s += 1
    assert machine.search.check() == "new"


def test_what_became_garbage_later_is_found_in_the_end(machine: Machine) -> None:
    knot = Knot()
    machine.now_s += QUIET_INTERVAL_S
    assert machine.search.check() == "new"
    lost = weakref.ref(knot)
    del knot
    machine.now_s += QUIET_INTERVAL_S
    assert machine.search.check() == "new"
    assert lost() is not None, "it is not looked at again and again"
    machine.now_s += WHOLE_INTERVAL_S
    assert machine.search.check() == "all"
    assert lost() is None


def test_nothing_new_is_no_reason(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "SEARCHES_LEAST", 10)
    machine.now_s += QUIET_INTERVAL_S
    assert machine.search.check() == ""


def test_the_young_are_searched_when_no_message_of_a_conversation_waits(machine: Machine) -> None:
    gc.set_threshold(*YOUNG_IN_CROWD)
    assert not machine.search.search_young(), "there are few"
    knot = weakref.ref(Knot())
    kept = [[number] for number in range(YOUNG[0])]
    machine.has_live = True
    assert not machine.search.search_young()
    assert knot() is not None
    machine.has_live = False
    assert machine.search.search_young()
    assert knot() is None
    assert len(kept) == YOUNG[0]


def test_each_of_the_young_is_searched_once(machine: Machine) -> None:
    gc.set_threshold(*YOUNG_IN_CROWD)
    kept = []
    for _ in range(3):
        kept.append([[number] for number in range(YOUNG[0])])
        assert machine.search.search_young()
        assert not any(each is kept[-1] for each in gc.get_objects(1)), "it would be looked at again with the next ones"


async def test_only_in_a_crowd_the_young_wait(machine: Machine) -> None:
    machine.is_quiet = False
    running = asyncio.create_task(machine.search.run())
    await asyncio.sleep(0)
    assert gc.get_threshold() == YOUNG_IN_CROWD
    machine.is_quiet = True
    machine.now_s += CHECK_S
    async with asyncio.timeout(60):
        while gc.get_threshold() != YOUNG:
            await asyncio.sleep(0.001)
    running.cancel()
