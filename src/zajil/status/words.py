"""The words of the status: texts in every language, and numbers, times and plurals put into them. All texts are in `texts/*.json`."""

import datetime
import string
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from zajil.core.incidents import Entry, Incident, Kind


class Language(StrEnum):
    """What the pages are written in; the first is that of readers who prefer none of them."""

    EN = "en"
    AR = "ar"


DIRECTIONS: Final[Mapping[Language, str]] = {Language.EN: "ltr", Language.AR: "rtl"}
UNITS: Final = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


@cache
def load_texts(language: Language) -> Mapping[str, str]:
    """Every text of a language, by key."""
    texts: Mapping[str, str] = orjson.loads((files("zajil.status") / "texts" / f"{language}.json").read_bytes())
    return texts


def find_plural(language: Language, number: int) -> str:
    """The plural category of a whole number (Unicode CLDR)."""
    if language is not Language.AR:
        return "one" if number == 1 else "other"
    if number in (0, 1, 2):
        return ("zero", "one", "two")[number]
    rest = number % 100
    return "few" if 3 <= rest <= 10 else "many" if rest >= 11 else "other"


class _Words(string.Formatter):
    """Puts values into a text; `{name:ms}` and the like say how a number is written."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> Any:
        return write_number(self.language, value, format_spec) if format_spec else str(value)

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), "?")


def write(language: Language, key: str, **values: Any) -> str:
    """A text with its values."""
    return _Words(language).vformat(load_texts(language)[key], (), values)


def write_number(language: Language, value: Any, kind: str) -> str:
    """A measured number for people; kinds are ms, percent, seconds, size and number."""
    if not isinstance(value, int | float):
        return "?"
    if kind == "ms":
        return write_seconds(language, value / 1000) if value >= 10_000 else f"{value:.0f} {write(language, 'unit.ms')}"
    if kind == "percent":
        return f"{value * 100:.0f} %" if language is not Language.AR else f"{value * 100:.0f}٪"
    if kind == "seconds":
        return write_seconds(language, abs(value))
    if kind == "size":
        size = f"{value / 1024**3:.1f} GiB" if value >= 1024**3 else f"{value / 1024**2:.0f} MiB"
        return f"\u2066{size}\u2069"  # reads from left to right in every language
    return f"{value:,.0f}"


def write_seconds(language: Language, seconds: float) -> str:
    """A duration in its largest fitting unit, in the next one too when that says something."""
    whole = round(seconds)
    for index, (unit, length) in enumerate(UNITS):
        if whole >= length or length == 1:
            count, rest = divmod(whole, length)
            text = _count(language, unit, count)
            if count < 3 and index + 1 < len(UNITS):
                smaller, smaller_length = UNITS[index + 1]
                if (left := rest // smaller_length) > 0:
                    joint = " و" if language is Language.AR else " "
                    text += joint + _count(language, smaller, left)
            return text
    raise AssertionError("the last unit is one second")


def _count(language: Language, unit: str, number: int) -> str:
    return write(language, f"{unit}.{find_plural(language, number)}", n=number)


def write_day(language: Language, ts_ms: int) -> str:
    day = datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC)
    return f"{day.day} {write(language, f'month.{day.month}')} {day.year}"


def write_time(language: Language, ts_ms: int, *, with_day: bool = True) -> str:
    moment = datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC)
    clock = f"{moment:%H:%M}"
    return (
        f"{write_day(language, ts_ms)}، {clock}"
        if with_day and language is Language.AR
        else (f"{write_day(language, ts_ms)}, {clock}" if with_day else clock)
    )


def build_iso(ts_ms: int) -> str:
    """RFC 3339, as machines read it."""
    return f"{datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def build_title(incident: Incident, language: Language) -> str:
    """What an incident is called."""
    return find_text(incident.title, language) or write(language, f"incident.{incident.cause}")


def find_text(texts: Mapping[str, str], language: Language) -> str:
    """What a person wrote, in this language, else in any."""
    return texts.get(language) or next((text for text in texts.values() if text), "")


def build_entry_text(entry: Entry, language: Language) -> str:
    """One entry of a timeline as a sentence."""
    if entry.text:
        return find_text(entry.text, language)
    told = write(language, f"opened.{entry.cause}", **entry.values)
    if entry.kind is Kind.IDENTIFIED:
        return write(language, "identified.intro", cause=write(language, f"incident.{entry.cause}")) + " " + told
    if entry.kind is Kind.UPDATE or entry.kind is Kind.REOPENED:
        return write(language, f"{entry.kind}.intro", text=told)
    if entry.kind is Kind.CLOSED:
        return write(language, "closed.intro", duration=write_seconds(language, entry.values.get("duration_s", 0.0)))
    return told


def build_notice(incident: Incident, change: str, language: Language, base_url: str, name: str = "Zajil") -> str:
    """A change of an incident in one paragraph, for those who are told."""
    kind = Kind.CLOSED if change == Kind.CLOSED else Kind.OPENED
    told = [each for each in incident.entries if (each.kind is Kind.CLOSED) == (kind is Kind.CLOSED)]
    text = build_entry_text(told[-1], language) if told else ""
    url = f"{base_url}/status?lang={language}"
    return " ".join(
        write(language, f"notice.{kind}", name=name, title=build_title(incident, language), text=text, url=url).split()
    )
