"""How often one account, or one address, may do a thing: token buckets in the form of GCRA, one number per bucket."""

import ipaddress
from dataclasses import dataclass
from typing import Final

from zajil.ports.clock import Clock
from zajil.services.admission.new_rooms import describe_s
from zajil.services.errors import limit_exceeded
from zajil.services.requester import Requester

BUCKETS_MAX: Final = 100_000
IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` at once, then one every `interval_s`."""

    interval_s: float
    burst: int


LIMITS: Final[dict[str, Limit]] = {
    "default": Limit(0.05, 100),
    "register": Limit(2, 100),  # a school behind one address must be able to sign up
    "register_available": Limit(1, 100),
    "login": Limit(1, 100),
    "failed_login": Limit(20, 10),  # of one account from one address
    "failed_login_anywhere": Limit(60, 100),  # of one account, so that guessing from many addresses ends too
    "refresh": Limit(2, 30),
    "password": Limit(10, 10),
    "send": Limit(0.1, 100),
    "sync": Limit(0.05, 200),
    "keys": Limit(0.1, 200),
    "media": Limit(0.2, 100),
    "media_download": Limit(0.02, 1000),  # a large room shows hundreds of avatars at once
    "search": Limit(0.5, 30),
    "directory": Limit(0.5, 30),
    "join": Limit(1, 30),
    "invite": Limit(2, 50),
    "create_room": Limit(5, 20),
    "report": Limit(20, 20),
    "profile": Limit(2, 30),
    "presence": Limit(0.5, 50),
    "receipt": Limit(0.1, 200),
    "push_gateway": Limit(0.02, 1000),  # per homeserver
    "typing": Limit(0.2, 50),
    "account_data": Limit(0.2, 200),
    "preview": Limit(1, 50),
    "server_keys": Limit(0.2, 100),  # of servers nobody here has heard of, whom we must ask
}
"""By the name that routes give in `limit`. Generous for people, tight for scripts."""


NAMES: Final[dict[str, str]] = {
    "register": "new accounts from your network",
    "login": "log-ins from your network",
    "failed_login": "wrong passwords",
    "failed_login_anywhere": "wrong passwords",
    "password": "attempts with a password",
    "send": "messages",
    "media": "uploads",
    "search": "searches",
    "join": "rooms joined",
    "invite": "invitations",
    "create_room": "new rooms",
    "report": "reports",
    "typing": "typing notices",
    "presence": "changes of presence",
    "receipt": "receipts",
}
"""What those who are refused are told there was too much of."""


class RateLimits:
    """The buckets of this process. A bucket is the time at which it will be full again; full ones need no memory."""

    def __init__(self, clock: Clock, *, is_on: bool) -> None:
        self._clock = clock
        self.is_on = is_on
        self._buckets: dict[tuple[str, str], float] = {}

    def check(self, name: str, requester: Requester | None, client_ip: str) -> None:
        """Count one request. Raises 429 M_LIMIT_EXCEEDED with the time to wait."""
        if self.is_on:
            self.check_key(name, requester.user_id if requester is not None else network_of(client_ip))

    def check_key(self, name: str, key: str, *, counts: bool = True) -> None:
        """Count one use of `key` (or only look, with `counts=False`). Raises 429 M_LIMIT_EXCEEDED."""
        if not self.is_on:
            return
        limit = LIMITS[name]
        now_s = self._clock.monotonic_s()
        full_s = max(self._buckets.get((name, key), now_s), now_s)
        wait_s = full_s + limit.interval_s - now_s - limit.interval_s * limit.burst
        if wait_s > 1e-9:
            told = NAMES.get(name, "requests of this kind")
            raise limit_exceeded(
                max(1, round(wait_s * 1000)),
                f"Too many {told}: {limit.burst} at once, then one every {limit.interval_s:g} s. Try again in {describe_s(wait_s)}.",
            )
        if counts:
            if len(self._buckets) >= BUCKETS_MAX:
                self._drop_full(now_s)
            self._buckets[(name, key)] = full_s + limit.interval_s

    def _drop_full(self, now_s: float) -> None:
        self._buckets = {key: full_s for key, full_s in self._buckets.items() if full_s > now_s}
        # A flood from more addresses than we can count: the buckets nearest to full lose least.
        if len(self._buckets) >= BUCKETS_MAX:
            newest = sorted(self._buckets.items(), key=lambda entry: entry[1])[BUCKETS_MAX // 2 :]
            self._buckets = dict(newest)


def network_of(client_ip: str) -> str:
    """What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits."""
    if ":" not in client_ip:
        return client_ip
    try:
        address = ipaddress.IPv6Address(client_ip.partition("%")[0])
    except ValueError:
        return client_ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_NETWORK_BITS), strict=False))
