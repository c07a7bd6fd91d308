"""What is measured from inside: that errors of ours are errors, that shedding is not, and how full the machine is."""

import os
from pathlib import Path

import pytest
import structlog
from tests.client import InProcessServer, running_server
from tests.status.simulation import HEALTHY

from zajil.core.health import Cause, Sample, judge
from zajil.main.system import SystemClock
from zajil.ports.database import Busy, StorageUnavailable
from zajil.status import vitals
from zajil.status.sense import Senses
from zajil.status.vitals import Vitals, read_disk_free, read_files_share, read_is_read_only, read_memory_free_share

V3 = "/_matrix/client/v3"


async def fail_often(server: InProcessServer, error: Exception, times: int) -> list[Cause]:
    """The causes that hold after so many requests have met with the error."""
    anna = await server.register(f"anna{id(error)}")
    senses = Senses(server.app, "node", 1.0)
    senses.read()

    async def broken(*_: object, **__: object) -> None:
        raise error

    kept = server.app.stores.profiles.load
    server.app.stores.profiles.load = broken  # type: ignore[method-assign,assignment]
    for _ in range(times):
        await anna.get(f"{V3}/profile/@bert:localhost")
    server.app.stores.profiles.load = kept  # type: ignore[method-assign]
    values = {name: value for name, value in senses.read().items() if name in ("requests", "errors", "shed")}
    return [cause for cause, holds in judge(Sample(**values), frozenset()).items() if holds]


async def test_an_error_burst_is_told_from_shedding(tmp_path: Path) -> None:
    # Unconfigured, structlog draws each exception in colours, for a second.
    with structlog.testing.capture_logs():
        await check_bursts(tmp_path)


async def check_bursts(folder: Path) -> None:
    async with running_server(folder) as server:
        assert await fail_often(server, RuntimeError("a mistake"), 30) == [Cause.ERRORS]
        assert await fail_often(server, StorageUnavailable("no disk"), 30) == [Cause.ERRORS]
        assert await fail_often(server, Busy(500), 30) == [Cause.OVERLOADED]
        assert await fail_often(server, RuntimeError("one mistake"), 1) == []


async def test_what_a_worker_tells_is_what_is_judged(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        senses = Senses(server.app, "node", 1.0)
        async with senses.feeling():
            await senses._probe_database()
            await senses._probe_media()
            sample = senses.read()
        assert set(sample) < {*HEALTHY.__dataclass_fields__}
        assert (sample["database_answers"], sample["media_answers"]) == (True, True)
        for text, full in (("the disk is full", True), ("gone", False)):

            async def refuse(*_: object, text: str = text, **__: object) -> None:
                raise StorageUnavailable(text)

            server.app.db.write, kept = refuse, server.app.db.write  # type: ignore[method-assign,assignment]
            await senses._probe_database()
            server.app.db.write = kept  # type: ignore[method-assign]
            sample = senses.read()
            assert (sample["database_answers"], sample["disk_is_full"]) == (full, full)


def test_memory_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    monkeypatch.setattr(vitals, "MEMORY", meminfo)
    monkeypatch.setattr(vitals, "CGROUP", tmp_path)
    assert read_memory_free_share() is None
    meminfo.write_text("MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 400 kB\n")
    assert read_memory_free_share() == 0.4
    (tmp_path / "memory.max").write_text("max\n")
    assert read_memory_free_share() == 0.4
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("990\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 20\n")
    assert read_memory_free_share() == pytest.approx(0.03)
    share = read_files_share(1 << 22)
    assert share is None
    assert 0 < (read_files_share(os.getpid()) or 0) < 1
    assert (read_disk_free(tmp_path) or 0) > 0


def test_a_disk_that_was_made_read_only_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_is_read_only(tmp_path) is False
    assert read_is_read_only(tmp_path / "gone") is None
    values = list(os.statvfs(tmp_path))
    values[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
    assert read_is_read_only(tmp_path) is True
    here, elsewhere = (Vitals(tmp_path, database, SystemClock(), 1.0) for database in (tmp_path, None))
    assert (here.read([])["disk_is_read_only"], elsewhere.read([])["disk_is_read_only"]) == (True, None)


def test_a_jump_of_the_clock_is_remembered_for_a_moment(tmp_path: Path) -> None:
    class Clock:
        now_s = 100.0

        def monotonic_s(self) -> float:
            return self.now_s

        def now_ms(self) -> int:
            return 0

    clock, wall = Clock(), [5000.0]
    watched = Vitals(tmp_path, None, clock, 1.0, lambda: wall[0])
    for step, expected in ((1.0, 0.0), (1.5, 0.0), (3601.0, 3600.0), (1.0, 3600.0), (1.0, 3600.0)):
        clock.now_s += 1.0
        wall[0] += step
        assert watched.read([])["clock_step_s"] == pytest.approx(expected, abs=0.6)
    clock.now_s += 20
    wall[0] += 20
    assert watched.read([])["clock_step_s"] == 0.0
