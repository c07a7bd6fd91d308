"""Telling the world: each change of an incident at most once, whatever happens to this process, and never so that anything waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from zajil.core.health import Cause
from zajil.core.incidents import STATE_CHANGES, Incident, Kind
from zajil.ports.status_outlets import Announcer, OutletFailed
from zajil.status.memory import Memory
from zajil.status.words import Language, build_notice, build_title

CHANNEL: Final = "announce"
TRIES_AFTER_S: Final = (0.0, 5.0, 30.0, 120.0)
WAITING_MAX: Final = 100
SAME_WITHIN_MS: Final = 600_000

log = structlog.get_logger(__name__)

Claim = Callable[[str, str, str], Awaitable[bool | None]]
"""Asks the database whether this machine may announce (incident, change, channel); None when nobody can say."""


class Announcements:
    """What is to be announced, in the order in which it happened."""

    def __init__(
        self,
        memory: Memory,
        announcers: Sequence[Announcer],
        claim: Claim,
        *,
        name: str,
        base_url: str,
        settles_s: float,
        pace: float,
    ) -> None:
        """`settles_s` is how long to wait until other machines may have told what they noticed."""
        self._memory = memory
        self._announcers = announcers
        self._claim = claim
        self._name = name
        self._base_url = base_url
        self._settles_s = settles_s
        self._pace = pace
        self._queue: asyncio.Queue[tuple[Incident, Kind]] = asyncio.Queue(WAITING_MAX)

    def note(self, incident: Incident) -> None:
        """An incident of this machine changed."""
        if not self._announcers or not incident.entries or incident.cause is Cause.STOPPED:
            return
        last = incident.entries[-1]
        if last.kind not in STATE_CHANGES or not self._memory.note_announced(build_change(incident)):
            return
        try:
            self._queue.put_nowait((incident, last.kind))
        except asyncio.QueueFull:
            log.warning("too many announcements; one was left out", incident=incident.incident_id)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            incident, kind = await self._queue.get()
            try:
                await self._announce(incident, kind)
            except Exception:
                log.exception("an announcement failed")

    async def _announce(self, incident: Incident, kind: Kind) -> None:
        await asyncio.sleep(self._settles_s)
        if self._is_announced_by_another(incident):
            return
        if await self._claim(incident.incident_id, build_change(incident).partition(" ")[2], CHANNEL) is False:
            return
        title = " · ".join(build_title(incident, language) for language in Language)
        text = "\n\n".join(build_notice(incident, kind, language, self._base_url, self._name) for language in Language)
        await asyncio.gather(*(self._tell(each, f"{self._name}: {title}", text) for each in self._announcers))

    def _is_announced_by_another(self, incident: Incident) -> bool:
        """Several machines notice the same; the one that noticed it first announces it."""
        for other in self._memory.incidents.values():
            if other.cause is not incident.cause or other.node == incident.node or incident.is_operators:
                continue
            same_time = abs(other.opened_ts_ms - incident.opened_ts_ms) < SAME_WITHIN_MS
            if same_time and (other.opened_ts_ms, other.node) < (incident.opened_ts_ms, incident.node):
                return True
        return False

    async def _tell(self, announcer: Announcer, title: str, text: str) -> None:
        for wait_s in TRIES_AFTER_S:
            await asyncio.sleep(wait_s * self._pace)
            try:
                await announcer.announce(title, text)
            except OutletFailed as failure:
                log.warning("an announcement was not taken", cause=str(failure))
            else:
                return


def build_change(incident: Incident) -> str:
    """The name of the last change of an incident."""
    last = incident.entries[-1]
    return f"{incident.incident_id} {last.kind}-{last.ts_ms}"
