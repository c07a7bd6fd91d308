"""Telling users of other clients about outages, as server notices: once for each change, little by little, and never who does not want it.

Only what lasts is told: a state change that was over before the first user heard of it is nobody's business. The web client has its banner, whatever
is told here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import structlog

from zajil.core.health import State
from zajil.core.incidents import Incident
from zajil.ports.database import Busy, StorageUnavailable
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.rooms.send_server_notice import send_server_notice
from zajil.status.words import Language, build_notice

CHANNEL: Final = "notices"
LASTS_MS: Final = 60_000
"""An outage is told when it has lasted so long."""
USERS_PER_STEP: Final = 100
USERS_MAX: Final = 50_000
PAUSE_S: Final = 0.05
SINCE_MS: Final = 3_600_000
"""What has not been told to everybody within an hour is not told to the rest."""
BUSY_S_LEAST: Final = 0.1
BUSY_S_MAX: Final = 30.0
UNAVAILABLE_S: Final = 5.0
"""How long to wait for a database that is not there."""
SWITCH: Final = "org.zajil.status_notices"
"""Account data with which a user says `{"enabled": false}`."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


class NoticeSender:
    """The fan-out of this process. Which change is told, and how far, is in the database: each is told once, by one process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: asyncio.Task[None] | None = None

    async def look(self, incidents: Sequence[Incident]) -> None:
        """Claim what is to be told of these incidents, and begin in the background."""
        app = self._app
        if not app.config.status_notices:
            return
        for incident in incidents:
            # What is open is looked at again within a minute; of its end nobody tells a second time.
            patience_ms = 0 if incident.is_open else SINCE_MS
            if await self._patiently(lambda each=incident: self._claim(each), patience_ms):  # type: ignore[misc]
                self._begin()

    async def _claim(self, incident: Incident) -> bool:
        """Whether there is something to tell of it, and this process is the one that tells."""
        app, now_ms = self._app, self._app.clock.now_ms()
        change = find_change(incident, now_ms)
        if change is None or await self._is_told_by_another(incident):
            return False
        if change != "opened" and not await self._was_told(incident):
            return False
        store, incident_id = app.stores.incidents, incident.incident_id
        return await app.db.write(lambda tx: store.claim_announcement(tx, incident_id, change, CHANNEL, now_ms))

    async def _is_told_by_another(self, incident: Incident) -> bool:
        """Two machines notice the same: the one that noticed it first tells it."""
        opened = await self._app.stores.incidents.load_open(self._app.db.reader)
        same = [each for each in opened if each.cause is incident.cause and not each.is_operators]
        first = min(same, key=lambda each: (each.opened_ts_ms, each.incident_id), default=incident)
        return incident.is_open and not incident.is_operators and first.incident_id != incident.incident_id

    async def _was_told(self, incident: Incident) -> bool:
        """The end of an outage is told only to those who were told of it."""
        reader, store = self._app.db.reader, self._app.stores.incidents
        return await store.has_announcement(reader, incident.incident_id, "opened", CHANNEL)

    def resume(self) -> None:
        """Go on with what a process that has ended has begun."""
        self._begin()

    def _begin(self) -> None:
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        app, store = self._app, self._app.stores.incidents
        while True:
            try:
                while undone := await store.load_undone(app.db.reader, CHANNEL, app.clock.now_ms() - SINCE_MS):
                    for incident_id, change, reached in undone:
                        await self._tell_everybody(incident_id, change, reached)
                return
            except (StorageUnavailable, Busy) as error:
                log.warning("server notices about the status wait", cause=str(error))
                await asyncio.sleep(find_wait_s(error))
            except Exception:
                log.exception("server notices about the status were not sent")
                return

    async def _patiently(self, act: Callable[[], Awaitable[T]], patience_ms: int) -> T:
        """Do it, and again while the server has more to do than it can, or its database is away again: right after an outage that happens.

        A notice of which nobody knows whether it is on disk is sent again; that is better than everybody who comes after going without.
        """
        until_s = self._app.clock.monotonic_s() + patience_ms / 1000
        while True:
            try:
                return await act()
            except (Busy, StorageUnavailable) as error:
                if self._app.clock.monotonic_s() >= until_s:
                    raise
                await asyncio.sleep(find_wait_s(error))

    async def _tell_everybody(self, incident_id: str, change: str, reached: str) -> None:
        app, store = self._app, self._app.stores.incidents
        incident = await store.load(app.db.reader, incident_id)
        told = 0
        while incident is not None and told < USERS_MAX:
            accounts = await app.stores.accounts.load_accounts(app.db.reader, reached, USERS_PER_STEP)
            if not accounts:
                break
            # Written before it is done: after a crash somebody may hear nothing, but nobody hears it twice.
            if not await self._note(incident_id, change, reached, accounts[-1].user_id, is_done=False):
                return
            reached = accounts[-1].user_id
            for account in accounts:
                if account.is_guest or account.is_deactivated or account.user_id.startswith("@_"):
                    continue
                user_id = account.user_id
                told += await self._patiently(lambda each=user_id: self._tell(incident_id, change, each), SINCE_MS)  # type: ignore[misc]
                await asyncio.sleep(PAUSE_S)
            incident = await store.load(app.db.reader, incident_id)
            if incident is not None and is_over(incident, change):
                break
        await self._note(incident_id, change, reached, reached, is_done=True)

    async def _note(self, incident_id: str, change: str, expected: str, reached: str, *, is_done: bool) -> bool:
        store, announcement = self._app.stores.incidents, (incident_id, change, CHANNEL)
        return await self._app.db.write(
            lambda tx: store.store_progress(tx, announcement, expected, reached, is_done=is_done)
        )

    async def _tell(self, incident_id: str, change: str, user_id: str) -> bool:
        app = self._app
        incident = await app.stores.incidents.load(app.db.reader, incident_id)
        if incident is None or is_over(incident, change):
            return False
        switch = await app.stores.account_data.load(app.db.reader, user_id, "", SWITCH)
        if switch is not None and switch.get("enabled") is False:
            return False
        body = "\n\n".join(build_notice(incident, change, language, app.config.base_url) for language in Language)
        try:
            await send_server_notice(app, user_id, body, {"org.zajil.incident": incident.incident_id})
        except MatrixError as error:
            log.info("a server notice was not sent", cause=str(error.errcode))
        return True


def find_wait_s(error: StorageUnavailable | Busy) -> float:
    """When to try again: what a server with too much to do says itself, within bounds."""
    return min(max(error.retry_after_ms / 1000, BUSY_S_LEAST), BUSY_S_MAX) if isinstance(error, Busy) else UNAVAILABLE_S


def is_over(incident: Incident, change: str) -> bool:
    """Nobody needs to hear of the beginning of what has ended."""
    return change == "opened" and not incident.is_open


def find_change(incident: Incident, now_ms: int) -> str | None:
    """What users should be told about an incident, if anything: outages that last, and what the operator opened."""
    if incident.state is not State.OUTAGE and not incident.is_operators:
        return None
    if not incident.is_open:
        return "closed"
    lasts_ms = now_ms - incident.opened_ts_ms
    return "opened" if incident.is_operators or lasts_ms >= LASTS_MS else None
