"""The full-text index in FTS5, without the texts: what it finds are numbers of events."""

from collections.abc import Sequence

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.search import Hit, IndexedText, SearchQuery
from zajil.storage.stores.events import COLUMNS, SOURCE, build_stored_event
from zajil.storage.stores.search_progress import SqlSearchProgress

STEP_NUMBERS = 100
"""Local numbers in one step: it runs on the event loop."""


class SqliteSearchStore(SqlSearchProgress):
    """`ports.stores.search.SearchStore`. Progress is counted in events' numbers, which one writer gives in order."""

    async def load_step(self, tx: Read, reached: int, types: Sequence[str]) -> tuple[int, list[StoredEvent]]:
        newest: int = await tx.fetch_value("SELECT coalesce(max(event_nid), 0) FROM events")
        end = max(reached, min(reached + STEP_NUMBERS, newest))
        marks = ",".join("?" * len(types))
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.event_nid > ? AND e.event_nid <= ? AND e.type IN ({marks})"
            " ORDER BY e.event_nid",
            reached,
            end,
            *types,
        )
        return end, [build_stored_event(row) for row in rows]

    async def store_texts(self, tx: Transaction, texts: Sequence[IndexedText]) -> None:
        await tx.execute_many(
            "INSERT OR REPLACE INTO search_index (rowid, tags, words) VALUES (?, ?, ?)",
            [(each.event_nid, f"r{each.room_nid} {_tag(each.key)}", " ".join(each.words)) for each in texts],
        )

    async def delete_texts(self, tx: Transaction, event_nids: Sequence[int]) -> None:
        await tx.execute_many("DELETE FROM search_index WHERE rowid = ?", [(nid,) for nid in event_nids])

    async def find_newest(self, tx: Read, query: SearchQuery, before: int | None, limit: int) -> list[Hit]:
        rows = await tx.fetch(
            "SELECT rowid FROM search_index WHERE search_index MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?",
            _build_match(query),
            2**62 if before is None else before,
            limit,
        )
        return [Hit(nid, 0.0) for (nid,) in rows]

    async def find_closest(self, tx: Read, query: SearchQuery, offset: int, limit: int) -> list[Hit]:
        rows = await tx.fetch(
            "SELECT rowid, bm25(search_index, 0.0, 1.0) AS score FROM search_index WHERE search_index MATCH ?"
            " ORDER BY score, rowid DESC LIMIT ? OFFSET ?",
            _build_match(query),
            limit,
            offset,
        )
        return [Hit(nid, -score) for nid, score in rows]

    async def count(self, tx: Read, query: SearchQuery, count_max: int) -> int:
        counted: int = await tx.fetch_value(
            "SELECT count(*) FROM (SELECT 1 FROM search_index WHERE search_index MATCH ? LIMIT ?)",
            _build_match(query),
            count_max,
        )
        return counted


def _tag(key: str) -> str:
    return key.replace(".", "")


def _build_match(query: SearchQuery) -> str:
    """FTS5's query language. Words have letters and digits only, and stand in quotes all the same."""
    rooms = " OR ".join(f"r{nid}" for nid in query.room_nids)
    keys = " OR ".join(_tag(key) for key in query.keys)
    words = " AND ".join('"{}"'.format(word.replace('"', '""')) for word in query.words)
    return f"tags : ({rooms}) AND tags : ({keys}) AND words : ({words})"
