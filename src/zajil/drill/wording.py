"""Turns what a drill found into sentences of either language."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zajil.drill.run_drill import Result

ITEMS_SHOWN_MAX: Final = 5


@dataclass(frozen=True)
class Broken:
    """One thing that was promised and did not hold."""

    what: str
    found: str
    """How many, or how much."""
    details: str = ""
    """The first few IDs, or the bound."""

    def __str__(self) -> str:
        return f"{self.what}: {self.found}" + (f" ({self.details})" if self.details else "")


def describe_broken(result: Result, texts: Mapping[str, str]) -> list[Broken]:
    """Everything that was broken, the lost and the doubled first."""
    assert result.verdict is not None
    found = []
    for kind, items in result.verdict.wrongs.items():
        shown = (item if isinstance(item, str) else " ".join(item) for item in items[:ITEMS_SHOWN_MAX])
        found.append(Broken(texts[kind], f"{len(items):,}", ", ".join(shown)))
    for played in result.played:
        for outcome in played.outcomes:
            if not outcome.is_kept:
                what = f"{texts[played.fault.name]}: {name_figure(outcome.promise.figure, texts)}"
                bound = texts["bound"].format(bound=f"{outcome.promise.at_most:,.0f}")
                found.append(Broken(what, write_value(outcome.value), bound))
    return found


def write_value(value: float) -> str:
    """A figure; of what never happened there is none."""
    return f"{value:,.0f}" if math.isfinite(value) else "∞"


def name_figure(name: str, texts: Mapping[str, str]) -> str:
    return texts["failures_figure"] if name == "failures" else texts[name]
