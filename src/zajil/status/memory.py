"""What the watcher must not forget when it is replaced: a file in the data folder, because the database may be what is broken."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from zajil.core.incidents import Incident, dump_incident, load_incident, merge_incidents
from zajil.core.status_history import DAY_MS, DAYS_KEPT, History, dump_cell, load_cell

FILE: Final = "memory.json"
INCIDENTS_MAX: Final = 200
ANNOUNCED_MAX: Final = 2000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Memory:
    """Incidents of all machines, the history of this one, and what it has announced."""

    node: str
    incidents: dict[str, Incident] = field(default_factory=dict)
    history: History = field(default_factory=History)
    announced: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    """Incidents that were over before they meant anything."""
    is_new: bool = True

    def put(self, incidents: Iterable[Incident]) -> list[Incident]:
        """Take in incidents, or what is new of them; returns those that are not as they were."""
        changed = []
        for each in incidents:
            known = self.incidents.get(each.incident_id)
            merged = each if known is None else merge_incidents(each, known)
            if merged != known and each.incident_id not in self.dropped:
                self.incidents[each.incident_id] = merged
                changed.append(merged)
        return changed

    def drop(self, incident: Incident) -> None:
        self.incidents.pop(incident.incident_id, None)
        self.dropped = [*self.dropped[-INCIDENTS_MAX:], incident.incident_id]

    def forget_old(self, now_ms: int) -> None:
        """Keep ninety days, and of very many incidents the newest."""
        kept = [
            each for each in self.incidents.values() if each.is_open or each.changed_ts_ms > now_ms - DAYS_KEPT * DAY_MS
        ]
        kept.sort(key=lambda each: (each.is_open, each.changed_ts_ms))
        self.incidents = {each.incident_id: each for each in kept[-INCIDENTS_MAX:]}
        self.announced = self.announced[-ANNOUNCED_MAX:]

    def note_announced(self, change: str) -> bool:
        """Whether this is the first time."""
        if change in self.announced:
            return False
        self.announced.append(change)
        return True


def dump_memory(memory: Memory) -> bytes:
    """What `load_memory` reads back."""
    return orjson.dumps(
        {
            "node": memory.node,
            "incidents": [dump_incident(each) for each in memory.incidents.values()],
            "minutes": [dump_cell(each) for each in memory.history.minutes.values()],
            "hours": [dump_cell(each) for each in memory.history.hours.values()],
            "announced": memory.announced,
            "dropped": memory.dropped,
        }
    )


def load_memory(folder: Path, new_node: str) -> Memory:
    """What the last watcher knew. A file that cannot be read is as none: the database has most of it too."""
    try:
        value = orjson.loads((folder / FILE).read_bytes())
        return Memory(
            value["node"],
            {each["id"]: load_incident(each) for each in value["incidents"]},
            load_history(value),
            list(value["announced"]),
            list(value["dropped"]),
            is_new=False,
        )
    except FileNotFoundError:
        return Memory(new_node)
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the memory of the status cannot be read and begins anew", cause=repr(error))
        return Memory(new_node)


def load_history(value: Mapping[str, Any]) -> History:
    """From `minutes` and `hours` as they were dumped."""
    return History([load_cell(each) for each in value["minutes"]], [load_cell(each) for each in value["hours"]])


def store_memory(folder: Path, content: bytes) -> None:
    """Replace the file as a whole. On a full disk the former one stays."""
    partial = folder / (FILE + ".new")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / FILE)
    except OSError as error:
        log.warning("the memory of the status was not written", cause=str(error))
        with contextlib.suppress(OSError):
            partial.unlink()
