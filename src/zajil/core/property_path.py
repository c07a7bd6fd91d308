"""Dot-separated property paths (spec appendices), as push rules and filters use them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Path = tuple[str, ...]

ABSENT: Final = object()
"""What `get_property` answers when there is nothing at a path."""


def parse_path(text: str) -> Path:
    """The keys of a path; a backslash keeps the next dot or backslash as it is."""
    parts = [""]
    escaped = False
    for character in text:
        if escaped:
            parts[-1] += character if character in ".\\" else "\\" + character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ".":
            parts.append("")
        else:
            parts[-1] += character
    if escaped:
        parts[-1] += "\\"
    return tuple(parts)


def get_property(event: Mapping[str, Any], path: Path) -> Any:
    """The value at a path, or `ABSENT`."""
    value: Any = event
    for key in path:
        value = value.get(key, ABSENT) if isinstance(value, Mapping) else ABSENT
        if value is ABSENT:
            break
    return value


def project(event: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Only those properties of an event that some paths name, with the objects they are in."""
    result: dict[str, Any] = {}
    # A shorter path comes first; the longer ones below it then find everything there already.
    for path in sorted(paths, key=len):
        value = get_property(event, path)
        if value is ABSENT:
            continue
        target: dict[str, Any] = result
        source: Any = event
        for key in path[:-1]:
            source = source[key]
            inner = target.setdefault(key, {})
            if inner is source:
                break
            target = inner
        else:
            target.setdefault(path[-1], value)
    return result
