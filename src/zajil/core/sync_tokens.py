"""The opaque tokens of the client-server API: places in the log, in a room's history, and in lists.

All are short URL-safe ASCII. Each has one spelling only, and a parser that answers None for everything else.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

TOKEN_CHARACTERS_MAX = 1024
NUMBER_MAX = 2**63 - 1
"""The largest number either database stores."""

_NATURAL = r"(0|[1-9][0-9]{0,18})"
_INTEGER = r"(0|-?[1-9][0-9]{0,18})"
_SYNC = re.compile(rf"s{_NATURAL}_{_NATURAL}_([0-9a-z]{{1,16}})_{_NATURAL}")
_ROOM = re.compile(rf"t{_INTEGER}_{_INTEGER}")
_LIST = re.compile(rf"l([a-z]{{1,16}})((?:\.(?:{_INTEGER}|~[A-Za-z0-9_-]*))*)")


@dataclass(frozen=True, slots=True)
class SyncToken:
    """A place in the log, as `next_batch` and `since` carry it (design, section 3)."""

    epoch: int
    """The log's epoch; restoring a backup starts a new one."""
    position: int
    instance: str
    """The process whose ephemeral counter this is: 1 to 16 of 0-9 and a-z."""
    ephemeral: int

    def __str__(self) -> str:
        return f"s{self.epoch}_{self.position}_{self.instance}_{self.ephemeral}"


@dataclass(frozen=True, slots=True)
class RoomToken:
    """A place between two events of a room's history order, for both directions of /messages.

    It stands right after the event with this order: backwards that event is the first to come, forwards it is not.
    """

    major: int
    minor: int

    def __str__(self) -> str:
        return f"t{self.major}_{self.minor}"


@dataclass(frozen=True, slots=True)
class ListToken:
    """Where a list goes on: the sort key of the last entry that was given out."""

    kind: str
    """Which list, 1 to 16 of a-z; a token of one list is no token of another."""
    key: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"l{self.kind}" + "".join("." + _build_part(part) for part in self.key)


def parse_sync_token(text: str) -> SyncToken | None:
    match = _match(_SYNC, text)
    if match is None:
        return None
    epoch, position, ephemeral = int(match[1]), int(match[2]), int(match[4])
    if max(epoch, position, ephemeral) > NUMBER_MAX:
        return None
    return SyncToken(epoch, position, match[3], ephemeral)


def parse_room_token(text: str) -> RoomToken | None:
    match = _match(_ROOM, text)
    if match is None:
        return None
    major, minor = int(match[1]), int(match[2])
    return RoomToken(major, minor) if max(abs(major), abs(minor)) <= NUMBER_MAX else None


def parse_list_token(text: str, kind: str) -> ListToken | None:
    match = _match(_LIST, text)
    if match is None or match[1] != kind:
        return None
    key: list[int | str] = []
    for part in match[2].split(".")[1:]:
        value = _parse_text(part[1:]) if part.startswith("~") else int(part)
        if value is None or (isinstance(value, int) and abs(value) > NUMBER_MAX):
            return None
        key.append(value)
    return ListToken(kind, tuple(key))


def _match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return pattern.fullmatch(text) if len(text) <= TOKEN_CHARACTERS_MAX else None


def _build_part(part: int | str) -> str:
    if isinstance(part, int):
        return str(part)
    return "~" + urlsafe_b64encode(part.encode("utf-8")).decode("ascii").rstrip("=")


def _parse_text(encoded: str) -> str | None:
    try:
        text = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8")
    except ValueError:
        return None
    return text if _build_part(text) == "~" + encoded else None
