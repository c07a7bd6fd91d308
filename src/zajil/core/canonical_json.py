"""Canonical JSON (appendices, "Canonical JSON").

Room versions 6 and later forbid floats and integers beyond 53 bits: orjson with sorted keys writes exactly the
canonical form (UTF-8 byte order of keys is code-point order). Versions 1 to 5 permit both, and hash them as the
Python standard library formats them.
"""

import json
import re
from typing import Any, Final

import orjson

CANONICAL_INTEGER_MAX: Final = 2**53 - 1
CLIENT_DEPTH_MAX: Final = 100
ENCODE_DEPTH_MAX: Final = 1100

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_SUBCLASS
_INTEGER_TEXT: Final = re.compile(r"-?[0-9]{1,16}")
_LEGACY_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True, check_circular=False
)


class CanonicalJsonError(ValueError):
    """The value has no canonical form. Raised where the caller should have checked before."""


def parse_canonical_integer(value: object) -> int | None:
    """The one strict integer parser: an int (not a bool) within 53 bits, or None."""
    if type(value) is int and -CANONICAL_INTEGER_MAX <= value <= CANONICAL_INTEGER_MAX:
        return value
    return None


def parse_integer_text(text: str) -> int | None:
    """A decimal integer from a query string or path: ASCII digits with an optional minus, within 53 bits."""
    if _INTEGER_TEXT.fullmatch(text) is None:
        return None
    return parse_canonical_integer(int(text))


def check_canonical(value: object, *, depth_max: int = CLIENT_DEPTH_MAX) -> str | None:
    """Why the value is not canonical JSON (a phrase such as "it contains a float"), or None when it is.

    Depth counts containers: `{}` has depth 1. Runs level by level, so depth costs no stack.
    """
    level: list[Any] = [value]
    depth = 0
    while level:
        deeper: list[Any] = []
        nested = False
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and not _is_utf8(item):
                    return "it contains text that is not valid Unicode"
            elif kind is dict:
                nested = True
                try:
                    keys = "".join(item)
                except TypeError:
                    return "it contains a key that is not a string"
                if not keys.isascii() and not _is_utf8(keys):
                    return "it contains a key that is not valid Unicode"
                deeper.extend(item.values())
            elif kind is int:
                if not -CANONICAL_INTEGER_MAX <= item <= CANONICAL_INTEGER_MAX:
                    return "it contains an integer beyond 53 bits"
            elif kind is list:
                nested = True
                deeper.extend(item)
            elif kind is float:
                return "it contains a number that is not an integer"
            elif item is not None and kind is not bool:
                return "it contains a value that JSON does not have"
        depth += nested
        if depth > depth_max:
            return f"it is nested deeper than {depth_max} levels"
        level = deeper
    return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_canonical(value: object, *, strict: bool = True) -> bytes:
    """The canonical bytes of a value. `strict` is False for room versions 1 to 5 only.

    Raises CanonicalJsonError for a value that has none (floats and big integers when strict, lone surrogates always).
    """
    if not strict:
        return _encode_legacy(value)
    reason = check_canonical(value, depth_max=ENCODE_DEPTH_MAX)
    if reason is not None:
        raise CanonicalJsonError(f"This has no canonical JSON form: {reason}.")
    return encode_checked(value)


def encode_checked(value: object) -> bytes:
    """As `encode_canonical`, for a value that `check_canonical` has passed: does not look for floats again."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # too deep for orjson (or a caller's bug, which the slower encoder reports)
        return _encode_deep(value)


def _encode_legacy(value: object) -> bytes:
    try:
        return _LEGACY_ENCODER.encode(value).encode()
    except RecursionError:
        return _encode_deep(value)
    except (TypeError, ValueError) as error:
        raise CanonicalJsonError(f"This has no canonical JSON form: {error}.") from error


def _encode_deep(value: object) -> bytes:
    """Encode without recursion, for documents that are nested deeper than the fast encoders go."""
    pieces: list[str] = []
    todo: list[tuple[bool, Any]] = [(False, value)]  # (is literal text, item)
    try:
        while todo:
            is_text, item = todo.pop()
            if is_text:
                pieces.append(item)
            elif type(item) is dict:
                todo.append((True, "}"))
                for position, key in reversed(list(enumerate(sorted(item)))):
                    todo.append((False, item[key]))
                    todo.append((True, ("," if position else "") + _LEGACY_ENCODER.encode(key) + ":"))
                todo.append((True, "{"))
            elif type(item) is list:
                todo.append((True, "]"))
                for position in range(len(item) - 1, -1, -1):
                    todo.append((False, item[position]))
                    if position:
                        todo.append((True, ","))
                todo.append((True, "["))
            else:
                pieces.append(_LEGACY_ENCODER.encode(item))
        return "".join(pieces).encode()
    except (TypeError, ValueError) as error:
        raise CanonicalJsonError(f"This has no canonical JSON form: {error}.") from error


def parse_json(data: bytes | str, *, strict: bool = True) -> Any:
    """Parse JSON. Not strict (room versions 1 to 5): integers beyond 64 bits keep their digits.

    Raises ValueError for what is not JSON.
    """
    if strict:
        return orjson.loads(data)
    try:
        return json.loads(data)
    except RecursionError:
        return orjson.loads(data)
