"""Globs (spec appendices): `*` is any run of characters, `?` any one. Case counts: callers fold both sides or neither.

Patterns come from users and texts from strangers, so nothing here backtracks over a `*`: taking the earliest place for
each part between two stars is enough, because a later place only leaves less text for the rest.
"""

import re
from collections.abc import Callable

Match = Callable[[str], bool]

_WORD_BEFORE = "(?<![a-z0-9_])"
_WORD_AFTER = "(?![a-z0-9_])"
_WORD_CHARACTER = re.compile("[a-z0-9_]")


def compile_glob(pattern: str, question_mark: bool = True) -> Match:
    """A test whether the whole of a text matches; without question_mark only `*` is special."""
    if "*" not in pattern:
        if "?" not in pattern or not question_mark:
            return pattern.__eq__
        whole = _compile_part(pattern)
        return lambda text: whole.fullmatch(text) is not None
    first, *middle, last = pattern.split("*")
    head, tail, *inner = (_compile_part(part, question_mark) for part in (first, last, *filter(None, middle)))

    def matches(text: str) -> bool:
        # Every part has a fixed length, so the last one can only stand at the very end.
        end = len(text) - len(last)
        at = len(first)
        if at > end or not head.match(text) or not tail.match(text, end):
            return False
        for part in inner:
            found = part.search(text, at, end)
            if not found:
                return False
            at = found.end()
        return True

    return matches


def compile_word_glob(pattern: str) -> Match:
    """A test whether some part of a text matches that starts and ends at a word boundary.

    Both are in lower case. A boundary is an end of the text, or next to a character that is not one of A-Z, a-z, 0-9 and _.
    """
    parts = [_translate(part) for part in pattern.split("*")]
    # An empty first part can start at the start of the text, an empty last part ends at its end.
    parts[0] = _bound_start(pattern, parts[0])
    parts[-1] = _bound_end(pattern, parts[-1])
    searches = [re.compile(part, re.DOTALL) for part in parts if part]

    def matches(text: str) -> bool:
        at = 0
        for search in searches:
            found = search.search(text, at)
            if not found:
                return False
            at = found.end()
        return True

    return matches


def contains_word(text: str, word: str) -> bool:
    """Whether a text has the word, between word boundaries, as it stands (no wildcards)."""
    before = _WORD_BEFORE if _WORD_CHARACTER.match(word[:1]) else ""
    after = _WORD_AFTER if _WORD_CHARACTER.match(word[-1:]) else ""
    return bool(word) and re.search(before + re.escape(word) + after, text) is not None


def _bound_start(pattern: str, part: str) -> str:
    if not part or not _can_be_word(pattern[0]):
        return part
    return (_WORD_BEFORE if pattern[0] != "?" else f"(?:{_WORD_BEFORE}|{_WORD_AFTER})") + part


def _bound_end(pattern: str, part: str) -> str:
    if not part or not _can_be_word(pattern[-1]):
        return part
    return part + (_WORD_AFTER if pattern[-1] != "?" else f"(?:{_WORD_BEFORE}|{_WORD_AFTER})")


def _can_be_word(character: str) -> bool:
    return character == "?" or _WORD_CHARACTER.match(character) is not None


def _compile_part(part: str, question_mark: bool = True) -> re.Pattern[str]:
    return re.compile(_translate(part) if question_mark else re.escape(part), re.DOTALL)


def _translate(part: str) -> str:
    return re.escape(part).replace(r"\?", ".")
