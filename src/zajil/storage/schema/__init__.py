"""The tables, one file per subject.

Files run in the order of their names at every start; every statement is idempotent (`IF NOT EXISTS`), and changes only ever add
(expand / contract, invariant 4). The dialect is SQLite's; for PostgreSQL a few words are exchanged. `-- only: ENGINE`
before a statement keeps it to one engine.
"""

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable

_POSTGRES_WORDS = (
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\)\s*WITHOUT ROWID"), ")"),
)


def load_statements(folder: Traversable, *, engine: str) -> Iterator[str]:
    """The schema's statements for one engine, in order."""
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        for statement in file.read_text(encoding="utf-8").split(";\n"):
            only = re.search(r"^-- only: (\w+)$", statement, re.MULTILINE)
            text = re.sub(r"^\s*--.*$", "", statement, flags=re.MULTILINE).strip().rstrip(";")
            if not text or (only and only.group(1) != engine):
                continue
            if engine == "postgres" and not only:
                for pattern, word in _POSTGRES_WORDS:
                    text = pattern.sub(word, text)
            yield text
