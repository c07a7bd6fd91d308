"""Resolving server names (server-server API, "Server discovery"): well-known documents, SRV records, and what is remembered of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from zajil.core.server_discovery import (
    SRV_SERVICES,
    WELL_KNOWN_FAILURE_S,
    WELL_KNOWN_FAILURE_S_MAX,
    Target,
    compute_well_known_s,
    find_default_target,
    find_direct_target,
    find_srv_target,
    order_srv,
    parse_well_known,
)
from zajil.ports.clock import Clock
from zajil.ports.randomness import Randomness

if TYPE_CHECKING:
    import aiodns

NAMES_REMEMBERED_MAX: Final = 10_000
TARGETS_MAX: Final = 8
SRV_S: Final = 300.0
DNS_TIMEOUT_S: Final = 5.0

SrvRecord = tuple[int, int, str, int]
"""(priority, weight, target, port)."""
FetchWellKnown = Callable[[str], Awaitable[tuple[Any, dict[str, str]] | None]]
"""The JSON document of a host and the headers that came with it; None if there is none. Raises OSError when the host cannot be asked."""


class SrvLookup(Protocol):
    """Asks DNS."""

    async def query(self, name: str) -> list[SrvRecord]:
        """The records of a name; none if there are none. Raises OSError when DNS does not answer."""


class DnsLookup:
    """SRV records over c-ares."""

    def __init__(self) -> None:
        self._resolver: aiodns.DNSResolver | None = None

    async def query(self, name: str) -> list[SrvRecord]:
        import aiodns
        import pycares

        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(timeout=DNS_TIMEOUT_S, tries=2)
        try:
            answer = await self._resolver.query_dns(name, "SRV")
        except aiodns.error.DNSError as error:
            if error.args and error.args[0] in (aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA):
                return []
            raise OSError(f"no answer from DNS about {name}") from error
        records = [each.data for each in answer.answer if isinstance(each.data, pycares.SRVRecordData)]
        return [(record.priority, record.weight, record.target, record.port) for record in records]


class ServerResolver:
    """Places where a server may be reached, best first."""

    def __init__(self, fetch: FetchWellKnown, srv: SrvLookup, clock: Clock, randomness: Randomness) -> None:
        self._fetch = fetch
        self._srv = srv
        self._clock = clock
        self._randomness = randomness
        self._well_known: OrderedDict[str, tuple[str | None, float, float]] = OrderedDict()
        """(delegated name or None, known until, pause after the last failure)."""
        self._srv_targets: OrderedDict[str, tuple[list[Target], float]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[str | None]] = {}

    async def find_targets(self, server_name: str) -> Sequence[Target]:
        """Raises OSError when DNS does not answer, ValueError for what is no server name."""
        direct = find_direct_target(server_name)
        if direct is not None:
            return [direct]
        delegated = await self._find_delegated(server_name)
        if delegated is not None:
            direct = find_direct_target(delegated)
            if direct is not None:
                return [direct]
        return await self._find_srv_targets(delegated or server_name)

    def forget(self, server_name: str) -> None:
        """Nobody was found there: ask again next time, but for what was promised to be remembered."""
        delegated = self._well_known.get(server_name, (None, 0.0, 0.0))[0]
        self._srv_targets.pop(delegated or server_name, None)

    async def _find_delegated(self, host: str) -> str | None:
        known = self._well_known.get(host)
        if known is not None and known[1] > self._clock.monotonic_s():
            self._well_known.move_to_end(host)
            return known[0]
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.create_task(self._ask_well_known(host))
            task.add_done_callback(lambda _: self._asking.pop(host, None))
        return await asyncio.shield(task)

    async def _ask_well_known(self, host: str) -> str | None:
        former = self._well_known.get(host)
        now_s = self._clock.monotonic_s()
        try:
            answer = await self._fetch(host)
        except OSError:
            # The host does not answer; what it said before is better than nothing.
            return self._remember_failure(host, former, now_s)
        delegated = None if answer is None else parse_well_known(answer[0])
        if delegated is None or answer is None:
            return self._remember_failure(host, None, now_s, pause_s=former[2] if former else 0.0)
        self._remember(host, delegated, now_s + compute_well_known_s(answer[1], self._clock.now_ms()), 0.0)
        return delegated

    def _remember_failure(
        self, host: str, former: tuple[str | None, float, float] | None, now_s: float, pause_s: float = 0.0
    ) -> str | None:
        name = None if former is None else former[0]
        pause_s = former[2] if former is not None else pause_s
        pause_s = min(max(pause_s * 2, WELL_KNOWN_FAILURE_S), WELL_KNOWN_FAILURE_S_MAX)
        self._remember(host, name, now_s + pause_s, pause_s)
        return name

    def _remember(self, host: str, delegated: str | None, until_s: float, pause_s: float) -> None:
        self._well_known[host] = (delegated, until_s, pause_s)
        self._well_known.move_to_end(host)
        if len(self._well_known) > NAMES_REMEMBERED_MAX:
            self._well_known.popitem(last=False)

    async def _find_srv_targets(self, name: str) -> list[Target]:
        known = self._srv_targets.get(name)
        now_s = self._clock.monotonic_s()
        if known is not None and known[1] > now_s:
            return known[0]
        targets = await self._ask_srv(name) or [find_default_target(name)]
        self._srv_targets[name] = (targets, now_s + SRV_S)
        self._srv_targets.move_to_end(name)
        if len(self._srv_targets) > NAMES_REMEMBERED_MAX:
            self._srv_targets.popitem(last=False)
        return targets

    async def _ask_srv(self, name: str) -> list[Target]:
        for service in SRV_SERVICES:
            records = (await self._srv.query(f"{service}.{name}"))[:TARGETS_MAX]
            draws = [self._randomness.below(1 << 20) for _ in records]
            found = order_srv(records, draws)
            if found:
                return [find_srv_target(name, host, port) for host, port in found if 0 < port < 65_536]
        return []
