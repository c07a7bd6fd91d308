"""From the dialect of the stores to PostgreSQL's: placeholders, and which tables a statement is about."""

import re
from functools import lru_cache

STATEMENTS_KNOWN_MAX = 4096

_PARTS = re.compile(r"'(?:[^']|'')*'|\?")
_TARGET = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)
_WORD = re.compile(r"[a-z_][a-z_0-9]*")


@lru_cache(STATEMENTS_KNOWN_MAX)
def translate(sql: str) -> str:
    """`?` becomes `$1`, `$2` and so on; a `?` inside a quoted text stays."""
    count = 0

    def number(part: re.Match[str]) -> str:
        nonlocal count
        if part.group() != "?":
            return part.group()
        count += 1
        return f"${count}"

    return _PARTS.sub(number, sql)


@lru_cache(STATEMENTS_KNOWN_MAX)
def find_words(sql: str) -> frozenset[str]:
    """Every name in a statement; the tables it reads are among them."""
    return frozenset(_WORD.findall(sql.lower()))


@lru_cache(STATEMENTS_KNOWN_MAX)
def find_target(sql: str) -> str:
    """The table a statement writes to; empty when it is of another kind, and may concern anything."""
    found = _TARGET.match(sql)
    return found.group(1).lower() if found else ""
