"""The tables, one file per subject.

Files run in the order of their names at every start; every statement is idempotent (`IF NOT EXISTS`), and changes only ever add
(expand / contract, invariant 4). The dialect is SQLite's (INTEGER, REAL, TEXT, BLOB and no other types); for PostgreSQL a few
words are exchanged. `-- only: ENGINE` before a statement keeps it to one engine.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable

_POSTGRES_WORDS = (
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\bREAL\b"), "DOUBLE PRECISION"),
    # Texts sort and compare by code point everywhere, whatever the operating system's or the database's language.
    (re.compile(r"\bTEXT\b"), 'TEXT COLLATE "C"'),
    (re.compile(r"\)\s*WITHOUT ROWID"), ")"),
)

_ONLY = re.compile(r"^-- only: (\w+)$", re.MULTILINE)
_TABLE_END = re.compile(r"\)(\s*WITHOUT ROWID)?$")


def build_fingerprint(statements: Iterable[str]) -> int:
    """A number of 31 bits that changes with the schema."""
    return int.from_bytes(hashlib.sha256("\n".join(statements).encode()).digest()[:4]) >> 1


def _split(text: str) -> Iterator[str]:
    """Statements with the comments before them. A statement ends at a line that ends in `;` before its comment."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.partition("--")[0].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    yield "\n".join(lines)


def load_statements(folder: Traversable, *, engine: str) -> Iterator[str]:
    """The statements of a folder's files for one engine, in order."""
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            yield from parse_statements(file.read_text(encoding="utf-8"), engine=engine)


def parse_statements(source: str, *, engine: str) -> Iterator[str]:
    """The statements of one file for one engine."""
    for statement in _split(source):
        only = _ONLY.search(statement)
        text = re.sub(r"--.*$", "", statement, flags=re.MULTILINE).strip().rstrip(";")
        if not text or (only and only.group(1) != engine):
            continue
        if engine == "postgres" and not only:
            for pattern, word in _POSTGRES_WORDS:
                text = pattern.sub(word, text)
        if engine == "sqlite" and text.startswith("CREATE TABLE"):
            # Wrong types fail on SQLite as they do on PostgreSQL.
            text = _TABLE_END.sub(lambda end: ") WITHOUT ROWID, STRICT" if end.group(1) else ") STRICT", text)
        yield text
