"""The report: one HTML file without scripts, in English and Arabic, light and dark."""

import datetime
import html
import math
from pathlib import Path
from typing import Final

from zajil.drill.charts import draw_latency, draw_rate
from zajil.drill.ledger import Figures, Verdict
from zajil.drill.run_drill import Outcome, Played, Result
from zajil.drill.texts import TEXTS

STYLE: Final = Path(__file__).with_name("report.css")
BROKEN_SHOWN_MAX: Final = 50


def write_report(result: Result, path: Path) -> None:
    path.write_text(build_report(result), encoding="utf-8")


def build_report(result: Result) -> str:
    """Both languages in one page; which is shown is a choice of style alone."""
    sections = "".join(build_section(result, language) for language in TEXTS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(TEXTS['en']['title'])} · {html.escape(TEXTS['ar']['title'])}</title><style>{STYLE.read_text('utf-8')}</style></head><body>"
        '<nav aria-label="Language · اللغة">'
        '<input class="choice" type="radio" name="language" id="show-en" checked><label for="show-en" lang="en">English</label>'
        '<input class="choice" type="radio" name="language" id="show-ar"><label for="show-ar" lang="ar">العربية</label></nav>'
        f"{sections}</body></html>"
    )


def build_section(result: Result, language: str) -> str:
    texts = TEXTS[language]
    verdict = result.verdict
    assert verdict is not None
    broken = result.broken
    place = f"<bdi>{html.escape(result.target)}</bdi>" if result.target else html.escape(texts["copy"])
    rooms = len({message.room_id for message in result.ledger.messages})
    intro = html.escape(texts["intro"]).format(
        place=place, people=result.scale.people, rooms=rooms, sent=f"{len(result.ledger.messages):,}"
    )
    at = datetime.datetime.fromtimestamp(result.began_at, datetime.UTC).strftime("%Y-%m-%d %H:%M")
    longest = max((each.during.downtime_ms for each in result.played), default=0.0)
    tiles = (
        (f"{len(result.ledger.acknowledged):,}", texts["acknowledged"], False),
        (f"{verdict.lost:,}", texts["lost"], verdict.lost > 0),
        (f"{verdict.doubled:,}", texts["duplicated"], verdict.doubled > 0),
        (f"{len(verdict.reordered):,}", texts["reordered"], bool(verdict.reordered)),
        (f"{longest:,.0f}", texts["longest_down"], False),
    )
    names = {each.fault.name: texts[each.fault.name] for each in result.played}
    parts = [
        f'<main class="{language}" lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">',
        f"<h1>{html.escape(texts['title'])}</h1><p>{intro}</p>",
        f'<p class="verdict {"bad" if broken else "good"}">{html.escape(texts["broken" if broken else "kept"])}</p>',
        f"<p class='note'>{html.escape(texts['quick_note'])}</p>" if result.scale.is_quick else "",
        '<dl class="tiles">',
        *(
            f'<div class="{"bad" if is_bad else ""}"><dt>{html.escape(name)}</dt><dd><bdi>{value}</bdi></dd></div>'
            for value, name, is_bad in tiles
        ),
        "</dl>",
        f"<h2>{html.escape(texts['latency'])}</h2>{draw_latency(result, texts['latency'], names)}<p class='note'>{html.escape(texts['latency_hint'])}</p>",
        f"<h2>{html.escape(texts['rate'])}</h2>{draw_rate(result, texts['rate'], names)}",
        *(build_fault(each, verdict, texts) for each in result.played),
    ]
    if result.skipped:
        parts.append(f"<h2>{html.escape(texts['skipped'])}</h2><ul>")
        for fault in result.skipped:
            kind = "copy" if result.target and fault.needs_copy else "postgres"
            reason = texts[f"skipped_{kind}"]
            parts.append(f"<li>{html.escape(texts[fault.name])}: {html.escape(reason)}</li>")
        parts.append("</ul>")
    if broken:
        parts.append(f"<h2>{html.escape(texts['all_broken'])}</h2><ul class='wide' dir='ltr' lang='en'>")
        parts += [f"<li>{html.escape(each)}</li>" for each in broken[:BROKEN_SHOWN_MAX]]
        parts.append("</ul>")
    end = html.escape(texts["seed"]).format(
        seed=result.seed, took=round(result.took_s), at=f"<bdi dir='ltr'>{at} UTC</bdi>"
    )
    parts.append(f"<footer>{end}</footer></main>")
    return "".join(parts)


def build_fault(played: Played, verdict: Verdict, texts: dict[str, str]) -> str:
    head = "".join(
        f'<th scope="col">{html.escape(texts.get(name, name))}</th>'
        for name in ("sends", "lost", "duplicated", "reordered", "p50", "p99", "p99.9", "downtime", "failures")
    )
    rows = "".join(
        f'<tr><th scope="row">{html.escape(texts[name])}</th>{build_cells(figures, verdict)}</tr>'
        for name, figures in (("before", played.before), ("during", played.during), ("after", played.after))
    )
    promised = {outcome.promise.figure for outcome in played.outcomes}
    others = "".join(
        f"<li>{html.escape(name_figure(name, texts))}: <bdi>{write_value(value)}</bdi></li>"
        for name, value in played.figures.items()
        if name not in promised
    )
    name = html.escape(texts[played.fault.name])
    return (
        f'<section><h2>{name}</h2><div class="wide" tabindex="0" role="region" aria-label="{name}"><table><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div><ul class='promises'>{''.join(build_outcome(each, texts) for each in played.outcomes)}{others}</ul></section>"
    )


def build_cells(figures: Figures, verdict: Verdict) -> str:
    wrong = verdict.count_in(figures.window)
    times = (figures.p50_ms, figures.p99_ms, figures.p999_ms, figures.downtime_ms)
    values: tuple[float | None, ...] = (figures.sends, *wrong, *times, figures.failures)
    marks = ("", *(' class="bad"' if count else "" for count in wrong), *("" for _ in times), "")
    return "".join(
        f"<td{mark}><bdi>{'–' if value is None else f'{value:,.1f}'.removesuffix('.0')}</bdi></td>"
        for value, mark in zip(values, marks, strict=True)
    )


def build_outcome(outcome: Outcome, texts: dict[str, str]) -> str:
    if outcome.is_kept:
        word, kind = (texts["yes"], "good") if outcome.is_judged else (texts["not_judged"], "note")
    else:
        word, kind = texts["no"], "bad"
    return (
        f'<li><span class="mark {kind}">{html.escape(word)}</span> {html.escape(name_figure(outcome.promise.figure, texts))}: '
        f"<bdi>{write_value(outcome.value)}</bdi> ({html.escape(texts['bound'])} <bdi dir='ltr'>≤ {outcome.promise.at_most:,.0f}</bdi>)</li>"
    )


def write_value(value: float) -> str:
    """A figure; of what never happened there is none."""
    return f"{value:,.0f}" if math.isfinite(value) else "∞"


def name_figure(name: str, texts: dict[str, str]) -> str:
    return texts["failures_figure"] if name == "failures" else texts[name]
