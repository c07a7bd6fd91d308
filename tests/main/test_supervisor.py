"""What the supervisor does when a worker cannot be started, and while one is being replaced; no process is started here."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zajil.main import succession
from zajil.main.config_file import LoadedConfig
from zajil.main.console import EXIT_CONFIG
from zajil.main.slot import BACK_OFF_S_MAX, Reload, Slot
from zajil.main.succession import Estate, NoSuccession, describe_worker, execute, rehearse
from zajil.main.supervisor import FAILURES_TOLD, Supervisor
from zajil.main.worker_process import WorkerProcess
from zajil.ports.configuration import Config

STARTED_PID = 2**22 + 1
"""Larger than any real one."""
MEMORY_MAX = 2**20


class FakeWorker(WorkerProcess):
    """A worker that hears what it is told, and no signal reaches a process."""

    def __init__(self, number: int = 0, *, ready: bool = True, pid: int = STARTED_PID) -> None:
        channel, self.own_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (channel, self.own_end):
            each.setblocking(False)
        super().__init__(pid, channel, number)
        self.ready = {"setup_token": ""} if ready else None
        self.signals: list[int] = []

    def signal(self, number: int) -> None:
        self.signals.append(number)


class System:
    """Starts processes, or refuses to."""

    def __init__(self) -> None:
        self.refusals_left = 0
        self.started = 0

    def posix_spawn(self, *_args: Any, **_kwargs: Any) -> int:
        if self.refusals_left:
            self.refusals_left -= 1
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.started += 1
        return STARTED_PID


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    system = System()
    monkeypatch.setattr(os, "posix_spawn", system.posix_spawn)
    return system


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """One that has served for a while; its slots have no worker yet."""
    loaded = LoadedConfig(Config(data=tmp_path, worker_memory_max=MEMORY_MAX), {}, None)
    supervisor = Supervisor(loaded, [], lambda: loaded, ["python", "-m", "zajil", "serve"])
    supervisor.lock = os.open(tmp_path, os.O_RDONLY)
    supervisor.slots = [Slot(number) for number in range(2)]
    supervisor.was_ready = True
    yield supervisor
    os.close(supervisor.lock)


def test_a_worker_for_which_there_is_no_process_starts_later(
    supervisor: Supervisor, system: System, capsys: Any
) -> None:
    supervisor.slots[1].current = healthy = FakeWorker(1)
    slot, system.refusals_left = supervisor.slots[0], 1
    supervisor._start_due()
    assert slot.coming is None and slot.due_at > 0 and not system.started
    assert "starts no process for a worker: Resource temporarily unavailable" in capsys.readouterr().err
    supervisor._start_due()
    assert not system.started, "it was asked again at once"
    slot.retry_at = 1.0
    supervisor._start_due()
    assert slot.coming is not None and system.started == 1 and slot.refusals == 0
    assert supervisor.slots[1].current is healthy and not healthy.signals and supervisor.exit_code is None


def test_a_worker_that_has_grown_too_large_goes_on_when_there_is_no_process(
    supervisor: Supervisor, system: System
) -> None:
    slot, system.refusals_left = supervisor.slots[0], 1
    slot.current = large = FakeWorker()
    supervisor._judge_memory(large, MEMORY_MAX + 1)
    assert slot.current is large and slot.coming is None
    slot.start_at = slot.retry_at = 1.0
    supervisor._judge_memory(large, MEMORY_MAX + 1)
    assert slot.current is large and slot.coming is not None


def test_a_reload_goes_on_when_there_is_a_process_again(supervisor: Supervisor, system: System) -> None:
    slot, system.refusals_left = supervisor.slots[0], 1
    slot.current = former = FakeWorker()
    supervisor.slots[1].current = FakeWorker(1)
    supervisor.reload = Reload([1, 0])
    supervisor._start_due()
    assert slot.current is former and slot.coming is None and supervisor.reload is not None
    slot.retry_at = 1.0
    supervisor._start_due()
    assert slot.coming is not None and slot.coming.give is not None and not former.signals


def test_a_reload_for_which_there_is_never_a_process_is_given_up(supervisor: Supervisor, system: System) -> None:
    slot, system.refusals_left = supervisor.slots[0], FAILURES_TOLD
    slot.current = former = FakeWorker()
    asker, ear = socket.socketpair()
    supervisor.reload = Reload([0], [asker])
    while supervisor.reload is not None:
        slot.retry_at = 0.0
        supervisor._go_on_reloading()
    assert b"the system starts no process" in ear.recv(4096)
    ear.close()
    assert slot.current is former and not former.signals and not system.refusals_left


def test_without_a_file_for_its_estate_it_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(NoSuccession, match="Too many open files"):
        execute(["/bin/false"], Estate([], 0, None, []))


def test_a_worker_that_ends_while_the_next_version_rehearses_is_replaced(
    supervisor: Supervisor,
    system: System,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(WorkerProcess, "reap", lambda worker: worker.exit_code is not None)
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nsleep 0.5\necho 'it is broken' >&2\nexit 1\n")
    interpreter.chmod(0o700)
    supervisor.command = [str(interpreter), "serve"]
    slot, supervisor.slots[1].current = supervisor.slots[0], FakeWorker(1)
    slot.current = ended = FakeWorker()
    ended.exit_code = -9
    supervisor._begin_reload([])
    assert slot.current is None and slot.coming is not None and system.started == 1
    assert "not reloaded: the new version does not start: it is broken" in capsys.readouterr().err


def test_a_next_version_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nexec sleep 600\n")
    interpreter.chmod(0o700)
    monkeypatch.setattr(succession, "REHEARSAL_S_MAX", 0.2)
    called: list[float] = []
    with pytest.raises(NoSuccession, match=r"does not start .*timed out"):
        rehearse([str(interpreter), "serve"], Estate([], 0, None, []), lambda: called.append(time.monotonic()))
    assert called


def end(supervisor: Supervisor, slot: Slot, code: int) -> float:
    """Let the worker that is about to serve in this slot end; returns the pause until the next one."""
    slot.coming = worker = FakeWorker(slot.number, ready=False)
    worker.exit_code = code
    now = time.monotonic()
    supervisor._note_end(worker)
    return max(0.0, slot.due_at - now)


@pytest.mark.parametrize("does_another_serve", [True, False])
def test_a_worker_that_refuses_the_configuration_is_tried_again(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str], does_another_serve: bool
) -> None:
    other = FakeWorker(1) if does_another_serve else None
    supervisor.slots[1].current = other
    pauses = [end(supervisor, supervisor.slots[0], EXIT_CONFIG) for _ in range(10)]
    assert supervisor.exit_code is None and (other is None or not other.signals)
    assert pauses[1] < pauses[3] < pauses[-1] <= BACK_OFF_S_MAX + 1
    assert capsys.readouterr().err.count("the configuration or the database that is there now is refused") == 10


def test_a_worker_that_refuses_the_configuration_at_the_start_ends_the_server(supervisor: Supervisor) -> None:
    supervisor.was_ready = False
    end(supervisor, supervisor.slots[0], EXIT_CONFIG)
    assert supervisor.exit_code == EXIT_CONFIG


def describe_fake(worker: FakeWorker, *, is_retiring: bool = False) -> dict[str, Any]:
    """As one version describes it to the next, which gets an open file of its own."""
    return describe_worker(worker, is_retiring=is_retiring) | {"channel": os.dup(worker.channel.fileno())}


@pytest.mark.parametrize("is_second_ready", [False, True])
def test_two_workers_of_one_place_are_both_kept(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, is_second_ready: bool
) -> None:
    """A worker whose channel is dropped ends in the middle of its requests."""
    first, second = FakeWorker(pid=STARTED_PID), FakeWorker(pid=STARTED_PID + 1, ready=is_second_ready)
    signals: list[int] = []
    monkeypatch.setattr(supervisor, "_serve", lambda: 0)
    monkeypatch.setattr(os, "kill", lambda pid, _: signals.append(pid))
    estate = Estate([], supervisor.lock, None, [], workers=[describe_fake(first), describe_fake(second)])
    supervisor.take_over(estate)
    serving, retiring = (first, second) if not is_second_ready else (second, first)
    assert [slot.current.pid for slot in supervisor.slots if slot.current] == [serving.pid]
    assert [each.pid for each in supervisor.retiring] == [retiring.pid]
    assert signals == ([] if is_second_ready else [second.pid]), "it is not ready and can only be ended"
    if is_second_ready:
        assert json.loads(first.own_end.recv(4096)) == {"type": "retire"}


@pytest.mark.parametrize("outcome", ["ready", "ended"])
def test_a_reload_waits_for_a_worker_that_is_being_replaced(
    supervisor: Supervisor, system: System, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    begun: list[list[socket.socket]] = []
    monkeypatch.setattr(supervisor, "_become_next_version", begun.append)
    slot = supervisor.slots[0]
    slot.current = former = FakeWorker()
    supervisor.slots[1].current = other = FakeWorker(1)
    supervisor._judge_memory(former, MEMORY_MAX + 1)
    coming, (asker, ear) = slot.coming, socket.socketpair()
    assert coming is not None
    supervisor._begin_reload([asker])
    supervisor._start_due()
    assert not begun, "the next version knows only one worker in each place"
    supervisor._judge_memory(other, MEMORY_MAX + 1)
    assert supervisor.slots[1].coming is None, "it would wait for one after the other"
    if outcome == "ready":
        coming.ready = {"setup_token": ""}
        supervisor._became_ready(coming)
        assert slot.current is coming and supervisor.retiring == [former]
    else:
        coming.exit_code = -9
        supervisor._note_end(coming)
        assert slot.current is former
    supervisor._start_due()
    assert begun == [[asker]]
    for each in (asker, ear):
        each.close()


def test_a_worker_without_a_place_is_listened_to_until_it_ends(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reload with fewer workers."""
    first, second = FakeWorker(), FakeWorker(1, pid=STARTED_PID + 1)
    supervisor.config = Config(data=supervisor.config.data, worker_memory_max=MEMORY_MAX, workers=1)
    monkeypatch.setattr(supervisor, "_serve", lambda: 0)
    supervisor.take_over(
        Estate([], supervisor.lock, None, [], workers=[describe_fake(first), describe_fake(second)])
    )
    assert [each.pid for each in supervisor.retiring] == [second.pid]
    second.own_end.send(json.dumps({"type": "alive", "memory": 2 * MEMORY_MAX}).encode())
    supervisor._hear(supervisor.retiring[0])
    assert supervisor.retiring[0].silent_ticks == 0


def test_a_server_that_stops_does_not_keep_the_processor_busy(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker has ended, the other still writes."""
    supervisor.slots[0].current = FakeWorker()
    waits: list[float] = []
    monkeypatch.setattr(select, "select", lambda *_: waits.append(_[-1]) or ([], [], []))
    here, there = socket.socketpair()
    with here, there:
        supervisor._stop()
        supervisor._wait(here)
    assert waits[0] > 0.5
