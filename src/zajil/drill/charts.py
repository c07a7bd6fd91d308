"""Charts of a drill as SVG: seconds along, milliseconds (by tens) or messages up, what happened in shade."""

import html
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from zajil.drill.ledger import find_percentile
from zajil.drill.run_drill import Result

WIDTH: Final = 960
HEIGHT: Final = 260
START: Final = 56
END: Final = 24
BOTTOM: Final = 34
TOP: Final = 34
LATENCY_MS_LEAST: Final = 0.1
LATENCY_MS_MOST: Final = 100_000.0
STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300)
LABELS_MAX: Final = 12


class Frame:
    """Where seconds and values lie on the picture."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1.0, seconds)

    def x(self, at_s: float) -> float:
        return START + (WIDTH - START - END) * min(1.0, max(0.0, at_s / self.seconds))

    def y(self, share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(1.0, max(0.0, share))

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> str:
        if not points:
            return ""
        return f'<polyline class="{kind}" points="{" ".join(f"{self.x(at):.1f},{self.y(share):.1f}" for at, share in points)}"/>'

    def seconds_axis(self, texts: Mapping[str, str]) -> str:
        step = next((each for each in STEPS_S if self.seconds / each <= LABELS_MAX), STEPS_S[-1])
        return "".join(
            f'<text x="{self.x(at):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{texts["in_s"].format(value=at)}</text>'
            for at in range(0, int(self.seconds) + 1, step)
        )


def find_share(latency_ms: float) -> float:
    """Height of a latency on the scale of tens."""
    bounded = min(LATENCY_MS_MOST, max(LATENCY_MS_LEAST, latency_ms))
    return math.log10(bounded / LATENCY_MS_LEAST) / math.log10(LATENCY_MS_MOST / LATENCY_MS_LEAST)


def draw_latency(result: Result, texts: Mapping[str, str], names: Mapping[str, str]) -> str:
    by_second: defaultdict[int, list[float]] = defaultdict(list)
    for message in result.ledger.messages:
        if message.is_live and message.latency_s is not None:
            by_second[int(message.due_s - result.began_s)].append(message.latency_s * 1000)
    frame = build_frame(result)
    grid = []
    for power in range(-1, 6):
        height = frame.y(find_share(10.0**power))
        text = texts["in_ms"].format(value=f"{10.0**power:g}") if power < 3 else texts["in_s"].format(value=10 ** (power - 3))
        grid.append(
            f'<line class="grid" x1="{START}" x2="{WIDTH - END}" y1="{height:.1f}" y2="{height:.1f}"/>{write_beside(height, text)}'
        )
    lines = [
        frame.line(
            [
                (second + 0.5, find_share(find_percentile(values, share) or 0.0))
                for second, values in sorted(by_second.items())
            ],
            kind,
        )
        for share, kind in ((0.5, "half"), (0.99, "most"))
    ]
    content = shade(result, frame, names) + "".join(grid) + "".join(lines) + frame.seconds_axis(texts)
    return wrap(texts["latency"], content)


def draw_rate(result: Result, texts: Mapping[str, str], names: Mapping[str, str]) -> str:
    counts: defaultdict[int, int] = defaultdict(int)
    for message in result.ledger.messages:
        if message.acked_s is not None:
            counts[int(message.acked_s - result.began_s)] += 1
    frame = build_frame(result)
    most = max(counts.values(), default=1)
    bars = "".join(
        draw_box("bar", frame.x(second), max(1.0, frame.x(second + 1) - frame.x(second) - 1), frame.y(count / most))
        for second, count in counts.items()
    )
    top = write_beside(frame.y(1), f"{most:,}") + write_beside(frame.y(0), "0")
    return wrap(texts["rate"], shade(result, frame, names) + bars + top + frame.seconds_axis(texts))


def build_frame(result: Result) -> Frame:
    last = max(
        (max(message.due_s, message.acked_s or 0.0) for message in result.ledger.messages), default=result.began_s
    )
    return Frame(last - result.began_s)


def shade(result: Result, frame: Frame, names: Mapping[str, str]) -> str:
    """Numbered areas for what happened; the title says which is which."""
    parts = []
    for number, each in enumerate(result.played, 1):
        left = frame.x(each.window.began_s - result.began_s)
        right = frame.x(each.window.ended_s - result.began_s)
        number_at = (
            f'<text class="number" x="{(left + right) / 2:.1f}" y="{TOP - 10}" text-anchor="middle">{number}</text>'
        )
        parts.append(
            f"<g><title>{html.escape(names[each.fault.name])}</title>{draw_box('fault', left, max(2.0, right - left), TOP)}{number_at}</g>"
        )
    return "".join(parts)


def draw_box(kind: str, left: float, width: float, top: float) -> str:
    """From `top` down to the axis."""
    return (
        f'<rect class="{kind}" x="{left:.1f}" width="{width:.1f}" y="{top:.1f}" height="{HEIGHT - BOTTOM - top:.1f}"/>'
    )


def write_beside(height: float, text: str) -> str:
    """A figure at the axis."""
    return f'<text x="{START - 6}" y="{height + 4:.1f}" text-anchor="end">{text}</text>'


def wrap(label: str, content: str) -> str:
    name = html.escape(label)
    picture = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}" direction="ltr">{content}</svg>'
    return f'<div class="wide" dir="ltr" tabindex="0" role="region" aria-label="{name}">{picture}</div>'
