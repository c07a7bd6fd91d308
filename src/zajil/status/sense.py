"""What a worker measures about itself, once a second, and how it looks whether what it stands on still answers."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Any, Final

import structlog

from zajil.ports.database import Busy, StorageUnavailable
from zajil.ports.media_store import MediaStoreUnavailable
from zajil.ports.outbound_http import OutboundFailed, OutboundRequest
from zajil.services.app import App
from zajil.services.measurements import BATCHES_WINDOW_S, Measurements

INTERVAL_S: Final = 1.0
LAG_INTERVAL_S: Final = 0.1
WINDOW_S: Final = 10
PROBE_INTERVAL_S: Final = 5.0
PROBE_S_MAX: Final = 4.0
GATEWAYS_PROBED_MAX: Final = 3
NOTHING: Final = b'{"notification":{"devices":[]}}'
"""A notification for nobody."""
MEDIA_KEY: Final = "status/probe"

log = structlog.get_logger(__name__)


class Senses:
    """The measurements of one worker."""

    def __init__(self, app: App, node: str, pace: float) -> None:
        self._app = app
        self._node = node
        self._pace = pace
        self._lag_s = 0.0
        self._counted: deque[tuple[int, int, int]] = deque(maxlen=WINDOW_S + 1)
        self._database_answers: bool | None = None
        self._is_disk_full: bool | None = None
        self._media_answers: bool | None = None

    @contextlib.asynccontextmanager
    async def feeling(self) -> Any:
        """Measure in the background meanwhile."""
        tasks = [
            asyncio.create_task(each)
            for each in (self._feel_lag(), self._repeat(self._probe_database), self._repeat(self._probe_media))
        ]
        tasks.append(asyncio.create_task(self._repeat(self._probe_gateways)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def read(self) -> dict[str, Any]:
        """The fields of a `Sample` that a worker knows; to be called once a second."""
        counters: Measurements = self._app.measurements
        now_s = time.monotonic()
        self._counted.append(counters.count_requests())
        requests, errors, shed = (now - then for now, then in zip(self._counted[-1], self._counted[0], strict=True))
        waited_s, took_s = counters.read_batches(now_s, max(3.0, BATCHES_WINDOW_S * self._pace))
        tried, failing = counters.read_pushers(now_s)
        lag_s, self._lag_s = self._lag_s, 0.0
        return {
            "loop_lag_ms": round(lag_s * 1000, 2),
            "queue_wait_ms": None if waited_s is None else round(waited_s * 1000, 2),
            "edge_wait_ms": round(self._app.admission.find_longest_wait_s(self._app.clock.monotonic_s()) * 1000, 2),
            "commit_ms": None if took_s is None else round(took_s * 1000, 2),
            "requests": requests,
            "errors": errors,
            "shed": shed,
            "database_answers": self._database_answers,
            "disk_is_full": self._is_disk_full,
            "media_answers": self._media_answers,
            "pushers_tried": tried,
            "pushers_failing": failing,
        }

    async def _feel_lag(self) -> None:
        """How late the event loop is for an appointment."""
        while True:
            due_s = time.monotonic() + LAG_INTERVAL_S
            await asyncio.sleep(LAG_INTERVAL_S)
            late_s = max(0.0, time.monotonic() - due_s)
            self._lag_s = max(self._lag_s, late_s)
            self._app.measurements.loop_lag.note(late_s)

    async def _repeat(self, probe: Any) -> None:
        while True:
            try:
                await probe()
            except Exception:
                log.exception("a probe failed")
            await asyncio.sleep(PROBE_INTERVAL_S * self._pace)

    async def _probe_database(self) -> None:
        """Write when this machine was last seen; a second time when that was slow, because once is bad luck."""
        app = self._app
        for _ in range(2):
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(PROBE_S_MAX):
                    await app.db.write(lambda tx: app.stores.incidents.store_node(tx, self._node, app.clock.now_ms()))
            except Busy:
                return  # it is there, and has much to do
            except (StorageUnavailable, TimeoutError) as error:
                self._is_disk_full = "full" in str(error) or "No space" in str(error)
                self._database_answers = self._is_disk_full
                return
            self._database_answers, self._is_disk_full = True, False
            if time.monotonic() - began_s < 0.1:
                return

    async def _probe_media(self) -> None:
        try:
            async with asyncio.timeout(PROBE_S_MAX):
                await self._app.media.store.stat(MEDIA_KEY)
            self._media_answers = True
        except (MediaStoreUnavailable, TimeoutError, OSError):
            self._media_answers = False

    async def _probe_gateways(self) -> None:
        """A gateway that failed may be asked by its pusher an hour later only; here it is seen when it is back."""
        for url in self._app.measurements.failing_gateways()[:GATEWAYS_PROBED_MAX]:
            request = OutboundRequest(
                url,
                method="POST",
                headers={"Content-Type": "application/json"},
                body=NOTHING,
                timeout_ms=int(PROBE_S_MAX * 1000),
                body_bytes_max=64 * 1024,
                truncates=True,
            )
            try:
                answer = await self._app.push_http.fetch(request)
            except OutboundFailed:
                continue
            if answer.status < 500:
                self._app.measurements.forget_failures(url)
