"""The steps by which the schema changes (storage/schema/steps/README.md), as both engines apply them."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from zajil.storage.schema import parse_statements

FIRST_VERSION = 1
"""Of a database that has been through no step."""

_NAME = re.compile(r"(\d{4})\.(expand|backfill|contract)\.(\w+)\.sql")
_ESTIMATE = re.compile(r"^-- estimate: (.+)$", re.MULTILINE)


class Kind(StrEnum):
    EXPAND = "expand"
    BACKFILL = "backfill"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the schema, for one engine."""

    number: int
    kind: Kind
    name: str
    statements: tuple[str, ...]
    estimate: str | None
    """A query for the rows that a backfill still has to change."""


@functools.cache
def load_steps(engine: str) -> tuple[Step, ...]:
    """All steps this program knows, in order."""
    steps = []
    for file in resources.files("zajil.storage.schema").joinpath("steps").iterdir():
        if (match := _NAME.fullmatch(file.name)) is None:
            continue
        text = file.read_text(encoding="utf-8")
        estimate = _ESTIMATE.search(text)
        statements = tuple(parse_statements(text, engine=engine))
        steps.append(
            Step(int(match[1]), Kind(match[2]), match[3], statements, estimate[1].rstrip(";") if estimate else None)
        )
    return tuple(sorted(steps, key=lambda step: step.number))


def find_version(engine: str) -> int:
    """The highest step this program knows."""
    return max((step.number for step in load_steps(engine)), default=FIRST_VERSION)


def find_pending(engine: str, done: Iterable[int], *kinds: Kind) -> list[Step]:
    """Steps of these kinds that a database has not been through."""
    known = set(done)
    return [step for step in load_steps(engine) if step.number not in known and step.kind in kinds]


def explain_too_new(minimum: int, engine: str) -> str:
    return (
        f"this database is of a newer version of Zajil (schema {minimum}; this one knows {find_version(engine)}): "
        "install that version again, or restore a backup made before it"
    )
