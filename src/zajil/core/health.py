"""What is wrong with a server, judged from one sample of measurements. Pure: the same sample always gets the same verdict.

A `Sample` is what was seen from outside (a canary that sends itself messages) and from inside at one moment; None is "not known". `judge` says for
each cause whether it holds. Thresholds are pairs: one at which a cause begins to hold, a milder one at which it ceases to (hysteresis in value;
hysteresis in time is `core.incident_tracking`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How well something works, in three words."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    OUTAGE = "outage"


RANKS: Final[Mapping[State, int]] = {State.OPERATIONAL: 0, State.DEGRADED: 1, State.OUTAGE: 2}


def worst(states: "list[State]") -> State:
    """The worst of them; operational when there is none."""
    return max(states, key=RANKS.__getitem__, default=State.OPERATIONAL)


class Component(StrEnum):
    """What users notice separately."""

    MESSAGING = "messaging"
    SIGN_IN = "sign_in"
    MEDIA = "media"
    NOTIFICATIONS = "notifications"
    SERVER = "server"


class Probe(StrEnum):
    """How the canary's last round ended."""

    DELIVERED = "delivered"
    NO_ACCOUNT = "no_account"  # it could not log in
    UNREACHABLE = "unreachable"  # no connection, or no answer in time
    REFUSED = "refused"  # an answer that is none: 500, 503
    SHED = "shed"  # asked to come back later, for the sake of others
    LOST = "lost"  # accepted, but not seen in /sync


@dataclass(frozen=True, slots=True)
class Sample:
    """Measurements of one moment. None where nothing is known, as for all of the inside while no worker runs."""

    worker_is_up: bool | None = None
    worker_silent_s: float | None = None  # since it last said anything
    worker_deaths: int = 0  # unplanned ones within `DEATHS_WINDOW_S`
    is_stopped: bool = False  # the operator stopped the server
    probe: Probe | None = None
    probe_failures: int = 0  # rounds in a row that ended like `probe`
    send_ms: float | None = None
    delivery_ms: float | None = None
    loop_lag_ms: float | None = None  # the longest of the last second
    queue_wait_ms: float | None = None  # of the write that waited longest
    edge_wait_ms: float | None = None  # of the request that waits longest to begin
    commit_ms: float | None = None  # the slowest tenth of the last seconds
    requests: int | None = None  # answered within the last ten seconds
    errors: int | None = None  # of them with a status of 500 and above, 503 excepted
    shed: int | None = None  # of them with 429 or 503
    database_answers: bool | None = None
    disk_is_full: bool | None = None  # a write was refused for want of space
    disk_free: int | None = None  # bytes
    disk_reserve: int = 0
    disk_is_read_only: bool | None = None
    media_answers: bool | None = None
    pushers_tried: int | None = None  # different ones lately
    pushers_failing: int | None = None
    memory_free_share: float | None = None
    files_share: float | None = None  # of the open files it may have
    clock_step_s: float = 0.0  # how far the wall clock jumped lately


class Cause(StrEnum):
    """Why something does not work. The order is that of explanation: the further up, the nearer to the root."""

    STOPPED = "stopped"
    DISK_FULL = "disk_full"
    DISK_READ_ONLY = "disk_read_only"
    DATABASE_UNREACHABLE = "database_unreachable"
    FILES_EXHAUSTED = "files_exhausted"
    MEMORY_PRESSURE = "memory_pressure"
    WORKER_RESTARTS = "worker_restarts"
    WORKER_DOWN = "worker_down"
    LOOP_BLOCKED = "loop_blocked"
    SLOW_COMMITS = "slow_commits"
    MEDIA_UNREACHABLE = "media_unreachable"
    PUSH_FAILING = "push_failing"
    CLOCK_JUMP = "clock_jump"
    DISK_LOW = "disk_low"
    OVERLOADED = "overloaded"
    ERRORS = "errors"
    UNREACHABLE = "unreachable"
    SENDING_FAILS = "sending_fails"
    SLOW_DELIVERY = "slow_delivery"
    CANARY_LOGIN = "canary_login"
    OPERATOR = "operator"  # an incident that a person opened


DEATHS_WINDOW_S: Final = 30.0
DEATHS_MAX: Final = 3
SILENT_S_MAX: Final = 2.5
LOOP_LAG_MS: Final = (500.0, 250.0)
COMMIT_MS: Final = (250.0, 120.0)
QUEUE_WAIT_MS: Final = (1500.0, 500.0)
EDGE_WAIT_MS: Final = (1500.0, 500.0)
SEND_MS: Final = (2000.0, 1000.0)
DELIVERY_MS: Final = (4000.0, 2000.0)
ERRORS_MIN: Final = 5
ERRORS_SHARE: Final = (0.05, 0.02)
SHED_MIN: Final = 20
SHED_SHARE: Final = (0.2, 0.1)
DISK_FULL_BYTES: Final = 64 * 1024 * 1024
PUSHERS_MIN: Final = 3
PUSHERS_SHARE: Final = (0.5, 0.25)
MEMORY_FREE_SHARE: Final = (0.04, 0.06)
FILES_SHARE: Final = (0.92, 0.85)
CLOCK_STEP_S: Final = 2.0
FAILURES_CONFIRMED: Final = 2
"""Rounds of the canary that must fail in a row; after the first it tries again at once."""


@dataclass(frozen=True, slots=True)
class Nature:
    """What a cause means, and how long it must hold, or be gone, before anybody is told."""

    state: State  # of the whole service
    components: tuple[Component, ...]
    component_state: State
    opens_after_s: float
    closes_after_s: float = 15.0
    explains: frozenset[Cause] = field(default=frozenset())


_MESSAGES = frozenset({Cause.SENDING_FAILS, Cause.UNREACHABLE, Cause.SLOW_DELIVERY})
_SLOW = _MESSAGES | {Cause.OVERLOADED, Cause.CANARY_LOGIN}
_WRITES = _SLOW | {Cause.ERRORS, Cause.SLOW_COMMITS, Cause.LOOP_BLOCKED}
_PROCESS = frozenset({Cause.WORKER_DOWN, Cause.WORKER_RESTARTS})
_DISK = frozenset({Cause.DISK_LOW, Cause.DISK_FULL, Cause.DISK_READ_ONLY})
_ALL = frozenset(Cause) - {Cause.STOPPED, Cause.OPERATOR, Cause.CLOCK_JUMP} - _DISK
_CORE = (Component.MESSAGING, Component.SIGN_IN, Component.MEDIA)
_UP, _SO_SO, _DOWN = State.OPERATIONAL, State.DEGRADED, State.OUTAGE

NATURES: Final[Mapping[Cause, Nature]] = {
    Cause.STOPPED: Nature(_DOWN, tuple(Component), _DOWN, 0.0, 3.0, _ALL),
    Cause.DISK_FULL: Nature(
        _DOWN, (Component.MESSAGING, Component.MEDIA), _DOWN, 2.0, 15.0, _WRITES | {Cause.DISK_LOW}
    ),
    Cause.DISK_READ_ONLY: Nature(
        _DOWN, (Component.MESSAGING, Component.MEDIA), _DOWN, 2.0, 15.0, _WRITES | {Cause.DATABASE_UNREACHABLE}
    ),
    Cause.DATABASE_UNREACHABLE: Nature(_DOWN, _CORE, _DOWN, 3.0, 15.0, _WRITES | _PROCESS | {Cause.PUSH_FAILING}),
    Cause.FILES_EXHAUSTED: Nature(
        _SO_SO, (Component.SERVER,), _SO_SO, 3.0, 15.0, _WRITES | {Cause.MEDIA_UNREACHABLE, Cause.PUSH_FAILING}
    ),
    Cause.MEMORY_PRESSURE: Nature(_SO_SO, (Component.SERVER,), _SO_SO, 5.0, 15.0, _WRITES | _PROCESS),
    Cause.WORKER_RESTARTS: Nature(
        _SO_SO, (Component.MESSAGING, Component.SERVER), _SO_SO, 0.0, 12.0, _WRITES | {Cause.WORKER_DOWN}
    ),
    Cause.WORKER_DOWN: Nature(_DOWN, _CORE, _DOWN, 5.0, 12.0, _WRITES),
    Cause.LOOP_BLOCKED: Nature(_SO_SO, _CORE, _SO_SO, 3.0, 15.0, _SLOW | {Cause.SLOW_COMMITS, Cause.ERRORS}),
    Cause.SLOW_COMMITS: Nature(_SO_SO, (Component.MESSAGING,), _SO_SO, 5.0, 15.0, _SLOW),
    Cause.CANARY_LOGIN: Nature(_SO_SO, (Component.SIGN_IN,), _DOWN, 0.0, 10.0),
    Cause.MEDIA_UNREACHABLE: Nature(_SO_SO, (Component.MEDIA,), _DOWN, 5.0, 15.0, frozenset({Cause.ERRORS})),
    Cause.PUSH_FAILING: Nature(_SO_SO, (Component.NOTIFICATIONS,), _SO_SO, 3.0, 15.0),
    Cause.CLOCK_JUMP: Nature(_SO_SO, (Component.SERVER,), _SO_SO, 0.0, 15.0),
    Cause.DISK_LOW: Nature(_SO_SO, (Component.SERVER,), _SO_SO, 3.0, 15.0),
    Cause.OVERLOADED: Nature(_SO_SO, (Component.MESSAGING,), _SO_SO, 6.0, 15.0, _MESSAGES),
    Cause.ERRORS: Nature(_SO_SO, (Component.SERVER,), _SO_SO, 4.0, 15.0, _MESSAGES),
    Cause.SENDING_FAILS: Nature(_DOWN, (Component.MESSAGING,), _DOWN, 0.0, 10.0, frozenset({Cause.SLOW_DELIVERY})),
    Cause.UNREACHABLE: Nature(
        _DOWN, _CORE, _DOWN, 0.0, 10.0, frozenset({Cause.SENDING_FAILS, Cause.SLOW_DELIVERY, Cause.CANARY_LOGIN})
    ),
    Cause.SLOW_DELIVERY: Nature(_SO_SO, (Component.MESSAGING,), _SO_SO, 0.0, 15.0),
}


def judge(sample: Sample, holding: "frozenset[Cause] | set[Cause]") -> dict[Cause, bool]:
    """For each cause of which the sample says anything, whether it holds; `holding` are those that did before."""
    verdicts: dict[Cause, bool] = {}
    for cause, rule in _RULES.items():
        verdict = rule(sample, cause in holding)
        if verdict is not None:
            verdicts[cause] = verdict
    return verdicts


Rule = Callable[[Sample, bool], bool | None]


def _above(value: float | None, threshold: tuple[float, float], held: bool) -> bool | None:
    return None if value is None else value > threshold[1 if held else 0]


def _below(value: float | None, threshold: tuple[float, float], held: bool) -> bool | None:
    return None if value is None else value < threshold[1 if held else 0]


def _share(part: int | None, whole: int | None, least: int, threshold: tuple[float, float], held: bool) -> bool | None:
    if part is None or whole is None:
        return None
    return part >= (1 if held else least) and part / max(whole, 1) > threshold[1 if held else 0]


def _either(*verdicts: bool | None) -> bool | None:
    known = [each for each in verdicts if each is not None]
    return any(known) if known else None


def _probe(*ends: Probe) -> Rule:
    """The canary's rounds end like this, again and again."""

    def rule(sample: Sample, held: bool) -> bool | None:
        if sample.probe is None:
            return None
        return sample.probe in ends and (held or sample.probe_failures >= FAILURES_CONFIRMED)

    return rule


def _is_loop_blocked(sample: Sample, held: bool) -> bool | None:
    silent = None if sample.worker_silent_s is None else sample.worker_silent_s > SILENT_S_MAX
    return _either(silent, _above(sample.loop_lag_ms, LOOP_LAG_MS, held))


def _is_slow(sample: Sample, held: bool) -> bool | None:
    if sample.probe is not Probe.DELIVERED:
        return None
    slow = _either(_above(sample.send_ms, SEND_MS, held), _above(sample.delivery_ms, DELIVERY_MS, held))
    return slow and (held or sample.probe_failures >= FAILURES_CONFIRMED)


def _is_disk_low(sample: Sample, held: bool) -> bool | None:
    if sample.disk_free is None:
        return None
    return sample.disk_free < sample.disk_reserve * (1.1 if held else 1.0)


def _is_disk_full(sample: Sample, held: bool) -> bool | None:
    least = min(DISK_FULL_BYTES, sample.disk_reserve) * (1.1 if held else 1.0)
    return _either(sample.disk_is_full, None if sample.disk_free is None else sample.disk_free < least)


def _is_disk_read_only(sample: Sample, _: bool) -> bool | None:
    """Whether the database's disk is; for as long as messages can be stored it is no news."""
    if sample.disk_is_read_only is None or sample.database_answers is None:
        return None
    return sample.disk_is_read_only and not sample.database_answers


_RULES: Final[Mapping[Cause, Rule]] = {
    Cause.STOPPED: lambda sample, _: sample.is_stopped,
    Cause.DISK_FULL: _is_disk_full,
    Cause.DISK_READ_ONLY: _is_disk_read_only,
    Cause.DATABASE_UNREACHABLE: lambda sample, _: (
        None if sample.database_answers is None else not sample.database_answers
    ),
    Cause.FILES_EXHAUSTED: lambda sample, held: _above(sample.files_share, FILES_SHARE, held),
    Cause.MEMORY_PRESSURE: lambda sample, held: _below(sample.memory_free_share, MEMORY_FREE_SHARE, held),
    Cause.WORKER_RESTARTS: lambda sample, held: sample.worker_deaths >= (1 if held else DEATHS_MAX),
    Cause.WORKER_DOWN: lambda sample, _: None if sample.worker_is_up is None else not sample.worker_is_up,
    Cause.LOOP_BLOCKED: _is_loop_blocked,
    Cause.SLOW_COMMITS: lambda sample, held: _above(sample.commit_ms, COMMIT_MS, held),
    Cause.CANARY_LOGIN: _probe(Probe.NO_ACCOUNT),
    Cause.MEDIA_UNREACHABLE: lambda sample, _: None if sample.media_answers is None else not sample.media_answers,
    Cause.PUSH_FAILING: lambda sample, held: _share(
        sample.pushers_failing, sample.pushers_tried, PUSHERS_MIN, PUSHERS_SHARE, held
    ),
    Cause.CLOCK_JUMP: lambda sample, _: abs(sample.clock_step_s) > CLOCK_STEP_S,
    Cause.DISK_LOW: _is_disk_low,
    Cause.OVERLOADED: lambda sample, held: _either(
        _share(sample.shed, sample.requests, SHED_MIN, SHED_SHARE, held),
        _above(sample.queue_wait_ms, QUEUE_WAIT_MS, held),
        _above(sample.edge_wait_ms, EDGE_WAIT_MS, held),
        _probe(Probe.SHED)(sample, held),
    ),
    Cause.ERRORS: lambda sample, held: _share(sample.errors, sample.requests, ERRORS_MIN, ERRORS_SHARE, held),
    Cause.SENDING_FAILS: _probe(Probe.REFUSED, Probe.LOST),
    Cause.UNREACHABLE: _probe(Probe.UNREACHABLE),
    Cause.SLOW_DELIVERY: _is_slow,
}
