"""The full-text index in a tsvector of our own words, as the `simple` configuration would make them."""

from collections.abc import Sequence

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.search import Hit, IndexedText, SearchQuery
from zajil.storage.stores.events import COLUMNS, SOURCE, build_stored_event
from zajil.storage.stores.search_progress import SqlSearchProgress

STEP_POSITIONS = 200
PLACE_MAX = 16_383
PLACES_PER_WORD_MAX = 255
"""Both are PostgreSQL's: further places of a word in a text count for nothing."""


class PostgresSearchStore(SqlSearchProgress):
    """`ports.stores.search.SearchStore`. Progress is counted in positions of the log."""

    async def load_step(self, tx: Read, reached: int, types: Sequence[str]) -> tuple[int, list[StoredEvent]]:
        newest: int = await tx.fetch_value("SELECT coalesce(max(position), 0) FROM events")
        end = max(reached, min(reached + STEP_POSITIONS, newest))
        marks = ",".join("?" * len(types))
        rows = await tx.fetch(
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.position > ? AND e.position <= ? AND e.type IN ({marks})"
            " ORDER BY e.position",
            reached,
            end,
            *types,
        )
        return end, [build_stored_event(row) for row in rows]

    async def store_texts(self, tx: Transaction, texts: Sequence[IndexedText]) -> None:
        await tx.execute_many(
            "INSERT INTO search_index (event_nid, words) VALUES (?, CAST(CAST(? AS text) AS tsvector))"
            " ON CONFLICT (event_nid) DO UPDATE SET words = excluded.words",
            [(each.event_nid, _build_vector(each)) for each in texts],
        )

    async def delete_texts(self, tx: Transaction, event_nids: Sequence[int]) -> None:
        await tx.execute_many("DELETE FROM search_index WHERE event_nid = ?", [(nid,) for nid in event_nids])

    async def find_newest(self, tx: Read, query: SearchQuery, before: int | None, limit: int) -> list[Hit]:
        rows = await tx.fetch(
            "SELECT event_nid FROM search_index WHERE words @@ CAST(CAST(? AS text) AS tsquery) AND event_nid < ?"
            " ORDER BY event_nid DESC LIMIT ?",
            _build_query(query),
            2**62 if before is None else before,
            limit,
        )
        return [Hit(row[0], 0.0) for row in rows]

    async def find_closest(self, tx: Read, query: SearchQuery, offset: int, limit: int) -> list[Hit]:
        rows = await tx.fetch(
            "SELECT event_nid, ts_rank(words, CAST(CAST(? AS text) AS tsquery), 1) AS score FROM search_index"
            " WHERE words @@ CAST(CAST(? AS text) AS tsquery) ORDER BY score DESC, event_nid DESC LIMIT ? OFFSET ?",
            _build_words(query.words),
            _build_query(query),
            limit,
            offset,
        )
        return [Hit(nid, float(score)) for nid, score in rows]

    async def count(self, tx: Read, query: SearchQuery, count_max: int) -> int:
        counted: int = await tx.fetch_value(
            "SELECT count(*) FROM (SELECT 1 FROM search_index WHERE words @@ CAST(CAST(? AS text) AS tsquery) LIMIT ?) AS matches",
            _build_query(query),
            count_max,
        )
        return counted


def _quote(word: str) -> str:
    """A lexeme. Words have letters and digits only, and are quoted all the same."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _build_vector(text: IndexedText) -> str:
    places: dict[str, list[str]] = {}
    for place, word in enumerate(text.words, 1):
        known = places.setdefault(word, [])
        if len(known) < PLACES_PER_WORD_MAX:
            known.append(str(min(place, PLACE_MAX)))
    words = [f"{_quote(word)}:{','.join(found)}" for word, found in places.items()]
    return " ".join([_quote(f"/{text.room_nid}"), _quote(f"/{text.key}"), *words])


def _build_words(words: Sequence[str]) -> str:
    return " & ".join(_quote(word) for word in words)


def _build_query(query: SearchQuery) -> str:
    rooms = " | ".join(_quote(f"/{nid}") for nid in query.room_nids)
    keys = " | ".join(_quote(f"/{key}") for key in query.keys)
    return f"({rooms}) & ({keys}) & {_build_words(query.words)}"
