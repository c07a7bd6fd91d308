"""What the status pages show, and all of them as bytes: two languages of HTML, JSON for programs, Atom for readers of feeds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.health import RANKS, Component, State
from zajil.core.incidents import Incident, component_states, overall_state
from zajil.core.status_history import Cell, add_up, read_percentile, read_uptime
from zajil.status.memory import Memory
from zajil.status.page_feed import build_feed
from zajil.status.page_html import build_html
from zajil.status.words import Language, build_entry_text, build_iso, build_title

STRETCH_MS: Final = 15 * 60_000
STRETCHES: Final = 96
INCIDENTS_SHOWN_MAX: Final = 60
INCIDENTS_IN_JSON_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class View:
    """Everything the pages are made from."""

    name: str
    base_url: str
    as_of_ms: int
    interval_s: int
    state: State | None  # None: nothing is known yet
    since_ms: int | None
    components: Mapping[Component, State]
    opened: tuple[Incident, ...]
    past: tuple[Incident, ...]
    days: tuple[Cell, ...]
    stretches: tuple[Cell, ...]


def build_view(
    memory: Memory, now_ms: int, *, name: str, base_url: str, interval_s: int, is_known: bool = True
) -> View:
    """What is to be shown now."""
    incidents = sorted(memory.incidents.values(), key=lambda each: (-each.opened_ts_ms, each.incident_id))
    opened = [each for each in incidents if each.is_open]
    opened.sort(key=lambda each: (-RANKS[each.state], -each.opened_ts_ms))
    past = [each for each in incidents if not each.is_open][:INCIDENTS_SHOWN_MAX]
    state = overall_state(opened)
    since_ms: int | None
    if opened:
        since_ms = min(each.opened_ts_ms for each in opened if each.state is state)
    else:
        since_ms = max((each.closed_ts_ms or 0 for each in past), default=None)
    return View(
        name,
        base_url,
        now_ms,
        interval_s,
        state if is_known or opened else None,
        since_ms,
        component_states(opened),
        tuple(opened),
        tuple(past),
        tuple(memory.history.days(now_ms)),
        tuple(memory.history.stretches(now_ms, STRETCH_MS, STRETCHES)),
    )


def build_pages(view: View) -> dict[str, bytes]:
    """Every file, by its name. `index.html` is for hosts that cannot choose the language."""
    pages = {f"{language}.html": build_html(view, language) for language in Language}
    return {
        **pages,
        "index.html": pages[f"{Language.EN}.html"],
        "status.json": orjson.dumps(build_json(view), option=orjson.OPT_INDENT_2),
        "status.atom": build_feed(view),
    }


def build_etag(pages: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(b"".join(pages[name] for name in sorted(pages))).hexdigest()
    return f'"{digest[:24]}"'


def build_json(view: View) -> dict[str, Any]:
    """`/status.json` (docs/operating.md describes the fields)."""
    day = add_up(view.stretches, view.as_of_ms)
    return {
        "name": view.name,
        "state": view.state or "unknown",
        "since": None if view.since_ms is None else build_iso(view.since_ms),
        "as_of": build_iso(view.as_of_ms),
        "as_of_ts": view.as_of_ms,
        "components": {component.value: state for component, state in view.components.items()},
        "delivery_ms": {
            "p50": _round(read_percentile(day.delivery, 0.5)),
            "p95": _round(read_percentile(day.delivery, 0.95)),
        },
        "uptime_90_days": _round(read_uptime(add_up(view.days, 0)), 6),
        "incidents": [build_incident_json(each) for each in view.opened],
        "past_incidents": [build_incident_json(each) for each in view.past[:INCIDENTS_IN_JSON_MAX]],
        "url": f"{view.base_url}/status",
    }


def build_incident_json(incident: Incident) -> dict[str, Any]:
    """One incident, with its texts in every language."""
    return {
        "id": incident.incident_id,
        "cause": incident.cause,
        "state": incident.state,
        "components": [each.value for each in incident.components],
        "title": {language.value: build_title(incident, language) for language in Language},
        "opened": build_iso(incident.opened_ts_ms),
        "closed": None if incident.closed_ts_ms is None else build_iso(incident.closed_ts_ms),
        "updated": build_iso(incident.changed_ts_ms),
        "timeline": [
            {
                "time": build_iso(each.ts_ms),
                "kind": each.kind,
                "text": {language.value: build_entry_text(each, language) for language in Language},
            }
            for each in incident.entries
        ],
    }


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
