"""What one other server may ask of this one: so many requests and events a second, and so many requests at the same time.

Pure: times come from the caller. `services/federation/origin_budgets.py` is where requests meet it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from zajil.core.admission_gcra import Gcra

BURST_S: Final = 10
"""What a server has not used in so many seconds it may use at once."""
TRANSACTIONS_MAX: Final = 2
"""At the same time. A server sends one after the other; another may be the last one again, whose answer was lost."""
WAITING_MAX: Final = 20
WAIT_S_LEAST: Final = 0.2
MEAN_S_UNKNOWN: Final = 0.1
MEAN_WEIGHT: Final = 0.1


class Kind(StrEnum):
    """Kinds of requests of other servers."""

    TRANSACTION = "transaction"
    MEMBERSHIP = "membership"
    """Joins, leaves, knocks and invitations."""
    STATE = "state"
    HISTORY = "history"
    KEYS = "keys"
    MEDIA = "media"
    LOOK_UP = "look_up"


COSTS: Final[dict[Kind, int]] = {
    Kind.TRANSACTION: 1,
    Kind.MEMBERSHIP: 3,
    Kind.STATE: 10,
    Kind.HISTORY: 3,
    Kind.KEYS: 1,
    Kind.MEDIA: 1,
    Kind.LOOK_UP: 1,
}
"""For how many requests one of the kind counts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each server."""

    requests: Gcra
    events: Gcra
    at_once: int


def build_limits(requests_per_s: int, events_per_s: int, at_once: int) -> Limits:
    """From the numbers of the configuration."""
    return Limits(
        Gcra(1 / requests_per_s, requests_per_s * BURST_S), Gcra(1 / events_per_s, events_per_s * BURST_S), at_once
    )


@dataclass(slots=True)
class OriginBudget:
    """One server. All times are monotonic seconds."""

    requests_full_s: float = 0.0
    events_full_s: float = 0.0
    running: dict[Kind, int] = field(default_factory=dict)
    mean_s: float = MEAN_S_UNKNOWN
    """How long its requests take."""

    def find_wait_s(self, limits: Limits, kind: Kind | None, now_s: float) -> float:
        """How long the server must wait until it may make another request; 0 for not at all. None for a kind that is not known yet."""
        wait_s = limits.requests.wait_s(self.requests_full_s, now_s, 1 if kind is None else COSTS[kind])
        if kind is Kind.TRANSACTION:
            wait_s = max(wait_s, limits.events.wait_s(self.events_full_s, now_s))
        return wait_s

    def take_request(self, limits: Limits, kind: Kind, now_s: float) -> None:
        """Count a request."""
        self.requests_full_s = limits.requests.take(self.requests_full_s, now_s, COSTS[kind])

    def take_events(self, limits: Limits, count: int, now_s: float) -> None:
        """Count events. What a transaction has too many the next one waits for: it cannot be taken in by halves."""
        self.events_full_s = limits.events.take(self.events_full_s, now_s, count)

    def may_begin(self, limits: Limits, kind: Kind) -> bool:
        """Whether there is a place for another request of the kind."""
        if kind is Kind.TRANSACTION and self.running.get(kind, 0) >= TRANSACTIONS_MAX:
            return False
        return sum(self.running.values()) < limits.at_once

    def begin(self, kind: Kind) -> None:
        self.running[kind] = self.running.get(kind, 0) + 1

    def end(self, kind: Kind, took_s: float) -> None:
        self.running[kind] -= 1
        if not self.running[kind]:
            del self.running[kind]
        self.mean_s += (took_s - self.mean_s) * MEAN_WEIGHT

    def expect_s(self, limits: Limits, waiting: int) -> float:
        """When there will be room for one more behind so many that wait, as far as can be told."""
        return max(WAIT_S_LEAST, self.mean_s * (waiting + 1) / limits.at_once)

    def is_idle(self, now_s: float) -> bool:
        """There is nothing to remember of the server."""
        return not self.running and self.requests_full_s <= now_s and self.events_full_s <= now_s
