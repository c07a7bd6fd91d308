"""Who waits for whom when writes are committed together, on every engine (`ports.database.Pace`)."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref

import pytest
from tests.contracts.paces import append, write

from zajil.ports.database import Database, Pace, find_pace, set_pace
from zajil.storage import group_commit

HANG_S = 300.0
"""So long nothing takes, on the slowest machine either, but what hangs."""


def hear_batches(database: Database) -> list[int]:
    """How many items each commit had, from now on."""
    batches: list[int] = []
    database.subscribe(lambda _position, touches: batches.append(len(touches)))
    return batches


async def test_what_is_urgent_comes_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "LONG_WAIT_S", HANG_S)
    busy = write(database, Pace.ORDINARY, append)
    await asyncio.sleep(0)
    later = [write(database, pace, append) for pace in (Pace.PATIENT, Pace.ORDINARY, Pace.URGENT, Pace.URGENT)]
    first = await busy
    assert await asyncio.gather(*later) == [first + 4, first + 3, first + 1, first + 2]


async def test_in_a_crowd_of_what_is_urgent_others_have_their_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "LONG_WAIT_S", -1.0)
    monkeypatch.setattr(group_commit, "LONG_WAITERS_MAX", 1)
    monkeypatch.setattr(group_commit, "BATCH_ITEMS_MAX", 5)
    batches = hear_batches(database)
    busy = write(database, Pace.ORDINARY, append)
    await asyncio.sleep(0)
    urgent = [write(database, Pace.URGENT, append) for _ in range(8)]
    ordinary = [write(database, Pace.ORDINARY, append) for _ in range(2)]
    patient = write(database, Pace.PATIENT, append)
    first = await busy
    assert await patient == first + 1
    assert await asyncio.gather(*ordinary) == [first + 2, first + 6]
    assert await asyncio.gather(*urgent) == [first + 3, first + 4, first + 5, *range(first + 7, first + 12)]
    assert batches == [1, 5, 5, 1]


async def test_what_a_task_begins_has_no_pace_of_its_own(database: Database) -> None:
    paces: list[Pace] = []

    async def note() -> None:
        paces.append(find_pace())

    async def run() -> None:
        set_pace(Pace.URGENT)
        await note()
        await asyncio.create_task(note())

    gc.disable()
    try:
        task = weakref.ref(asyncio.create_task(run()))
        while (running := task()) is not None and not running.done():
            del running
            await asyncio.sleep(0.001)
        del running
        assert task() is None, "it must not need the search for garbage"
    finally:
        gc.enable()
    assert paces == [Pace.URGENT, Pace.ORDINARY]


async def test_what_is_patient_waits_for_company(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE_S", HANG_S)
    await write(database, Pace.ORDINARY, append)
    batches = hear_batches(database)
    patient = [write(database, Pace.PATIENT, append) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert not any(each.done() for each in patient)
    await asyncio.gather(write(database, Pace.URGENT, append), *patient)
    assert batches == [3]
    enough = [write(database, Pace.PATIENT, append) for _ in range(group_commit.COMPANY_LEAST)]
    await asyncio.gather(*enough)
    assert batches == [3, group_commit.COMPANY_LEAST]


async def test_nobody_is_patient_for_long(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE_S", 0.2)
    await write(database, Pace.ORDINARY, append)
    began = time.monotonic()
    await write(database, Pace.PATIENT, append)
    assert 0.2 <= time.monotonic() - began < HANG_S


async def test_closing_waits_for_what_is_patient(database: Database) -> None:
    patient = write(database, Pace.PATIENT, append)
    await asyncio.sleep(0)
    await database.close()
    assert await patient > 0


async def test_what_is_begun_because_of_a_commit_has_no_pace_of_its_own(database: Database) -> None:
    paces: list[Pace] = []
    database.subscribe(lambda _position, _touches: paces.append(find_pace()))
    await write(database, Pace.URGENT, append)
    assert paces == [Pace.ORDINARY]


async def test_who_wrote_goes_on_before_those_who_are_woken_by_it(database: Database) -> None:
    loop, order = asyncio.get_running_loop(), list[str]()
    database.subscribe(lambda _position, _touches: loop.call_soon(order.append, "woken"))

    position = await database.write(append)
    assert database.position >= position, "what others will be told is known when the writer goes on"
    order.append("answered")
    await asyncio.sleep(0)
    assert order == ["answered", "woken"]
