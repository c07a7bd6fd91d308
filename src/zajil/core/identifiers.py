"""Grammar of the Matrix identifiers (appendices, "Identifier Grammar").

Every check is total: any object of type str gets an answer, nothing raises, and every length is bounded in bytes.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

IDENTIFIER_BYTES_MAX = 255
SERVER_NAME_CHARACTERS_MAX = 255 + 6
DEVICE_ID_BYTES_MAX = 255
MEDIA_ID_CHARACTERS_MAX = 255
IDENTIFIERS_CACHED_MAX = 4096

_SERVER_NAME = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?")
_REGISTRATION_LOCALPART = re.compile(r"[a-z0-9._=/+-]+")
_HASH_OPAQUE_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_OPAQUE_ID = re.compile(r"[0-9A-Za-z._~-]{1,255}")
_NAMESPACED_ID = re.compile(r"[a-z][a-z0-9._-]{0,254}")
_MEDIA_ID = re.compile(rf"[0-9A-Za-z_-]{{1,{MEDIA_ID_CHARACTERS_MAX}}}")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


class UserId(NamedTuple):
    """The two halves of `@localpart:server_name`."""

    localpart: str
    server_name: str

    def __str__(self) -> str:
        return f"@{self.localpart}:{self.server_name}"


class RoomAlias(NamedTuple):
    """The two halves of `#localpart:server_name`."""

    localpart: str
    server_name: str

    def __str__(self) -> str:
        return f"#{self.localpart}:{self.server_name}"


class MxcUri(NamedTuple):
    """The two halves of `mxc://server_name/media_id`."""

    server_name: str
    media_id: str

    def __str__(self) -> str:
        return f"mxc://{self.server_name}/{self.media_id}"


def is_within_bytes(text: str, bytes_max: int) -> bool:
    """Whether the text is valid UTF-8 of at most `bytes_max` bytes. Lone surrogates are not."""
    if text.isascii():
        return len(text) <= bytes_max
    if len(text) > bytes_max:
        return False
    try:
        return len(text.encode()) <= bytes_max
    except UnicodeEncodeError:
        return False


def is_server_name(text: str) -> bool:
    """Appendices, "Server Name": a DNS name, an IPv4 address or a bracketed IPv6 address, and an optional port."""
    return len(text) <= SERVER_NAME_CHARACTERS_MAX and _is_server_name(text)


# Behind a check of the length, so that no long text stays in the cache.
@lru_cache(maxsize=IDENTIFIERS_CACHED_MAX)
def _is_server_name(text: str) -> bool:
    match = _SERVER_NAME.fullmatch(text)
    if match is None:
        return False
    if match[1] is None:
        return True
    try:
        IPv6Address(match[1])
    except AddressValueError:
        return False
    return True


def _split(text: str, sigil: str) -> tuple[str, str] | None:
    """Split `<sigil>localpart:server_name` at its first colon, or None when it does not have that form."""
    if not text.startswith(sigil):
        return None
    localpart, colon, server_name = text[1:].partition(":")
    if not colon or "\0" in localpart or not is_within_bytes(text, IDENTIFIER_BYTES_MAX):
        return None
    return (localpart, server_name) if is_server_name(server_name) else None


def parse_user_id(text: str) -> UserId | None:
    """Parse a user ID; the historical grammar (any localpart without colon and NUL, even empty) is accepted."""
    parts = _split(text, "@")
    return None if parts is None else UserId(*parts)


def is_user_id(text: str) -> bool:
    """Whether the text is a user ID, the historical grammar included."""
    return len(text) <= IDENTIFIER_BYTES_MAX and _is_user_id(text)


@lru_cache(maxsize=IDENTIFIERS_CACHED_MAX)
def _is_user_id(text: str) -> bool:
    return _split(text, "@") is not None


def is_valid_localpart_for_registration(localpart: str, server_name: str) -> bool:
    """Whether a new account may have this localpart: today's strict grammar, and 255 bytes in all."""
    return (
        _REGISTRATION_LOCALPART.fullmatch(localpart) is not None
        and len(localpart) + len(server_name) + 2 <= IDENTIFIER_BYTES_MAX
    )


def is_room_id(text: str) -> bool:
    """Whether the text is a room ID: `!opaque:server_name`, or `!hash` (room version 12)."""
    if not text.startswith("!"):
        return False
    if ":" in text:
        return _split(text, "!") is not None
    return _HASH_OPAQUE_ID.fullmatch(text, 1) is not None


def parse_room_alias(text: str) -> RoomAlias | None:
    """Parse `#localpart:server_name`; the localpart may not be empty nor hold a NUL."""
    parts = _split(text, "#")
    return RoomAlias(*parts) if parts is not None and parts[0] else None


def is_room_alias(text: str) -> bool:
    """Whether the text is a room alias."""
    return parse_room_alias(text) is not None


def is_event_id(text: str) -> bool:
    """Whether the text can be an event ID of any room version: `$` and at least one character, 255 bytes, no NUL."""
    return len(text) > 1 and text[0] == "$" and "\0" not in text and is_within_bytes(text, IDENTIFIER_BYTES_MAX)


def is_device_id(text: str) -> bool:
    """Whether the text may name a device: 1 to 255 bytes without control characters."""
    return bool(text) and is_within_bytes(text, DEVICE_ID_BYTES_MAX) and _CONTROL_CHARACTER.search(text) is None


def is_opaque_id(text: str) -> bool:
    """Appendices, "Opaque Identifiers": 1 to 255 of `0-9A-Za-z._~-`."""
    return _OPAQUE_ID.fullmatch(text) is not None


def is_namespaced_id(text: str) -> bool:
    """Appendices, "Common Namespaced Identifier Grammar"."""
    return _NAMESPACED_ID.fullmatch(text) is not None


def parse_mxc(text: str) -> MxcUri | None:
    """Parse `mxc://server_name/media_id` (client-server API, "Matrix Content URIs")."""
    if not text.startswith("mxc://"):
        return None
    server_name, slash, media_id = text[6:].partition("/")
    if not slash or not is_server_name(server_name) or _MEDIA_ID.fullmatch(media_id) is None:
        return None
    return MxcUri(server_name, media_id)


def server_name_of(identifier: str) -> str | None:
    """The text after the first colon, or None when there is none. Does not check the grammar of the rest."""
    _, colon, server_name = identifier.partition(":")
    return server_name if colon else None
