"""When devices were last seen: noted in memory at each request, written coarsely and seldom.

A precise log of who was online when is metadata that nobody needs (invariant 7): the time is that of a quarter of an hour, the address
only its network, and only the last one is kept.
"""

import asyncio
import contextlib
import ipaddress
from typing import Final

import structlog

from zajil.ports.database import Transaction
from zajil.ports.stores.devices import Sighting
from zajil.services.app import App
from zajil.services.requester import Requester

STEP_MS: Final = 15 * 60 * 1000
FLUSH_S: Final = 60.0
NOTED_MAX: Final = 50_000
WRITTEN_AT_ONCE_MAX: Final = 500
IPV4_BITS: Final = 24
IPV6_BITS: Final = 48

log = structlog.get_logger(__name__)


class Sightings:
    """Devices seen since the last write."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._noted: dict[int, tuple[Requester, str]] = {}
        self._written: dict[int, tuple[int, str]] = {}
        self._running: asyncio.Task[None] | None = None

    def note(self, requester: Requester, client_ip: str) -> None:
        """The requester makes a request. Costs one entry in a dict."""
        if len(self._noted) < NOTED_MAX:
            self._noted[requester.token_id] = (requester, client_ip)

    def start(self) -> None:
        """Write regularly; needs a running loop."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await self.flush()

    async def flush(self) -> None:
        """Write what changed since the last time, in pieces."""
        now_ms = self._app.clock.now_ms()
        step_ms = now_ms - now_ms % STEP_MS
        noted, self._noted = self._noted, {}
        fresh: list[Sighting] = []
        for token_id, (requester, client_ip) in noted.items():
            seen = (step_ms, coarsen_address(client_ip))
            if self._written.get(token_id) != seen:
                self._written[token_id] = seen
                fresh.append(Sighting(requester.user_id, requester.device_id, *seen))
        if len(self._written) > NOTED_MAX:
            self._written.clear()
        for start in range(0, len(fresh), WRITTEN_AT_ONCE_MAX):
            await self._write(fresh[start : start + WRITTEN_AT_ONCE_MAX])

    async def _write(self, piece: list[Sighting]) -> None:
        async def store(tx: Transaction) -> None:
            await self._app.stores.devices.store_sightings(tx, piece)

        await self._app.db.write(store)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except Exception as error:
                # The database may be busy or full; the next round says the same again.
                log.warning("it was not noted when devices were last seen", cause=repr(error))


def coarsen_address(client_ip: str) -> str:
    """The network of an address, enough for its owner to recognise a stranger; empty when it is no address."""
    try:
        address = ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return str(address)
    bits = IPV4_BITS if address.version == 4 else IPV6_BITS
    return str(ipaddress.ip_network((address, bits), strict=False).network_address)
