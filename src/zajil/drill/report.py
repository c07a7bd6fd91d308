"""The report: one HTML file without scripts, in English and Arabic, light and dark."""

import datetime
import html
from pathlib import Path
from typing import Final

from zajil.drill.charts import draw_latency, draw_rate
from zajil.drill.ledger import Figures, Verdict
from zajil.drill.run_drill import Outcome, Played, Result
from zajil.drill.texts import TEXTS
from zajil.drill.wording import describe_broken, name_figure, write_value

STYLE: Final = Path(__file__).with_name("report.css")
BROKEN_SHOWN_MAX: Final = 50
WRONGS: Final = ("lost", "duplicated", "reordered")


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
    broken = describe_broken(result, texts)
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
        f"<h2>{html.escape(texts['latency'])}</h2>{draw_latency(result, texts, names)}<p class='note'>{html.escape(texts['latency_hint'])}</p>",
        f"<h2>{html.escape(texts['rate'])}</h2>{draw_rate(result, texts, names)}",
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
        parts.append(f"<h2>{html.escape(texts['all_broken'])}</h2><ul class='broken'>")
        for each in broken[:BROKEN_SHOWN_MAX]:
            details = f" <small><bdi>{html.escape(each.details)}</bdi></small>"
            parts.append(f"<li>{html.escape(each.what)}: <bdi class='bad'>{html.escape(each.found)}</bdi>{details}</li>")
        parts.append("</ul>")
    end = html.escape(texts["seed"]).format(
        seed=result.seed, took=round(result.took_s), at=f"<bdi dir='ltr'>{at} UTC</bdi>"
    )
    parts.append(f"<footer>{end}</footer></main>")
    return "".join(parts)


def build_fault(played: Played, verdict: Verdict, texts: dict[str, str]) -> str:
    windows = (("before", played.before), ("during", played.during), ("after", played.after))
    head = "".join(f'<th scope="col">{html.escape(texts[name])}</th>' for name, _ in windows)
    rows = build_rows([figures for _, figures in windows], verdict, texts)
    promised = {outcome.promise.figure for outcome in played.outcomes}
    others = "".join(
        f"<li>{html.escape(name_figure(name, texts))}: <bdi>{write_value(value)}</bdi></li>"
        for name, value in played.figures.items()
        if name not in promised
    )
    name = html.escape(texts[played.fault.name])
    return (
        f"<section><h2>{name}</h2><div class='sides'><table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<ul class='promises'>{''.join(build_outcome(each, texts) for each in played.outcomes)}{others}</ul></div></section>"
    )


def build_rows(windows: list[Figures], verdict: Verdict, texts: dict[str, str]) -> str:
    """A row for each figure, a cell for each window: narrow enough for a telephone."""
    wrongs = [verdict.count_in(figures.window) for figures in windows]
    rows: dict[str, list[float | None]] = {
        "sends": [figures.sends for figures in windows],
        **{name: [wrong[place] for wrong in wrongs] for place, name in enumerate(WRONGS)},
        "p50": [figures.p50_ms for figures in windows],
        "p99": [figures.p99_ms for figures in windows],
        "p99.9": [figures.p999_ms for figures in windows],
        "downtime": [figures.downtime_ms for figures in windows],
        "failures": [figures.failures for figures in windows],
    }
    return "".join(
        f'<tr><th scope="row">{html.escape(texts[name])}</th>{build_cells(values, is_wrong=name in WRONGS)}</tr>'
        for name, values in rows.items()
    )


def build_cells(values: list[float | None], *, is_wrong: bool) -> str:
    shown = ("–" if value is None else f"{value:,.1f}".removesuffix(".0") for value in values)
    marks = (' class="bad"' if is_wrong and value else "" for value in values)
    return "".join(f"<td{mark}><bdi>{text}</bdi></td>" for text, mark in zip(shown, marks, strict=True))


def build_outcome(outcome: Outcome, texts: dict[str, str]) -> str:
    if outcome.is_kept:
        word, kind = (texts["yes"], "good") if outcome.is_judged else (texts["not_judged"], "note")
    else:
        word, kind = texts["no"], "bad"
    bound = html.escape(texts["bound"]).format(bound=f"<bdi>{outcome.promise.at_most:,.0f}</bdi>")
    return (
        f'<li><span class="mark {kind}">{html.escape(word)}</span><span>{html.escape(name_figure(outcome.promise.figure, texts))}: '
        f"<bdi>{write_value(outcome.value)}</bdi> <small>{bound}</small></span></li>"
    )
