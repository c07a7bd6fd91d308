"""The process that watches: it measures from outside, hears from the workers, decides, remembers, and tells.

It needs neither the database nor a worker, so it can say that they are gone. What it decides is `core`'s; here is what happens when.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from zajil.core.health import Cause, Probe, Sample
from zajil.core.incident_tracking import IncidentTracker
from zajil.core.incidents import Incident, close, component_states, dump_incident, load_incident
from zajil.core.status_history import dump_cell
from zajil.ports.clock import Clock
from zajil.ports.configuration import Config
from zajil.ports.outbound_http import OutboundHttp
from zajil.ports.randomness import Randomness
from zajil.ports.status_outlets import Announcer, OutletFailed, StatusCopy
from zajil.status.announce import Announcements
from zajil.status.canary import AGAIN_S, Account, Canary, Round
from zajil.status.link import FOLDER, Line
from zajil.status.memory import Memory, dump_memory, load_history, load_memory, store_memory
from zajil.status.operate import OperationRefused, operate
from zajil.status.pages import build_etag, build_pages, build_view
from zajil.status.vitals import Vitals
from zajil.status.workers import Workers, WorkerView

TICK_S: Final = 0.5
RENEW_S: Final = 20.0
"""The pages say as of when they are; they are made anew so often even if nothing happened."""
COPY_S: Final = 60.0
KEEP_S: Final = 60.0
STOPPED_MS_LEAST: Final = 30_000
"""A shorter stop was a restart, and nobody's business."""
NODE_GONE_MS: Final = 60_000
ACCOUNT_S_MAX: Final = 4.0
CLAIM_S_MAX: Final = 5.0
LAST_COPY_S_MAX: Final = 5.0
CRASH_COPY_S_MAX: Final = 1.0
"""After a crash the next server may be waiting for this process to end."""
LAST_MEMORY_S_MAX: Final = 1.5
"""What does not answer must not hold up the end: the supervisor waits for eight seconds, and for two when another watcher goes on."""
SETTLES_S: Final = 7.0
NODE_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"

log = structlog.get_logger(__name__)


class Watcher:
    """One per machine."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        randomness: Randomness,
        http: OutboundHttp,
        canary_url: str,
        copy: StatusCopy | None,
        announcers: Sequence[Announcer],
    ) -> None:
        self._config = config
        self._clock = clock
        self._randomness = randomness
        self._pace = config.status_pace_percent / 100
        self._folder = config.data / FOLDER
        self._copy = copy
        self.memory: Memory = load_memory(self._folder, randomness.letters(8, NODE_LETTERS))
        node = self.memory.node
        self.tracker = IncidentTracker(node, self._build_id, pace=self._pace, past=list(self.memory.incidents.values()))
        self._vitals = Vitals(config.data, config.database_folder, clock, self._pace)
        self.workers = Workers(clock.monotonic_s(), self._pace)
        self._canary = Canary(http, canary_url, node)
        self._round: Round | None = None
        self._failures = 0
        self._account_wanted: asyncio.Future[Account | None] | None = None
        self._claims: dict[int, asyncio.Future[bool | None]] = {}
        self._number = 0
        self._unstored: dict[str, Incident] = {}
        self._name = config.status_name or config.server_name
        self._announcements = Announcements(
            self.memory,
            announcers,
            self._claim,
            name=self._name,
            base_url=config.base_url,
            settles_s=SETTLES_S * self._pace if config.is_postgres else 0.0,
            pace=self._pace,
        )
        self._is_stopped = False
        self._ticked_s = clock.monotonic_s()
        self._due = {"renew": 0.0, "keep": self._ticked_s + KEEP_S, "copy": 0.0}
        self._pages: dict[str, bytes] = {}
        self._etag = ""
        self._copying = asyncio.Lock()
        self._copy_task: asyncio.Task[None] | None = None

    def _build_id(self) -> str:
        return f"{self._clock.now_ms():x}-{self.memory.node}-{self._randomness.letters(3, NODE_LETTERS)}"

    async def run(self) -> None:
        """Watch until cancelled."""
        tasks = [asyncio.create_task(each) for each in (self._run_canary(), self._announcements.run(), self._tick_on())]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self, *, is_planned: bool | None) -> None:
        """Say on the copy how it ends: as planned, or that the server is gone; None: another watcher goes on."""
        if is_planned is not None:
            self._is_stopped = is_planned
            now_s, now_ms = self._clock.monotonic_s(), self._clock.now_ms()
            ending = Sample(is_stopped=is_planned, worker_is_up=False)
            for ahead_s in (0.0, 1000.0):  # there is no time left to wait and see
                self._take(self.tracker.step(now_s + ahead_s, now_ms, ending))
            self._renew()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_COPY_S_MAX if is_planned else CRASH_COPY_S_MAX):
                    await self._write_copy()
        self._remember()
        if self._remembering is not None:
            await asyncio.wait([self._remembering], timeout=LAST_MEMORY_S_MAX)

    # Deciding

    async def _tick_on(self) -> None:
        while True:
            try:
                self._tick()
            except Exception:
                log.exception("a look at the server failed")
            await asyncio.sleep(TICK_S * min(1.0, self._pace))

    def _tick(self) -> None:
        now_s, now_ms = self._clock.monotonic_s(), self._clock.now_ms()
        passed_s, self._ticked_s = min(now_s - self._ticked_s, 60.0), now_s
        changed = self.tracker.step(now_s, now_ms, self._read_sample(now_s))
        self.memory.history.note_time(now_ms, passed_s, component_states(self.memory.incidents.values()))
        if changed:
            self._take(changed)
        if changed or now_s >= self._due["renew"]:
            self._renew()
            if self._copy_task is None or self._copy_task.done():
                self._copy_task = asyncio.create_task(self._write_copy())
        if now_s >= self._due["keep"]:
            self._keep(now_s, now_ms)

    def _read_sample(self, now_s: float) -> Sample:
        last = self._round
        return Sample(
            **self.workers.read(now_s),
            **self._vitals.read(self.workers.pids),
            disk_reserve=self._config.status_disk_reserve,
            is_stopped=False,
            probe=None if last is None else last.probe,
            probe_failures=self._failures,
            send_ms=None if last is None else last.send_ms,
            delivery_ms=None if last is None else last.delivery_ms,
        )

    def _take(self, changed: Sequence[Incident]) -> None:
        """Remember, store and announce what this machine found out."""
        for incident in changed:
            lasted_ms = (incident.closed_ts_ms or 0) - incident.opened_ts_ms
            if incident.cause is Cause.STOPPED and not incident.is_open and lasted_ms < STOPPED_MS_LEAST:
                self.memory.drop(incident)
                self._unstored.pop(incident.incident_id, None)
                continue
            log.warning("incident", cause=incident.cause, change=incident.entries[-1].kind, state=incident.state)
            self.memory.put([incident])
            if incident.cause is not Cause.STOPPED or not incident.is_open:
                self._unstored[incident.incident_id] = incident
            self._announcements.note(incident)
        self._store()
        self._remember()

    # Keeping

    def _keep(self, now_s: float, now_ms: int) -> None:
        """Once a minute: hand over what the database should have, and write down what only we know."""
        self._due["keep"] = now_s + KEEP_S * self._pace
        for incident in self.tracker.open.values():
            if incident.cause is not Cause.STOPPED:
                self._unstored.setdefault(incident.incident_id, self.memory.incidents[incident.incident_id])
        self.memory.forget_old(now_ms)
        history = self.memory.history
        minutes = [history.minutes[each] for each in sorted(history.minutes)[-3:]]
        hours = [history.hours[each] for each in sorted(history.hours)[-2:]]
        self._store({"minutes": [dump_cell(each) for each in minutes], "hours": [dump_cell(each) for each in hours]})
        self._remember()

    def _remember(self) -> None:
        """Write the memory down, in a thread: a disk that hangs must not stop who tells of it."""
        self._is_memory_dirty = True
        if self._remembering is None or self._remembering.done():
            self._remembering = asyncio.create_task(self._write_memory())

    async def _write_memory(self) -> None:
        while self._is_memory_dirty:
            self._is_memory_dirty = False
            await asyncio.to_thread(store_memory, self._folder, dump_memory(self.memory))

    _is_memory_dirty = False
    _remembering: asyncio.Task[None] | None = None

    def _store(self, cells: Mapping[str, Any] | None = None) -> None:
        """Have a worker store what is not stored yet; without one it waits."""
        if not self.workers.views or not (self._unstored or cells):
            return
        self._number += 1
        incidents = list(self._unstored.values())
        what = {"incidents": [dump_incident(each) for each in incidents], **(cells or {})}
        self.workers.tell_one(self.workers.views[-1], {"store": what, "number": self._number})
        self._storing = (self._number, incidents)

    def _note_stored(self, number: int) -> None:
        stored_number, incidents = self._storing
        if number != stored_number:
            return
        for incident in incidents:
            if self._unstored.get(incident.incident_id) == incident:
                del self._unstored[incident.incident_id]

    _storing: tuple[int, list[Incident]] = (0, [])

    # Showing

    def _renew(self) -> None:
        self._due["renew"] = self._clock.monotonic_s() + RENEW_S * self._pace
        view = build_view(
            self.memory,
            self._clock.now_ms(),
            name=self._name,
            base_url=self._config.base_url,
            interval_s=self._config.status_canary_interval_s,
            is_known=self._round is not None or bool(self.memory.history.hours),
        )
        self._shown = tuple((each.incident_id, len(each.entries)) for each in self.memory.incidents.values())
        self._pages = build_pages(view)
        self._etag = build_etag(self._pages)
        self.workers.tell(self._build_pages_message())

    def _build_pages_message(self) -> dict[str, Any]:
        return {"pages": {name: page.decode() for name, page in self._pages.items()}, "etag": self._etag}

    async def _write_copy(self) -> None:
        """At every change of what matters, also of one that comes meanwhile, and once a minute for the time on it."""
        if self._copy is None:
            return
        async with self._copying:
            is_due = self._clock.monotonic_s() >= self._due["copy"]
            while is_due or self._shown != self._copied:
                is_due, shown, now_s = False, self._shown, self._clock.monotonic_s()
                try:
                    await self._copy.write(self._pages)
                except OutletFailed as failure:
                    log.warning("the copy of the status pages was not written", cause=str(failure))
                    return
                self._copied, self._due["copy"] = shown, now_s + COPY_S * self._pace

    _shown: object = None
    """What matters of the pages as they are."""
    _copied: object = None

    # The look from outside

    async def _run_canary(self) -> None:
        while True:
            if self._canary.account is None:
                await self._find_account()
            last = await self._canary.run_round()
            goes_on = self._round is not None and self._round.is_bad and self._round.probe is last.probe
            self._failures = 0 if not last.is_bad else self._failures + 1 if goes_on else 1
            first = self._round is None and last.probe is not Probe.DELIVERED
            if not first or self.workers.views:
                self._round = last
            self.memory.history.note_round(self._clock.now_ms(), last.send_ms, last.delivery_ms)
            wait_s = AGAIN_S if last.is_bad else self._config.status_canary_interval_s
            await asyncio.sleep(min(wait_s, self._config.status_canary_interval_s))

    async def _find_account(self) -> None:
        """Ask a worker for an account; without one the round only shows whether anybody answers."""
        if not self.workers.views:
            await asyncio.sleep(min(1.0, self._pace))
        if not self.workers.views:
            return
        waiting: asyncio.Future[Account | None] = asyncio.get_running_loop().create_future()
        self._account_wanted = waiting
        self.workers.tell_one(self.workers.views[-1], {"wants": "account"})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ACCOUNT_S_MAX):
                self._canary.account = await waiting

    # Hearing

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, retire: Callable[[], None]
    ) -> None:
        """One connection: of a worker, of an operator's command, or of the watcher that takes over (`retire`)."""
        line = Line(reader, writer)
        view: WorkerView | None = None
        is_meant = False
        try:
            async for message in line.messages():
                if "worker" in message:
                    view = self._greet(message, line)
                elif message.get("asks"):
                    line.send({"answer": self._answer(message), "number": message.get("number")})
                elif message.get("retire"):
                    retire()
                elif view is not None:
                    is_meant = is_meant or bool(message.get("bye"))
                    self._hear(view, message)
        except (OSError, asyncio.CancelledError):
            pass  # cancelled only when this process ends
        finally:
            line.close()
            if view is not None:
                self.workers.leave(view, self._clock.monotonic_s(), is_meant=is_meant)

    def _greet(self, message: Mapping[str, Any], line: Line) -> WorkerView:
        view = WorkerView(int(message["worker"]), line, self._clock.monotonic_s())
        line.send({"node": self.memory.node, "pace": self._pace, "wants_history": self.memory.is_new})
        line.send(self._build_pages_message())
        self.workers.arrive(view)
        self._store()
        return view

    def _hear(self, view: WorkerView, message: Mapping[str, Any]) -> None:
        view.heard_s = self._clock.monotonic_s()
        if "sample" in message:
            view.sample = message["sample"]
        elif "account" in message:
            given = message["account"]
            if self._account_wanted is not None and not self._account_wanted.done():
                self._account_wanted.set_result(Account(**given) if given else None)
        elif "claimed" in message:
            waiting = self._claims.get(message["number"])
            if waiting is not None and not waiting.done():
                waiting.set_result(message["claimed"])
        elif "stored" in message:
            self._note_stored(message["stored"])
        elif "history" in message:
            if self.memory.is_new and not self.memory.history.hours:
                self.memory.history = load_history(message["history"])
            self.memory.is_new = False
        if "known" in message:
            self._learn([load_incident(each) for each in message["known"]])
        if "nodes" in message:
            self._adopt(message["nodes"])

    def _learn(self, known: Sequence[Incident]) -> None:
        """What the database has of other machines, such as a note written there on what goes on here: our next entry comes after it."""
        changed = self.memory.put(known)
        for incident in changed:
            if incident.is_open:
                self.tracker.take(incident)
        if changed:
            self._due["renew"] = 0.0

    def _adopt(self, nodes: Mapping[str, int]) -> None:
        """A machine that is gone cannot close its incidents: where they are not true here either, we do."""
        now_ms = self._clock.now_ms()
        for incident in list(self.memory.incidents.values()):
            is_anothers = incident.node != self.memory.node and not incident.is_operators
            is_gone = now_ms - max(nodes.get(incident.node, 0), incident.changed_ts_ms) > NODE_GONE_MS
            if incident.is_open and is_anothers and is_gone and incident.cause not in self.tracker.open:
                self._take([close(replace(incident, node=self.memory.node), incident.after(now_ms))])

    def _answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        try:
            known, node = self.memory.incidents.values(), self.memory.node
            answer, changed = operate(known, question, node, self._clock.now_ms(), self._build_id())
        except OperationRefused as refusal:
            return {"ok": False, "error": str(refusal)}
        if changed is not None:
            self.tracker.take(changed)
            self._take([changed])
            self._due["renew"] = 0.0
        return answer

    async def _claim(self, incident_id: str, change: str, channel: str) -> bool | None:
        """Ask the database, through a worker, whether this machine announces a change; None when it does not answer."""
        if not self.workers.views:
            return None
        self._number += 1
        number = self._number
        waiting: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._claims[number] = waiting
        try:
            claim = {"claim": [incident_id, change, channel], "number": number}
            self.workers.tell_one(self.workers.views[-1], claim)
            async with asyncio.timeout(CLAIM_S_MAX):
                return await waiting
        except TimeoutError:
            return None
        finally:
            del self._claims[number]
