"""The watcher's own book-keeping, with nothing around it but a folder and a clock that is set by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zajil.core.health import Cause, Sample
from zajil.core.incident_tracking import IncidentTracker
from zajil.core.incidents import Entry, Incident, Kind, close, merge_incidents, open_incident
from zajil.main.system import SystemRandomness
from zajil.ports.configuration import Config
from zajil.status.watcher import Watcher

TEXT = {"en": "It was a backup.", "ar": "كان نسخًا احتياطيًا."}
OPENED_MS = 1_790_000_000_000


@dataclass
class SetClock:
    s: float = 100.0
    ms: int = OPENED_MS + 100_000

    def monotonic_s(self) -> float:
        return self.s

    def now_ms(self) -> int:
        return self.ms

    def pass_s(self, seconds: float) -> None:
        self.s += seconds
        self.ms += int(seconds * 1000)


def build_watcher(folder: Path, clock: SetClock, **outlets: Any) -> Watcher:
    """A watcher that looks after nothing; no network is asked."""
    (folder / "status").mkdir(parents=True, exist_ok=True)
    config = Config(data=folder, status_disk_reserve=0)
    options: dict[str, Any] = {"http": None, "canary_url": "", "copy": None, "announcers": [], **outlets}
    return Watcher(config, clock, SystemRandomness(), **options)


class SlowCopy:
    """Every copy takes until it is let go; which incidents were on it."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.gate = asyncio.Event()

    async def write(self, pages: Mapping[str, bytes]) -> None:
        self.written.append([each["cause"] for each in json.loads(pages["status.json"])["incidents"]])
        await self.gate.wait()


def follow_stop(folder: Path, clock: SetClock) -> tuple[Watcher, Incident]:
    """A watcher that has opened an incident, of a stop, and waits for its end."""
    watcher = build_watcher(folder, clock)
    incident = open_incident("i1", watcher.memory.node, Cause.STOPPED, OPENED_MS, {})
    watcher.memory.put([incident])
    watcher.tracker.open[Cause.STOPPED] = incident
    return watcher, incident


def kinds(incident: Incident) -> list[Kind]:
    return [each.kind for each in incident.entries]


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "another machine's"])
async def test_a_note_on_what_is_not_followed_here_changes_nothing_else(tmp_path: Path, is_closed: bool) -> None:
    clock = SetClock()
    watcher = build_watcher(tmp_path, clock)
    node = watcher.memory.node if is_closed else "another"
    incident = open_incident("i1", node, Cause.SLOW_COMMITS, OPENED_MS, {})
    if is_closed:
        incident = close(incident, OPENED_MS + 50_000)
    watcher.memory.put([incident])
    assert watcher._answer({"operator": "update", "id": "i1", "text": TEXT})["ok"]
    for _ in range(4):
        clock.pass_s(30)
        watcher._tick()
    found = watcher.memory.incidents["i1"]
    assert found.closed_ts_ms == incident.closed_ts_ms
    assert kinds(found) == [*kinds(incident), Kind.NOTE]


async def test_a_note_on_what_goes_on_here_stays_when_it_ends(tmp_path: Path) -> None:
    clock = SetClock()
    watcher, _ = follow_stop(tmp_path, clock)
    assert watcher._answer({"operator": "update", "id": "i1", "text": TEXT})["ok"]
    clock.pass_s(60)
    watcher._tick()
    assert kinds(watcher.tracker._recent[Cause.STOPPED]) == [Kind.OPENED, Kind.NOTE, Kind.CLOSED]


async def test_a_stop_that_an_operator_ends_ends_once(tmp_path: Path) -> None:
    clock = SetClock()
    watcher, _ = follow_stop(tmp_path, clock)
    assert watcher._answer({"operator": "close", "id": "i1"})["ok"]
    clock.pass_s(60)
    watcher._tick()
    assert kinds(watcher.memory.incidents["i1"]) == [Kind.OPENED, Kind.CLOSED]


async def test_a_note_written_on_another_machine_whose_clock_is_ahead_does_not_hide_the_end(tmp_path: Path) -> None:
    clock = SetClock()
    watcher, incident = follow_stop(tmp_path, clock)
    noted = incident.add(Entry(clock.ms + 3_600_000, Kind.NOTE, incident.cause, TEXT))
    watcher._learn([noted])
    clock.pass_s(60)
    watcher._tick()
    assert kinds(watcher.memory.incidents["i1"]) == [Kind.OPENED, Kind.NOTE, Kind.CLOSED]
    assert not watcher.memory.incidents["i1"].is_open


def test_what_comes_back_does_so_after_a_note_on_its_end() -> None:
    ended_ms = OPENED_MS + 1000
    tracker = IncidentTracker("a", lambda: "i2")
    incident = close(open_incident("i1", "a", Cause.STOPPED, OPENED_MS, {}), ended_ms)
    tracker._recent[Cause.STOPPED] = incident
    noted = incident.add(Entry(ended_ms + 9000, Kind.NOTE, incident.cause, TEXT))
    tracker.take(noted)
    (back,) = tracker.step(1.0, ended_ms + 5000, Sample(is_stopped=True))
    assert back.is_open and merge_incidents(back, noted).is_open


async def test_what_changes_while_a_copy_is_being_written_is_on_the_next_at_once(tmp_path: Path) -> None:
    clock, copy = SetClock(), SlowCopy()
    watcher = build_watcher(tmp_path, clock, copy=copy)
    watcher._tick()
    await asyncio.sleep(0)
    assert copy.written == [[]]
    text = {"title": TEXT, "text": TEXT}
    assert watcher._answer({"operator": "open", **text})["ok"]
    clock.pass_s(0.5)
    watcher._tick()
    assert watcher._answer({"operator": "open", **text})["ok"]
    clock.pass_s(0.5)
    watcher._tick()
    copy.gate.set()
    assert watcher._copy_task is not None
    await watcher._copy_task
    assert copy.written == [[], ["operator", "operator"]]


async def test_a_copy_is_of_what_the_pages_show(tmp_path: Path) -> None:
    """What is heard before the pages are made anew is not on the copy yet."""
    clock, copy = SetClock(), SlowCopy()
    copy.gate.set()
    watcher = build_watcher(tmp_path, clock, copy=copy)
    watcher._tick()
    watcher._learn([open_incident("i1", "another", Cause.SLOW_COMMITS, OPENED_MS, {})])
    for _ in range(2):
        assert watcher._copy_task is not None
        await watcher._copy_task
        clock.pass_s(0.5)
        watcher._tick()
    assert copy.written == [[], ["slow_commits"]]
