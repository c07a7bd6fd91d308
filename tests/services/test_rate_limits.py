"""Token buckets: what they let through, what they refuse, and how much memory they take."""

import pytest

from zajil.http.client_api import load_routes
from zajil.services import rate_limits
from zajil.services.errors import MatrixError
from zajil.services.rate_limits import LIMITS, RateLimits, network_of


class SetClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic_s(self) -> float:
        return self.seconds


def test_a_burst_then_one_per_interval() -> None:
    clock = SetClock()
    limits, limit = RateLimits(clock, is_on=True), LIMITS["login"]
    for _ in range(limit.burst):
        limits.check("login", None, "192.0.2.1")
    with pytest.raises(MatrixError) as refused:
        limits.check("login", None, "192.0.2.1")
    assert refused.value.status == 429
    assert refused.value.extra == {"retry_after_ms": round(limit.interval_s * 1000)}
    limits.check("login", None, "192.0.2.2")
    clock.seconds += limit.interval_s
    limits.check("login", None, "192.0.2.1")
    with pytest.raises(MatrixError):
        limits.check("login", None, "192.0.2.1")


def test_looking_does_not_count() -> None:
    limits = RateLimits(SetClock(), is_on=True)
    for _ in range(1000):
        limits.check_key("failed_login", "@anna:localhost", counts=False)
    limits.check_key("failed_login", "@anna:localhost")


def test_off_means_off() -> None:
    limits = RateLimits(SetClock(), is_on=False)
    for _ in range(1000):
        limits.check("login", None, "192.0.2.1")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "BUCKETS_MAX", 100)
    limits = RateLimits(SetClock(), is_on=True)
    for number in range(1000):
        limits.check("login", None, f"10.0.{number // 250}.{number % 250}")
        assert len(limits._buckets) <= 100


def test_an_ipv6_subscriber_is_one() -> None:
    assert network_of("2001:db8:1:2:3::1") == network_of("2001:db8:1:2:4::9") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("unix") == "unix"


def test_every_route_names_a_limit_that_exists() -> None:
    assert {route.limit for route in load_routes() if route.limit} <= LIMITS.keys()
