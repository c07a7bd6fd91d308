"""A server that is only numbers, on a clock that is only a number: what the watcher would have seen, second by second."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from zajil.core.health import Cause, Probe, Sample
from zajil.core.incident_tracking import IncidentTracker
from zajil.core.incidents import Incident

ROUND_S = 10
AGAIN_S = 1
ROUND_S_MAX = 4  # 3.5, in whole seconds
GIB = 1024**3
START_MS = 1_790_000_000_000

HEALTHY = Sample(
    worker_is_up=True,
    worker_silent_s=0.5,
    probe=Probe.DELIVERED,
    send_ms=3.0,
    delivery_ms=6.0,
    loop_lag_ms=2.0,
    queue_wait_ms=1.0,
    edge_wait_ms=0.0,
    commit_ms=2.0,
    requests=2000,
    errors=0,
    shed=0,
    database_answers=True,
    disk_is_full=False,
    disk_free=100 * GIB,
    disk_reserve=GIB // 2,
    disk_is_read_only=False,
    media_answers=True,
    pushers_tried=50,
    pushers_failing=0,
    memory_free_share=0.4,
    files_share=0.1,
)

Change = Callable[[Sample], Sample]


@dataclass
class SimulatedServer:
    """Steps a tracker through seconds; `change` is what is wrong now."""

    seed: int = 0
    tracker: IncidentTracker = field(init=False)
    second: int = 0
    change: Change = field(default=lambda sample: sample)
    seen: dict[str, Incident] = field(default_factory=dict)
    ids: int = 0
    probe: Sample = HEALTHY
    next_round: int = 0
    running: Sample | None = None
    ends_at: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.tracker = IncidentTracker("node", self.build_id)

    def build_id(self) -> str:
        self.ids += 1
        return f"incident-{self.ids}"

    def run(self, seconds: int, noise: Change = lambda sample: sample) -> list[Incident]:
        """The incidents that changed meanwhile, as they were after the change."""
        changes = []
        for _ in range(seconds):
            self.second += 1
            sample = noise(self.change(HEALTHY))
            if self.second >= self.next_round:
                self.begin_round(sample)
            if self.running is not None and self.second >= self.ends_at:
                self.finish_round(self.running)
            sample = replace(
                sample,
                probe=self.probe.probe,
                probe_failures=self.probe.probe_failures,
                send_ms=self.probe.send_ms,
                delivery_ms=self.probe.delivery_ms,
            )
            for incident in self.tracker.step(self.second, START_MS + self.second * 1000, sample):
                self.seen[incident.incident_id] = incident
                changes.append(incident)
        return changes

    def begin_round(self, sample: Sample) -> None:
        takes_s = ROUND_S_MAX if sample.probe in (Probe.UNREACHABLE, Probe.LOST) else 0
        self.running, self.ends_at, self.next_round = sample, self.second + takes_s, 10**9

    def finish_round(self, sample: Sample) -> None:
        """The canary looks every ten seconds, and again at once after a failure."""
        self.running = None
        is_bad = sample.probe is not Probe.DELIVERED or (sample.delivery_ms or 0) > 4000 or (sample.send_ms or 0) > 2000
        goes_on = is_bad and sample.probe is self.probe.probe
        failures = 0 if not is_bad else self.probe.probe_failures + 1 if goes_on else 1
        self.probe = replace(sample, probe_failures=failures)
        self.next_round = self.second + (AGAIN_S if is_bad else ROUND_S)

    @property
    def open_causes(self) -> list[Cause]:
        return sorted(self.tracker.open)


INSIDE = """loop_lag_ms queue_wait_ms edge_wait_ms commit_ms requests errors shed database_answers media_answers pushers_tried
pushers_failing disk_is_full"""
DEAD: dict[str, object] = dict.fromkeys(INSIDE.split())
"""What is not known while no worker runs."""


def build_fault(**changed: object) -> Change:
    return lambda sample: replace(sample, **changed)  # type: ignore[arg-type]


FAULTS: dict[str, tuple[Cause, Change]] = {
    "slow fsync": (
        Cause.SLOW_COMMITS,
        build_fault(commit_ms=900.0, queue_wait_ms=900.0, send_ms=2100.0, delivery_ms=2200.0),
    ),
    "database unreachable": (
        Cause.DATABASE_UNREACHABLE,
        build_fault(database_answers=False, errors=900, requests=1000, probe=Probe.REFUSED, commit_ms=None),
    ),
    "disk full": (
        Cause.DISK_FULL,
        build_fault(disk_is_full=True, disk_free=0, errors=300, requests=900, probe=Probe.REFUSED),
    ),
    "disk read-only": (
        Cause.DISK_READ_ONLY,
        build_fault(disk_is_read_only=True, database_answers=False, errors=300, requests=900, probe=Probe.REFUSED),
    ),
    "disk low": (Cause.DISK_LOW, build_fault(disk_free=GIB // 3)),
    "media store down": (Cause.MEDIA_UNREACHABLE, build_fault(media_answers=False, errors=80, requests=900)),
    "event loop blocked": (
        Cause.LOOP_BLOCKED,
        build_fault(loop_lag_ms=3000.0, worker_silent_s=3.5, probe=Probe.UNREACHABLE, queue_wait_ms=3000.0),
    ),
    "error burst": (Cause.ERRORS, build_fault(errors=300, requests=2000)),
    "canary cannot log in": (Cause.CANARY_LOGIN, build_fault(probe=Probe.NO_ACCOUNT)),
    "push gateway down": (Cause.PUSH_FAILING, build_fault(pushers_failing=45)),
    "clock jump": (Cause.CLOCK_JUMP, build_fault(clock_step_s=-3600.0)),
    "file descriptors": (
        Cause.FILES_EXHAUSTED,
        build_fault(files_share=1.0, probe=Probe.UNREACHABLE, errors=200, requests=900, media_answers=False),
    ),
    "memory pressure": (Cause.MEMORY_PRESSURE, build_fault(memory_free_share=0.01, loop_lag_ms=700.0)),
    "worker killed repeatedly": (
        Cause.WORKER_RESTARTS,
        build_fault(worker_deaths=4, worker_is_up=False, worker_silent_s=None, probe=Probe.UNREACHABLE, **DEAD),
    ),
    "worker gone": (
        Cause.WORKER_DOWN,
        build_fault(worker_is_up=False, worker_silent_s=None, probe=Probe.UNREACHABLE, **DEAD),
    ),
    "flood": (Cause.OVERLOADED, build_fault(requests=9000, shed=6000, queue_wait_ms=400.0)),
    "more than is taken, and all of it waits": (Cause.OVERLOADED, build_fault(edge_wait_ms=7000.0)),
    "no way in": (Cause.UNREACHABLE, build_fault(probe=Probe.UNREACHABLE)),
    "messages lost": (Cause.SENDING_FAILS, build_fault(probe=Probe.LOST)),
    "slow delivery": (Cause.SLOW_DELIVERY, build_fault(delivery_ms=6000.0)),
    "stopped": (Cause.STOPPED, build_fault(is_stopped=True, worker_is_up=False, probe=Probe.UNREACHABLE, **DEAD)),
}
