"""`zajil serve`: hold the listening sockets and keep workers running on them.

The supervisor imports nothing of the server, so it starts at once, stays small and has little that can break. The
sockets outlive every worker: while one is replaced, connections wait in the kernel's queue instead of being refused.
SIGTERM and SIGINT stop. SIGHUP and `zajil reload` execute the supervisor's next version in this process and let it replace
the workers one by one (docs/decisions/handover.md).
"""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zajil.main import service_manager
from zajil.main.announcement import announce_ready
from zajil.main.config_file import LoadedConfig, load_config
from zajil.main.console import EXIT_CONFIG, ServeError, say, warn
from zajil.main.control import ControlDoor, answer
from zajil.main.data_lock import lock_data, note_owner
from zajil.main.listening import describe_socket, open_sockets, take_activated_sockets
from zajil.main.signals import block_signals, unblock_signals, wakeups
from zajil.main.slot import Reload, Slot, build_back_off_s
from zajil.main.status_process import StatusProcess
from zajil.main.succession import (
    Estate,
    NoSuccession,
    build_command,
    build_worker,
    describe_place,
    describe_worker,
    execute,
    find_estate,
    rehearse,
)
from zajil.main.worker_process import WorkerProcess, describe_exit
from zajil.ports.configuration import Config, ConfigError

TICK_S = 1.0
START_TICKS_MAX = 120
"""A worker that is not ready by then never will be."""
STOP_WAIT_S_MAX = 15.0
RETIRE_WAIT_S_MAX = 120.0
"""A worker that was replaced may finish a long download, but not for ever."""
RETIRING_MAX = 4
ABORT_WAIT_S = 1.0
HEALTHY_AFTER_S = 30.0
MEMORY_REPLACED_S = 60.0
FAILURES_TOLD = 5
"""After so many ends in a row the log says that something is wrong with more than one request."""


class Supervisor:
    """Keeps the workers alive until told to stop."""

    def __init__(
        self,
        loaded: LoadedConfig,
        options: list[str],
        read_config: Callable[[], LoadedConfig],
        command: list[str],
    ) -> None:
        self.config = loaded.config
        self.options = options
        self.read_config = read_config
        self.command = command
        """What executes this supervisor anew."""
        self.sockets: list[socket.socket] = []
        self.lock = -1
        self.door = ControlDoor(None)
        self.slots: list[Slot] = []
        self.retiring: list[WorkerProcess] = []
        self.reload: Reload | None = None
        self.waiting: list[socket.socket] = []
        """Asked for a reload while workers were being replaced; theirs comes after that."""
        self.is_reload_wanted = False
        self.was_ready = False
        self.is_stopping = False
        self.exit_code: int | None = None
        self.restarts = 0
        self.last_end = ""
        self.ticked_at = time.monotonic()
        self.status = StatusProcess(self._build_status_options)

    # Beginning and end

    def run(self) -> int:
        """Serve until stopped; returns the exit code. Raises `ServeError` when it cannot start."""
        self.lock = lock_data(self.config.data)
        self.sockets = take_activated_sockets() or open_sockets(self.config)
        self.door = ControlDoor.open(self.config.data)
        self.slots = [Slot(number) for number in range(self.config.workers)]
        return self._serve()

    def take_over(self, estate: Estate) -> int:
        """Go on where the version before has left off, and replace its workers."""
        self.lock = estate.lock
        note_owner(self.lock)
        self.sockets = [socket.socket(fileno=fd) for fd in estate.sockets]
        self.door = ControlDoor(None if estate.control is None else socket.socket(fileno=estate.control))
        self.door.clients = [socket.socket(fileno=fd) for fd in estate.visitors]
        self.slots = [Slot(number) for number in range(self.config.workers)]
        self.was_ready, self.restarts, self.last_end = True, estate.restarts, estate.last_end
        for values in estate.workers:
            worker = build_worker(values)
            slot = self.slots[worker.number] if worker.number < len(self.slots) else None
            if slot is None or values["is_retiring"] or (slot.current is not None and worker.ready is None):
                self._retire(worker, None)
                continue
            if slot.current is not None:  # one of two in one place must go: not the one that serves
                self._retire(slot.current, None)
            slot.current = worker
        left = [slot.number for slot in self.slots if slot.current is not None]
        self.reload = Reload(left[::-1], [socket.socket(fileno=fd) for fd in estate.askers])
        return self._serve()

    def _serve(self) -> int:
        try:
            with wakeups() as wakeup:
                self.wakeup = wakeup
                unblock_signals()
                while self.exit_code is None:
                    self._start_due()
                    self._wait(wakeup)
                    self._reap()
                return self.exit_code
        finally:
            self.status.stop()
            self.status.wait()
            for each in self.sockets:
                each.close()
            self.door.close()
            os.close(self.lock)

    def _start_due(self) -> None:
        """Start every worker whose time has come."""
        if self.is_stopping:
            return
        self._start_missing()
        if self.is_reload_wanted and self.reload is None and not self._is_replacing():
            self.is_reload_wanted = False
            askers, self.waiting = self.waiting, []
            self._begin_reload(askers)
        self._go_on_reloading()

    def _start_missing(self) -> None:
        for slot in self.slots:
            if slot.current is None and slot.coming is None and time.monotonic() >= slot.due_at:
                slot.start(self.sockets, self.lock, self.options)

    def _replace_ended(self) -> None:
        """While the next version rehearses."""
        self._reap()
        self._start_missing()

    # Waiting

    def _workers(self) -> list[WorkerProcess]:
        serving = [each for slot in self.slots for each in (slot.current, slot.coming) if each is not None]
        return [*serving, *self.retiring]

    def _wait(self, wakeup: socket.socket) -> None:
        """Sleep until a signal, a message, or the next thing to do."""
        now = time.monotonic()
        due = [self.ticked_at + TICK_S]
        due += [each.end_at for each in self._workers() if each.end_at]
        if not self.is_stopping:
            due += [slot.due_at for slot in self.slots if slot.current is None and slot.coming is None]
        channels = {each.channel: each for each in self._workers() if each.is_listening}
        woken, _, _ = select.select([wakeup, *channels, *self.door.sockets()], [], [], max(0.0, min(due) - now))
        if wakeup in woken:
            for number in wakeup.recv(4096):
                self._handle(signal.Signals(number))
        for each in woken:
            if each in channels:
                self._hear(channels[each])
            elif each is self.door.listener:
                self.door.accept()
            elif each in self.door.clients and (question := self.door.read(each)) is not None:
                self._answer(each, question)
        self._tick()

    def _tick(self) -> None:
        """Once a second: notice workers that are silent. Ticks, not times, so that a pause of the whole machine counts as one."""
        now = time.monotonic()
        for worker in self._workers():
            if worker.end_at and now >= worker.end_at:
                warn(f"zajil: the worker (process {worker.pid}) did not end in time and is killed.")
                worker.signal(signal.SIGKILL)
                worker.end_at = 0.0
        if now - self.ticked_at < TICK_S:
            return
        self.ticked_at = now
        service_manager.notify("WATCHDOG=1")
        self.status.tick(is_wanted=self.config.status and self.was_ready and not self.is_stopping)
        for worker in self._workers():
            worker.silent_ticks += 1
            silent_max = START_TICKS_MAX if worker.ready is None else self.config.worker_silence_s_max
            if worker.silent_ticks > silent_max and not worker.is_aborted and not self.is_stopping:
                warn(
                    f"zajil: the worker (process {worker.pid}) has given no sign of life for {worker.silent_ticks} s "
                    "and is replaced; where it stands follows."
                )
                worker.is_aborted = True
                worker.signal(signal.SIGABRT)
                worker.end_at = now + ABORT_WAIT_S

    def _handle(self, number: signal.Signals) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP:
            self._begin_reload([])

    def _stop(self) -> None:
        if self.is_stopping:
            return
        self.is_stopping = True
        self.status.stop()
        service_manager.notify("STOPPING=1")
        self._end_reload("the server is stopping")
        for worker in self._workers():
            worker.signal(signal.SIGTERM)
            worker.end_at = time.monotonic() + STOP_WAIT_S_MAX

    # Messages

    def _hear(self, worker: WorkerProcess) -> None:
        while worker.is_listening and (message := worker.read()) is not None:
            if worker in self.retiring:  # its place is another's, or is no more
                continue
            if message["type"] == "ready" and worker.ready is None:
                worker.ready = {"setup_token": str(message.get("setup_token", ""))}
                self._became_ready(worker)
            elif message["type"] == "alive":
                self._judge_memory(worker, int(message.get("memory", 0)))

    def _judge_memory(self, worker: WorkerProcess, memory: int) -> None:
        """Replace a worker that has grown too large, without anybody noticing; not again and again when the next one is no smaller."""
        slot, now = self.slots[worker.number], time.monotonic()
        if not 0 < self.config.worker_memory_max < memory or self.is_stopping:
            return
        if self.reload is not None or self.is_reload_wanted:
            return
        if slot.current is worker and slot.coming is None and now >= slot.start_at:
            slot.start_at = now + MEMORY_REPLACED_S
            warn(f"zajil: the worker (process {worker.pid}) has grown to {memory // 2**20} MiB and is replaced.")
            slot.start(self.sockets, self.lock, self.options)
            if slot.coming is None:
                slot.start_at = slot.retry_at

    def _answer(self, client: socket.socket, question: str) -> None:
        client.setblocking(False)
        if question == "reload":
            self._begin_reload([client])
        elif question == "state":
            answer(client, self.describe())
        else:
            answer(client, {"ok": False, "error": "the server does not know this question"})

    def _build_status_options(self) -> list[str]:
        bound = describe_socket(self.sockets[0])
        return [*self.options, "--bound", bound, "--parent", str(os.getpid())]

    def describe(self) -> dict[str, Any]:
        """What the supervisor knows of its workers."""
        now = time.monotonic()
        workers = [
            {
                "pid": each.pid,
                "is_ready": each.ready is not None,
                "is_retiring": each in self.retiring,
                "running_s": round(now - each.started_at, 1),
            }
            for each in self._workers()
        ]
        return {
            "ok": True,
            "pid": os.getpid(),
            "workers": workers,
            "restarts": self.restarts,
            "last_end": self.last_end,
        }

    def _became_ready(self, worker: WorkerProcess) -> None:
        slot = self.slots[worker.number]
        if slot.coming is not worker:
            return
        former, slot.current, slot.coming = slot.current, worker, None
        if former is not None:
            self._retire(former, worker.give)
        worker.close_give()
        if self.reload is not None and self.reload.left[-1:] == [slot.number]:
            self.reload.left.pop()
        if former is not None:
            self._go_on_reloading()
        elif not self.was_ready:
            if all(each.current is not None for each in self.slots):
                self.was_ready = True
                announce_ready(self._announced_config(), worker.ready or {})
                service_manager.notify_ready("Serving")
        else:
            took_s = time.monotonic() - worker.started_at
            say(f"zajil: the worker answers again ({took_s:.2f} s after its start).")

    def _announced_config(self) -> Config:
        """The configuration with the addresses that were really bound."""
        values = {name: getattr(self.config, name) for name in Config.__dataclass_fields__}
        return Config(**{**values, "bind": tuple(map(describe_socket, self.sockets))})

    # Replacing

    def _begin_reload(self, askers: list[socket.socket]) -> None:
        if self.is_stopping or not self.was_ready:
            for each in askers:
                answer(each, {"ok": False, "error": "the server is starting or stopping"})
        elif self.reload is not None or self._is_replacing():
            self.waiting += askers
            self.is_reload_wanted = True
        else:
            self._become_next_version(askers)

    def _is_replacing(self) -> bool:
        """Whether a worker and its successor are there side by side: the next version knows only one in each place."""
        return any(slot.current is not None and slot.coming is not None for slot in self.slots)

    def _become_next_version(self, askers: list[socket.socket]) -> None:
        """Check what would take over, then execute it. Without success everything goes on as it was."""
        try:
            place = rehearse(self.command, self._build_estate(askers), self._replace_ended)
            present = describe_place(self.config)
            if place is None:
                place = describe_place(self.read_config().config)
            if any(place[name] != present[name] for name in ("data", "database")):
                raise ConfigError("data and database cannot change while the server runs: restart it")
            if place["bind"] != present["bind"]:
                warn("zajil: bind has changed; that needs a restart, until then the former addresses stay.")
        except (ConfigError, NoSuccession) as error:
            warn(f"zajil: not reloaded: {error}")
            for each in askers:
                answer(each, {"ok": False, "error": f"not reloaded: {error}"})
            return
        say("zajil: replacing supervisor and workers.")
        self.status.hand_over()
        service_manager.notify_reloading()
        block_signals()
        if self._was_told_to_stop():  # while the rehearsal went on
            unblock_signals()
            self.reload = Reload([], askers)
            self._stop()
            return
        try:
            execute(self.command, self._build_estate(askers))
        except NoSuccession as error:  # then at least the workers are new
            unblock_signals()
            warn(f"zajil: {error}")
            self.reload = Reload([slot.number for slot in self.slots if slot.current][::-1], askers)

    def _was_told_to_stop(self) -> bool:
        """Whether a signal to stop has come that was not handled yet: exec(2) would lose it."""
        assert self.wakeup is not None
        try:
            numbers = self.wakeup.recv(4096)
        except BlockingIOError:
            return False
        return bool({signal.SIGTERM, signal.SIGINT} & set(numbers))

    def _build_estate(self, askers: list[socket.socket]) -> Estate:
        living = [each for each in self._workers() if each.exit_code is None and each.is_listening]
        return Estate(
            sockets=[each.fileno() for each in self.sockets],
            lock=self.lock,
            control=None if self.door.listener is None else self.door.listener.fileno(),
            askers=[each.fileno() for each in askers],
            visitors=[each.fileno() for each in self.door.clients],
            workers=[describe_worker(each, is_retiring=each in self.retiring) for each in living],
            restarts=self.restarts,
            last_end=self.last_end,
        )

    def _go_on_reloading(self) -> None:
        """Start the successor of the next worker; when there is none left, say so."""
        if self.reload is None:
            return
        while self.reload.left:
            slot = self.slots[self.reload.left[-1]]
            if slot.coming is not None:
                return
            if slot.current is not None:
                slot.start(self.sockets, self.lock, self.options)
                if slot.refusals >= FAILURES_TOLD:
                    slot.forget_refusals()
                    self._give_up_reloading("the system starts no process for the new worker; the log says why")
                return
            self.reload.left.pop()  # it has died, and starts anew in any case
        say(f"zajil: the new workers serve ({time.monotonic() - self.reload.began_at:.2f} s).")
        self._end_reload("")

    def _give_up_reloading(self, reason: str) -> None:
        warn(f"zajil: not {'replaced' if self.reload is None else 'reloaded'}: {reason}. The former one goes on.")
        self._end_reload(reason)

    def _end_reload(self, error: str) -> None:
        if self.reload is None:
            return
        service_manager.notify_ready("Serving" if not error else f"Serving; the last reload failed: {error}"[:200])
        for each in self.reload.askers:
            answer(each, {"ok": not error, "error": error})
        self.reload = None

    def _retire(self, worker: WorkerProcess, give: socket.socket | None) -> None:
        worker.end_at = time.monotonic() + RETIRE_WAIT_S_MAX
        self.retiring.append(worker)
        if worker.ready is None or not worker.retire(give):  # before it is ready it cannot retire, only end
            worker.signal(signal.SIGTERM)
        for old in self.retiring[:-RETIRING_MAX]:
            old.signal(signal.SIGTERM)

    # Ends of workers

    def _reap(self) -> None:
        for worker in self._workers():
            if worker.reap():
                self._hear(worker)  # what it said last
                worker.close()
                self._note_end(worker)
        if self.is_stopping and not self._workers():
            self.exit_code = 0

    def _note_end(self, worker: WorkerProcess) -> None:
        code = worker.exit_code or 0
        if worker in self.retiring:
            self.retiring.remove(worker)
            if code:
                warn(f"zajil: the former worker (process {worker.pid}) {describe_exit(code)}.")
            return
        slot = self.slots[worker.number]
        if slot.coming is worker:
            slot.coming = None
            if slot.current is not None:
                self._give_up_reloading(f"the new worker {describe_exit(code)} before it answered; its log says why")
                return
        else:
            slot.current = None
        if not self.is_stopping:
            self._plan_next(slot, worker, code)

    def _plan_next(self, slot: Slot, worker: WorkerProcess, code: int) -> None:
        """Decide when the next worker of this slot starts; one that ends before all have been ready ends the server."""
        if not self.was_ready:
            self.exit_code = code if code > 0 else 1
            for each in self._workers():
                each.signal(signal.SIGTERM)
            return
        self.restarts += 1
        self.last_end = describe_exit(code)
        if worker.ready is not None and time.monotonic() - worker.started_at > HEALTHY_AFTER_S:
            slot.failures = 0
        delay_s = build_back_off_s(slot.failures)
        slot.failures += 1
        slot.start_at = time.monotonic() + delay_s
        when = f"in {delay_s:.1f} s" if delay_s else "now"
        warn(f"zajil: the worker (process {worker.pid}) {describe_exit(code)}; the next starts {when}.")
        if code == EXIT_CONFIG:
            warn(
                "zajil: ERROR: the configuration or the database that is there now is refused; the worker's reason is above. "
                "Those workers that run go on as they are; put it right, and the next one starts."
            )
        elif slot.failures % FAILURES_TOLD == 0:
            warn(
                f"zajil: ERROR: the worker has ended {slot.failures} times within {HEALTHY_AFTER_S:.0f} s of its start. "
                "Something is wrong with the installation: read the lines above and run zajil doctor."
            )


def serve(arguments: Mapping[str, str | list[str]], path: Path | None) -> int:
    """Run the server with these options of the command line; returns the exit code."""
    try:
        estate = find_estate()
        loaded = load_config(arguments, path=path)
        options = ["--arguments", json.dumps(dict(arguments))]
        if loaded.path is not None:
            options += ["--config", str(loaded.path)]
        command = build_command(arguments, path)
        supervisor = Supervisor(loaded, options, lambda: load_config(arguments, path=loaded.path), command)
        return supervisor.run() if estate is None else supervisor.take_over(estate)
    except (ConfigError, ServeError, NoSuccession) as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG if isinstance(error, ConfigError) else 1
