"""The pictures on the status page, as SVG inside the HTML: bars of ninety days, and how long messages took."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from zajil.core.health import Component
from zajil.core.status_history import Cell, read_percentile
from zajil.status.words import DIRECTIONS, Language, write, write_day, write_seconds, write_time

BAR_WIDTH: Final = 8
BAR_GAP: Final = 2
BARS_HEIGHT: Final = 34
CHART_WIDTH: Final = 640
CHART_HEIGHT: Final = 180
LEFT: Final = 44
BOTTOM: Final = 24
TOP: Final = 16
BRIEF_S: Final = 1.0
SCALES_MS: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


def build_bars(days: Sequence[Cell], component: Component, language: Language, label: str) -> str:
    """One bar a day. In a page that is read from right to left, today is on the left."""
    width = len(days) * BAR_WIDTH - BAR_GAP
    bars = []
    for index, day in enumerate(days):
        place = index if language is not Language.AR else len(days) - 1 - index
        state, text = describe_day(day, component, language)
        bars.append(
            f'<rect class="bar {state}" x="{place * BAR_WIDTH}" width="{BAR_WIDTH - BAR_GAP}" height="{BARS_HEIGHT}"'
            f' rx="2"><title>{escape(text)}</title></rect>'
        )
    return (
        f'<svg class="bars" viewBox="0 0 {width} {BARS_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(label)}">{"".join(bars)}</svg>'
    )


def describe_day(day: Cell, component: Component, language: Language) -> tuple[str, str]:
    """The state of a component on a day, and a sentence about it."""
    date = write_day(language, day.start_ts_ms)
    if day.watched_s <= 0:
        return "unknown", write(language, "day.unknown", date=date)
    outage_s, degraded_s = day.outage_s.get(component, 0.0), day.degraded_s.get(component, 0.0)
    for state, seconds in (("outage", outage_s), ("degraded", degraded_s)):
        if seconds >= BRIEF_S:
            return state, write(language, f"day.{state}", date=date, duration=write_seconds(language, seconds))
    return "operational", write(language, "day.operational", date=date)


def build_chart(cells: Sequence[Cell], language: Language, label: str, *, by_day: bool) -> str:
    """Delivery times: half of the messages, and 19 of 20, over the cells. Time runs in the direction of reading."""
    lines = {share: [read_percentile(cell.delivery, share) for cell in cells] for share in (0.5, 0.95)}
    highest = max((value for values in lines.values() for value in values if value is not None), default=0.0)
    scale = next((each for each in SCALES_MS if each >= highest), SCALES_MS[-1])
    parts = [_build_grid(scale, language)]
    for share, name in ((0.95, "p95"), (0.5, "p50")):
        parts += _build_line(lines[share], scale, language, name)
    parts.append(_build_times(cells, language, by_day=by_day))
    return (
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _x(index: int, count: int, language: Language) -> float:
    share = index / max(1, count - 1)
    if language is Language.AR:
        share = 1 - share
        return round(share * (CHART_WIDTH - LEFT - 4) + 4, 1)
    return round(LEFT + share * (CHART_WIDTH - LEFT - 4), 1)


def _y(value: float, scale: float) -> float:
    return round(TOP + (1 - min(1.0, value / scale)) * (CHART_HEIGHT - TOP - BOTTOM), 1)


def _build_grid(scale: int, language: Language) -> str:
    start, end = (LEFT, CHART_WIDTH - 4) if language is not Language.AR else (4, CHART_WIDTH - LEFT)
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _y(scale * share, scale)
        parts.append(f'<line class="grid" x1="{start}" x2="{end}" y1="{y}" y2="{y}"/>')
        text = f"{scale * share:g}"
        place = LEFT - 6 if language is not Language.AR else CHART_WIDTH - LEFT + 6
        # In SVG "start" follows the direction of the text; numbers run from left to right in both languages.
        anchor = "end" if language is not Language.AR else "start"
        parts.append(f'<text class="tick" direction="ltr" x="{place}" y="{y + 4}" text-anchor="{anchor}">{text}</text>')
    return "".join(parts)


def _build_line(values: Sequence[float | None], scale: float, language: Language, name: str) -> list[str]:
    """A line with gaps where nothing was measured; a point where one value stands alone."""
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((_x(index, len(values), language), _y(value, scale)))
    parts = []
    for run in runs:
        if len(run) == 1:
            parts.append(f'<circle class="{name}" cx="{run[0][0]}" cy="{run[0][1]}" r="2.5"/>')
        elif run:
            path = " ".join(f"{x},{y}" for x, y in run)
            if name == "p95":
                floor = _y(0, scale)
                parts.append(f'<polygon class="area" points="{run[0][0]},{floor} {path} {run[-1][0]},{floor}"/>')
            parts.append(f'<polyline class="{name}" points="{path}"/>')
    return parts


def _build_times(cells: Sequence[Cell], language: Language, *, by_day: bool) -> str:
    parts = []
    for index in (0, len(cells) // 2, len(cells) - 1):
        ts_ms = cells[index].start_ts_ms
        text = write_day(language, ts_ms).rsplit(" ", 1)[0] if by_day else write_time(language, ts_ms, with_day=False)
        x = _x(index, len(cells), language)
        anchor = "middle"
        if index == 0 or index == len(cells) - 1:
            is_left = (index == 0) == (language is not Language.AR)
            anchor = "start" if is_left else "end"
        if language is Language.AR and anchor != "middle":
            anchor = "end" if anchor == "start" else "start"  # they follow the direction of the text
        direction = DIRECTIONS[language]
        parts.append(
            f'<text class="tick" direction="{direction}" x="{x}" y="{CHART_HEIGHT - 6}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )
    return "".join(parts)


def write_speed(day: Cell, language: Language) -> str:
    """The chart in a sentence, for those who do not see it too."""
    p50, p95 = read_percentile(day.delivery, 0.5), read_percentile(day.delivery, 0.95)
    if p50 is None or p95 is None:
        return write(language, "speed.none")
    return write(language, "speed.summary", p50=f"{math.ceil(p50)}", p95=f"{math.ceil(p95)}")
