"""Opens, updates and closes incidents by itself, from samples that come in one after the other. Pure: time is a parameter.

A cause opens an incident when it has held for a while, and closes it when it has been gone for a while. A cause that another one explains (an
unreachable database explains errors) never opens an incident of its own; if it did so before the other was known, that incident is renamed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from zajil.core.health import NATURES, Cause, Nature, Sample, judge
from zajil.core.incidents import Entry, Incident, Kind, close, identify, open_incident, reopen

REOPENS_WITHIN_MS: Final = 300_000
"""What comes back so soon is the same incident."""
CLOSES_LATER_FACTOR_MAX: Final = 3.0
UPDATE_INTERVAL_S: Final = 1800.0
HOLDS_TOGETHER_S: Final = 12.0
"""What one cause explained is still explained so long after it is gone: errors are counted over ten seconds."""


@dataclass(slots=True)
class _Watch:
    """One cause over time, in seconds of the monotonic clock."""

    holds: bool = False
    since_s: float = 0.0  # of the last change of `holds`
    held_s: float | None = None  # when it last held


class IncidentTracker:
    """The incidents of one node that the server notices itself."""

    def __init__(
        self, node: str, build_id: Callable[[], str], *, pace: float = 1.0, past: Iterable[Incident] = ()
    ) -> None:
        """`pace` shortens all waiting times (for tests); `past` is what the last process knew."""
        self._node = node
        self._build_id = build_id
        self._pace = pace
        self._watches = {cause: _Watch() for cause in NATURES}
        self._updated_s: dict[Cause, float] = {}
        self.open: dict[Cause, Incident] = {}
        self._recent: dict[Cause, Incident] = {}
        self._returns: dict[Cause, int] = {}
        for incident in past:
            if incident.node == node and not incident.is_operators:
                (self.open if incident.is_open else self._recent)[incident.cause] = incident
        for cause in self.open:
            self._watches[cause].holds = True

    def take(self, incident: Incident) -> None:
        """Go on with what a person has written on an incident of this tracker, or ended. Any other is not here to be followed."""
        cause = incident.cause
        if cause in self.open and self.open[cause].incident_id == incident.incident_id:
            del self.open[cause]
            (self.open if incident.is_open else self._recent)[cause] = incident
        elif cause in self._recent and self._recent[cause].incident_id == incident.incident_id and not incident.is_open:
            self._recent[cause] = incident

    def step(self, now_s: float, now_ms: int, sample: Sample) -> list[Incident]:
        """Take in a sample; returns the incidents that changed. `now_s` is monotonic, `now_ms` what people read."""
        holding = {cause for cause, watch in self._watches.items() if watch.holds}
        for cause, holds in judge(sample, holding).items():
            watch = self._watches[cause]
            if watch.holds != holds:
                watch.holds, watch.since_s = holds, now_s
            if holds:
                watch.held_s = now_s
        values = build_values(sample)
        changed: dict[str, Incident] = {}
        for cause, nature in NATURES.items():
            incident = self._follow(cause, nature, now_s, now_ms, values)
            if incident is not None:
                changed[incident.incident_id] = incident
        return list(changed.values())

    def _follow(
        self, cause: Cause, nature: Nature, now_s: float, now_ms: int, values: Mapping[str, float]
    ) -> Incident | None:
        watch = self._watches[cause]
        incident = self.open.get(cause)
        if incident is None:
            if not watch.holds or self._is_explained(cause, now_s):
                # Its time counts from when nothing else explains it any more.
                watch.since_s = now_s if watch.holds else watch.since_s
                return None
            if now_s - watch.since_s < nature.opens_after_s * self._pace:
                return None
            return self._begin(cause, now_s, now_ms, values)
        if not watch.holds and now_s - watch.since_s >= self._closes_after_s(cause, nature):
            return self._end(cause, incident, now_ms)
        if now_s - self._updated_s.setdefault(cause, now_s) >= UPDATE_INTERVAL_S and watch.holds:
            self._updated_s[cause] = now_s
            update = Entry(incident.after(now_ms), Kind.UPDATE, cause, values=values)
            incident = self.open[cause] = incident.add(update)
            return incident
        return None

    def _closes_after_s(self, cause: Cause, nature: Nature) -> float:
        """What came back already is believed later to be gone."""
        factor = min(CLOSES_LATER_FACTOR_MAX, 1.0 + self._returns.get(cause, 0))
        return nature.closes_after_s * factor * self._pace

    def _is_explained(self, cause: Cause, now_s: float) -> bool:
        for other, nature in NATURES.items():
            if cause not in nature.explains:
                continue
            watch = self._watches[other]
            if watch.holds or other in self.open:
                return True
            if watch.held_s is not None and now_s - watch.held_s < HOLDS_TOGETHER_S * self._pace:
                return True
        return False

    def _begin(self, cause: Cause, now_s: float, now_ms: int, values: Mapping[str, float]) -> Incident:
        self._updated_s[cause] = now_s
        symptoms = [each for each in self.open if each in NATURES[cause].explains]
        if symptoms and cause is not Cause.STOPPED:  # what was wrong before is still wrong after
            oldest = min(symptoms, key=lambda each: (self.open[each].opened_ts_ms, each))
            symptom = self.open.pop(oldest)
            incident = self.open[cause] = identify(symptom, cause, symptom.after(now_ms), values)
            return incident
        last = self._recent.pop(cause, None)
        if last is not None and last.closed_ts_ms is not None and 0 <= now_ms - last.closed_ts_ms < REOPENS_WITHIN_MS:
            self._returns[cause] = self._returns.get(cause, 0) + 1
            incident = reopen(last, last.after(now_ms), values)
        else:
            self._returns.pop(cause, None)
            incident = open_incident(self._build_id(), self._node, cause, now_ms, values)
        self.open[cause] = incident
        return incident

    def _end(self, cause: Cause, incident: Incident, now_ms: int) -> Incident:
        del self.open[cause]
        incident = close(incident, incident.after(now_ms))
        self._recent[cause] = incident
        return incident


_VALUES: Final = (
    "worker_deaths",
    "send_ms",
    "delivery_ms",
    "loop_lag_ms",
    "queue_wait_ms",
    "commit_ms",
    "errors",
    "shed",
    "disk_free",
    "pushers_failing",
    "memory_free_share",
    "files_share",
    "clock_step_s",
)


def build_values(sample: Sample) -> dict[str, float]:
    """The numbers of a sample that the words of the timeline may name."""
    values = {name: getattr(sample, name) for name in _VALUES}
    return {name: round(float(value), 3) for name, value in values.items() if value is not None}
