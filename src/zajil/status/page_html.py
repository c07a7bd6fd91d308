"""The status page: one file without scripts and without anything from elsewhere, so that it works wherever its copy lies."""

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from zajil.core.health import Cause, Component
from zajil.core.incidents import Entry, Incident, Kind
from zajil.core.status_history import add_up, read_uptime
from zajil.status.page_charts import build_bars, build_chart, write_speed
from zajil.status.words import (
    DIRECTIONS,
    Language,
    build_entry_text,
    build_iso,
    build_title,
    write,
    write_seconds,
    write_time,
)

if TYPE_CHECKING:
    from zajil.status.pages import View

ENTRIES_SHOWN_MAX: Final = 50
"""Of a longer timeline the beginning and the end; status.json has all of it."""
ICONS: Final = {
    "operational": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "degraded": '<path d="M12 6v8M12 18v.01"/>',
    "outage": '<path d="M7 7l10 10M17 7L7 17"/>',
    "unknown": '<path d="M7 12h.01M12 12h.01M17 12h.01"/>',
}


@cache
def load_style() -> str:
    return (files("zajil.status") / "page.css").read_text("utf-8").strip()


@cache
def build_policy() -> str:
    """The content security policy: this very style, and nothing else at all."""
    digest = base64.b64encode(hashlib.sha256(load_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def build_html(view: "View", language: Language) -> bytes:
    """The whole page in one language."""
    state = view.state or "unknown"
    title = write(language, "title", name=view.name)
    head = (
        f'<!doctype html><html lang="{language}" dir="{DIRECTIONS[language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="content-security-policy" content="{escape(build_policy())}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">'
        f'<meta name="robots" content="noarchive"><title>{escape(write(language, f"state.{state}"))} · {escape(title)}</title>'
        f'<link rel="alternate" type="application/atom+xml" href="status.atom" title="{escape(title)}">'
        f"<style>{load_style()}</style></head>"
    )
    body = "".join(
        (
            _build_banner(view, language, state),
            _build_opened(view, language),
            _build_components(view, language),
            _build_speed(view, language),
            _build_past(view, language),
        )
    )
    return (
        f'{head}<body><a class="skip" href="#content">{escape(write(language, "skip"))}</a>'
        f'{_build_header(view, language)}<main id="content">{body}</main>{_build_footer(view, language)}</body></html>'
    ).encode()


def _build_header(view: "View", language: Language) -> str:
    other = next(each for each in Language if each is not language)
    return (
        f'<header><p class="name">{escape(view.name)}</p><nav>'
        f'<a href="{other}.html" lang="{other}" hreflang="{other}">{escape(write(language, "other"))}</a></nav></header>'
    )


def _build_icon(state: str) -> str:
    return f'<svg class="icon {state}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{ICONS[state]}</svg>'


def _time(language: Language, ts_ms: int) -> str:
    return f'<time datetime="{build_iso(ts_ms)}">{escape(write_time(language, ts_ms))}</time>'


def _build_banner(view: "View", language: Language, state: str) -> str:
    since = ""
    if view.since_ms is not None:
        time = _time(language, view.since_ms)
        since = f'<p class="since">{escape(write(language, "since", time="{}")).replace("{}", time)}</p>'
    return (
        f'<section class="banner {state}">{_build_icon(state)}<div><h1>{escape(write(language, f"state.{state}"))}</h1>'
        f"<p>{escape(write(language, f'lead.{state}'))}</p>{since}</div></section>"
    )


def _build_opened(view: "View", language: Language) -> str:
    if not view.opened:
        return ""
    incidents = "".join(_build_incident(each, view.as_of_ms, language) for each in view.opened)
    return f"<section><h2>{escape(write(language, 'heading.now'))}</h2>{incidents}</section>"


def _build_incident(incident: Incident, now_ms: int, language: Language) -> str:
    affected = "، " if language is Language.AR else ", "
    names = affected.join(write(language, f"component.{each}") for each in incident.components)
    duration = write_seconds(language, max(0, now_ms - incident.opened_ts_ms) / 1000)
    return (
        f'<article class="incident {incident.state}" id="i-{escape(incident.incident_id)}">'
        f"<h3>{_build_icon(incident.state)}<span>{escape(build_title(incident, language))}</span></h3>"
        f'<p class="meta">{escape(write(language, "affected"))}: {escape(names)} · '
        f"{escape(write(language, 'ongoing', duration=duration))}</p>{_build_timeline(incident, language)}</article>"
    )


def _build_timeline(incident: Incident, language: Language) -> str:
    shown = incident.entries
    if len(shown) > ENTRIES_SHOWN_MAX:
        shown = (shown[0], *shown[-(ENTRIES_SHOWN_MAX - 1) :])
    entries = "".join(_build_entry(each, language) for each in reversed(shown))
    return f'<ol class="timeline" aria-label="{escape(write(language, "timeline"))}">{entries}</ol>'


def _build_entry(entry: Entry, language: Language) -> str:
    kind = Kind.NOTE if entry.cause is Cause.OPERATOR and entry.kind is Kind.OPENED else entry.kind
    return (
        f'<li class="{kind}"><p class="when"><strong>{escape(write(language, f"kind.{kind}"))}</strong> '
        f"{_time(language, entry.ts_ms)}</p>"
        f'<p dir="auto">{escape(build_entry_text(entry, language))}</p></li>'
    )


def _build_components(view: "View", language: Language) -> str:
    rows = "".join(_build_component(view, component, language) for component in Component)
    return (
        f'<section><h2>{escape(write(language, "heading.components"))}</h2><ul class="components">{rows}</ul></section>'
    )


def _build_component(view: "View", component: Component, language: Language) -> str:
    state = view.components[component].value if view.state is not None else "unknown"
    name = write(language, f"component.{component}")
    share = read_uptime(add_up(view.days, 0), component)
    summary = (
        write(language, "uptime.unknown")
        if share is None
        else write(language, "uptime", percent=f"{int(share * 10_000) / 100:g}")
    )
    label = write(language, "bars.label", component=name, summary=summary)
    return (
        f'<li><p class="component"><span class="what">{escape(name)}</span>'
        f'<span class="how {state}">{_build_icon(state)}{escape(write(language, f"short.{state}"))}</span></p>'
        f"{build_bars(view.days, component, language, label)}"
        f'<p class="scale"><span>{escape(write(language, "bars.first"))}</span><span>{escape(summary)}</span>'
        f"<span>{escape(write(language, 'bars.last'))}</span></p></li>"
    )


def _build_speed(view: "View", language: Language) -> str:
    charts = []
    for cells, key in ((view.stretches, "speed.day"), (view.days, "speed.days")):
        total = add_up(cells, 0)
        summary = write_speed(total, language)
        heading = write(language, key)
        chart = ""
        if any(total.delivery):
            chart = build_chart(cells, language, f"{heading}: {summary}", by_day=key == "speed.days")
        charts.append(
            f"<figure><figcaption><h3>{escape(heading)} <small>{escape(write(language, 'unit.ms'))}</small></h3>"
            f"<p>{escape(summary)}</p></figcaption>{chart}</figure>"
        )
    legend = "".join(
        f'<span class="key {name}">{escape(write(language, f"speed.{name}"))}</span>' for name in ("p50", "p95")
    )
    how = write(language, "speed.how", seconds=view.interval_s)
    return (
        f"<section><h2>{escape(write(language, 'heading.speed'))}</h2>"
        f'<p class="hint">{escape(how)}</p><p class="legend">{legend}</p>{"".join(charts)}</section>'
    )


def _build_past(view: "View", language: Language) -> str:
    if view.past:
        content = "".join(_build_past_incident(each, language) for each in view.past)
    else:
        content = f'<p class="hint">{escape(write(language, "past.none"))}</p>'
    return f"<section><h2>{escape(write(language, 'heading.past'))}</h2>{content}</section>"


def _build_past_incident(incident: Incident, language: Language) -> str:
    lasted_s = max(0, (incident.closed_ts_ms or incident.opened_ts_ms) - incident.opened_ts_ms) / 1000
    lasted = write(language, "lasted", duration=write_seconds(language, lasted_s))
    return (
        f'<details class="past {incident.state}" id="i-{escape(incident.incident_id)}"><summary>'
        f'<span class="dot {incident.state}"></span><span class="what">{escape(build_title(incident, language))}</span>'
        f'<span class="meta">{_time(language, incident.opened_ts_ms)} · {escape(lasted)}</span></summary>'
        f"{_build_timeline(incident, language)}</details>"
    )


def _build_footer(view: "View", language: Language) -> str:
    as_of = escape(write(language, "as_of", time="{}")).replace("{}", _time(language, view.as_of_ms))
    return (
        f'<footer><p>{as_of}</p><p><a href="status.atom">{escape(write(language, "feed"))}</a> '
        f'<a href="status.json">{escape(write(language, "json"))}</a></p></footer>'
    )
