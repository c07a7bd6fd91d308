"""Incidents: what is wrong, since when, and what was said about it. Records only; who opens and closes them is `core.incident_tracking`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from zajil.core.health import NATURES, Cause, Component, State, worst

ENTRIES_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 4000


class Kind(StrEnum):
    """What an entry of the timeline tells."""

    OPENED = "opened"
    IDENTIFIED = "identified"  # the cause turned out to be another one
    UPDATE = "update"  # it still goes on
    REOPENED = "reopened"
    CLOSED = "closed"
    NOTE = "note"  # written by the operator


STATE_CHANGES: Final = (Kind.OPENED, Kind.REOPENED, Kind.CLOSED)
"""The kinds that are announced to the world, each once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. What the server says of itself is `kind` and `cause`, put into words when shown; people's words are `text`."""

    ts_ms: int
    kind: Kind
    cause: Cause
    text: Mapping[str, str] = field(default_factory=dict)  # by language
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that does not, or did not, work."""

    incident_id: str
    node: str
    cause: Cause
    state: State
    components: tuple[Component, ...]
    component_state: State
    opened_ts_ms: int
    closed_ts_ms: int | None = None
    title: Mapping[str, str] = field(default_factory=dict)  # by language, of an operator's incident
    entries: tuple[Entry, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.closed_ts_ms is None

    @property
    def is_operators(self) -> bool:
        return self.cause is Cause.OPERATOR

    @property
    def changed_ts_ms(self) -> int:
        return self.entries[-1].ts_ms if self.entries else self.opened_ts_ms

    def after(self, now_ms: int) -> int:
        """The time of its next entry: they stand in the order in which they were written, whatever the clock says."""
        return max(now_ms, self.changed_ts_ms + 1)

    def add(self, entry: Entry) -> "Incident":
        """With one more entry; in the middle of a very long timeline the oldest are left out, its beginning stays."""
        entries = (*self.entries, entry)
        if len(entries) > ENTRIES_MAX:
            entries = (entries[0], *entries[2:])
        return replace(self, entries=entries)


def open_incident(incident_id: str, node: str, cause: Cause, ts_ms: int, values: Mapping[str, float]) -> Incident:
    """An incident the server noticed itself."""
    nature = NATURES[cause]
    entry = Entry(ts_ms, Kind.OPENED, cause, values=values)
    return Incident(
        incident_id, node, cause, nature.state, nature.components, nature.component_state, ts_ms, entries=(entry,)
    )


def identify(incident: Incident, cause: Cause, ts_ms: int, values: Mapping[str, float]) -> Incident:
    """The same incident, whose cause turned out to be `cause`."""
    nature = NATURES[cause]
    return replace(
        incident,
        cause=cause,
        state=worst([incident.state, nature.state]),
        components=nature.components,
        component_state=nature.component_state,
    ).add(Entry(ts_ms, Kind.IDENTIFIED, cause, values=values))


def close(incident: Incident, ts_ms: int, text: Mapping[str, str] | None = None) -> Incident:
    entry = Entry(
        ts_ms, Kind.CLOSED, incident.cause, text=text or {}, values={"duration_s": _duration_s(incident, ts_ms)}
    )
    return replace(incident, closed_ts_ms=ts_ms).add(entry)


def reopen(incident: Incident, ts_ms: int, values: Mapping[str, float]) -> Incident:
    return replace(incident, closed_ts_ms=None).add(Entry(ts_ms, Kind.REOPENED, incident.cause, values=values))


def merge_incidents(one: Incident, other: Incident) -> Incident:
    """Two views of the same incident as one: the newer one's, with the entries of both."""
    newer, older = (one, other) if one.changed_ts_ms >= other.changed_ts_ms else (other, one)
    known = {(each.ts_ms, each.kind, each.cause, *sorted(each.text.items())) for each in newer.entries}
    missing = [
        each for each in older.entries if (each.ts_ms, each.kind, each.cause, *sorted(each.text.items())) not in known
    ]
    if not missing:
        return newer
    entries = tuple(sorted((*newer.entries, *missing), key=lambda each: each.ts_ms))
    return replace(newer, entries=(*entries[:1], *entries[1:][-(ENTRIES_MAX - 1) :]))


def _duration_s(incident: Incident, ts_ms: int) -> float:
    return max(0.0, (ts_ms - incident.opened_ts_ms) / 1000)


def overall_state(incidents: Iterable[Incident]) -> State:
    """The state of the whole service, from what is open."""
    return worst([each.state for each in incidents if each.is_open])


def component_states(incidents: Iterable[Incident]) -> dict[Component, State]:
    """The state of every component, from what is open."""
    opened = [each for each in incidents if each.is_open]
    return {
        component: worst([each.component_state for each in opened if component in each.components])
        for component in Component
    }


def dump_incident(incident: Incident) -> dict[str, Any]:
    """As JSON objects, for storing and passing on; `load_incident` reads it back."""
    return {
        "id": incident.incident_id,
        "node": incident.node,
        "cause": incident.cause,
        "state": incident.state,
        "components": list(incident.components),
        "component_state": incident.component_state,
        "opened_ts_ms": incident.opened_ts_ms,
        "closed_ts_ms": incident.closed_ts_ms,
        "title": dict(incident.title),
        "entries": [
            {
                "ts_ms": each.ts_ms,
                "kind": each.kind,
                "cause": each.cause,
                "text": dict(each.text),
                "values": dict(each.values),
            }
            for each in incident.entries
        ],
    }


def load_incident(value: Mapping[str, Any]) -> Incident:
    """From what `dump_incident` made. Raises KeyError, ValueError or TypeError for anything else."""
    return Incident(
        value["id"],
        value["node"],
        Cause(value["cause"]),
        State(value["state"]),
        tuple(Component(each) for each in value["components"]),
        State(value["component_state"]),
        value["opened_ts_ms"],
        value["closed_ts_ms"],
        value["title"],
        tuple(
            Entry(each["ts_ms"], Kind(each["kind"]), Cause(each["cause"]), each["text"], each["values"])
            for each in value["entries"]
        ),
    )
