"""A worker's end of the link to the watcher: tells measurements, stores what the watcher wants stored, hangs up the pages it gets."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import structlog

from zajil.core.incidents import dump_incident, load_incident
from zajil.core.status_history import DAY_MS, DAYS_KEPT, HOUR_MS, MINUTE_MS, MINUTES_KEPT, dump_cell, load_cell
from zajil.ports.database import Busy, StorageUnavailable, Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.status.canary_account import log_canary_in, trim_canary_room
from zajil.status.link import Line, connect
from zajil.status.send_notices import NoticeSender
from zajil.status.sense import INTERVAL_S, Senses

RECONNECT_S: Final = 1.0
TELL_KNOWN_S: Final = 5.0
TRIM_S: Final = 600.0
INCIDENTS_TOLD_MAX: Final = 200
ANSWER_S_MAX: Final = 10.0

log = structlog.get_logger(__name__)


class WorkerLink:
    """Keeps a connection to the watcher for as long as the worker lives."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._line: Line | None = None
        self._node = ""
        self._notices = NoticeSender(app)
        self._questions = count()
        self._answers: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin; needs a running event loop."""
        if self._app.config.status:
            self._task = asyncio.create_task(self._run())
            self._app.status.tell_watcher = self._ask

    async def stop(self) -> None:
        """Say that this end is meant, and go."""
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.send({"bye": True})
                await self._line.drain()
        running = [*self._working, *([self._task] if self._task else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                self._line = await connect(self._app.config.data)
                await self._talk(self._line)
            except OSError:
                pass
            except Exception:
                log.exception("the link to the status process broke")
            finally:
                if self._line is not None:
                    self._line.close()
                    self._line = None
            await asyncio.sleep(RECONNECT_S)

    async def _talk(self, line: Line) -> None:
        line.send({"worker": os.getpid()})
        messages = line.messages()
        hello: dict[str, Any] = await anext(messages, {})
        self._node = str(hello.get("node", ""))
        pace = float(hello.get("pace", 1.0))
        senses = Senses(self._app, self._node, pace)
        self._notices.resume()
        async with senses.feeling():
            tasks = [
                asyncio.create_task(each)
                for each in (self._tell_samples(line, senses), self._tell_known(line, hello), self._keep_house())
            ]
            try:
                async for message in messages:
                    self._hear(line, message)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, line: Line, message: dict[str, Any]) -> None:
        if "pages" in message:
            pages = {name: text.encode() for name, text in message["pages"].items()}
            self._app.status.hang(pages, message["etag"])
        elif "answer" in message:
            waiting = self._answers.get(message["number"])
            if waiting is not None and not waiting.done():
                waiting.set_result(message["answer"])
        elif "store" in message:
            self._work(self._store(line, message))
        elif "claim" in message:
            self._work(self._claim(line, message))
        elif message.get("wants") == "account":
            self._work(self._log_in(line))

    def _work(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _tell_samples(self, line: Line, senses: Senses) -> None:
        with contextlib.suppress(OSError):
            while True:
                line.send({"sample": senses.read()})
                await asyncio.sleep(INTERVAL_S)

    async def _tell_known(self, line: Line, hello: Mapping[str, Any]) -> None:
        """Tell what the database knows: first the history if the watcher has lost it, then again and again everybody's incidents."""
        store, reader = self._app.stores.incidents, self._app.db.reader
        wants_history = bool(hello.get("wants_history"))
        told: Any = None
        while True:
            with contextlib.suppress(StorageUnavailable, Busy):
                now_ms = self._app.clock.now_ms()
                if wants_history:
                    minutes = await store.load_cells(reader, self._node, MINUTE_MS, now_ms - MINUTES_KEPT * MINUTE_MS)
                    hours = await store.load_cells(reader, self._node, HOUR_MS, now_ms - DAYS_KEPT * DAY_MS)
                    cells = {
                        "minutes": [dump_cell(each) for each in minutes],
                        "hours": [dump_cell(each) for each in hours],
                    }
                    line.send({"history": cells})
                    wants_history = False
                recent = await store.load_recent(reader, now_ms - DAYS_KEPT * DAY_MS, INCIDENTS_TOLD_MAX)
                known = {each.incident_id: each for each in (*await store.load_open(reader), *recent)}
                incidents, nodes = [dump_incident(each) for each in known.values()], await store.load_nodes(reader)
                if incidents != told:
                    line.send({"known": incidents, "nodes": nodes})
                    told = incidents
                else:
                    line.send({"nodes": nodes})
            await asyncio.sleep(TELL_KNOWN_S)

    async def _store(self, line: Line, message: Mapping[str, Any]) -> None:
        """Store incidents and cells, and forget what is too old; tell that it is done."""
        app, store, what = self._app, self._app.stores.incidents, message["store"]
        incidents = [load_incident(each) for each in what.get("incidents", ())]
        cells = {
            length: [load_cell(each) for each in what.get(name, ())]
            for name, length in (("minutes", MINUTE_MS), ("hours", HOUR_MS))
        }
        now_ms = app.clock.now_ms()

        async def item(tx: Transaction) -> None:
            for incident in incidents:
                await store.store(tx, incident)
            for length_ms, rows in cells.items():
                if rows:
                    await store.store_cells(tx, self._node, length_ms, rows)
            if cells[HOUR_MS]:
                await store.delete_cells(tx, MINUTE_MS, now_ms - MINUTES_KEPT * MINUTE_MS)
                await store.delete_cells(tx, HOUR_MS, now_ms - DAYS_KEPT * DAY_MS)
                await store.delete_before(tx, now_ms - DAYS_KEPT * DAY_MS)

        with contextlib.suppress(StorageUnavailable, Busy, OSError):
            await app.db.write(item)
            line.send({"stored": message["number"]})
            await self._notices.look(incidents)

    async def _claim(self, line: Line, message: Mapping[str, Any]) -> None:
        """Whether this machine is the one to announce a change."""
        app, (incident_id, change, channel) = self._app, message["claim"]
        is_ours: bool | None = None
        with contextlib.suppress(StorageUnavailable, Busy):
            is_ours = await app.db.write(
                lambda tx: app.stores.incidents.claim_announcement(tx, incident_id, change, channel, app.clock.now_ms())
            )
        with contextlib.suppress(OSError):
            line.send({"claimed": is_ours, "number": message["number"]})

    async def _log_in(self, line: Line) -> None:
        answer: dict[str, Any]
        try:
            answer = {"account": await log_canary_in(self._app, self._node)}
        except (MatrixError, StorageUnavailable, Busy) as error:
            answer = {"account": None, "error": str(error)}
        with contextlib.suppress(OSError):
            line.send(answer)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(TRIM_S)
            with contextlib.suppress(StorageUnavailable, Busy):
                await trim_canary_room(self._app)

    async def _ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Pass an operator's question on. Raises `OSError` when there is no watcher."""
        if self._line is None:
            raise ConnectionError("there is no watcher")
        number = next(self._questions)
        waiting: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = waiting
        try:
            self._line.send({**question, "asks": True, "number": number})
            async with asyncio.timeout(ANSWER_S_MAX):
                return await waiting
        except TimeoutError:
            raise ConnectionError("the watcher does not answer") from None
        finally:
            del self._answers[number]
