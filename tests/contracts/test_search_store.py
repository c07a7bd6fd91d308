"""The full-text index, on every engine."""

import pytest

from zajil.core.search_text import tokenise
from zajil.ports.database import Database, Transaction
from zajil.ports.stores.search import IndexedText, SearchKey, SearchQuery, SearchStore
from zajil.storage.postgres.search import PostgresSearchStore
from zajil.storage.sqlite.engine import SqliteDatabase
from zajil.storage.sqlite.search import SqliteSearchStore

ALL_KEYS: list[SearchKey] = ["content.body", "content.name", "content.topic"]


@pytest.fixture
def store(database: Database) -> SearchStore:
    return SqliteSearchStore() if isinstance(database, SqliteDatabase) else PostgresSearchStore()


def text(nid: int, room_nid: int, words: str, key: SearchKey = "content.body") -> IndexedText:
    return IndexedText(nid, room_nid, key, tokenise(words))


def ask(words: str, *room_nids: int, keys: list[SearchKey] = ALL_KEYS) -> SearchQuery:
    return SearchQuery(tokenise(words), list(room_nids), keys)


async def find(database: Database, store: SearchStore, query: SearchQuery, before: int | None = None) -> list[int]:
    return [hit.event_nid for hit in await store.find_newest(database.reader, query, before, 10)]


async def fill(database: Database, store: SearchStore, *texts: IndexedText) -> None:
    async def item(tx: Transaction) -> None:
        await store.store_texts(tx, texts)

    await database.write(item)


async def test_words_rooms_and_keys(database: Database, store: SearchStore) -> None:
    await fill(
        database,
        store,
        text(1, 7, "The quick brown fox"),
        text(2, 7, "a quick note"),
        text(3, 8, "quick elsewhere"),
        text(4, 7, "quick room", "content.name"),
        text(5, 77, "quick too"),
    )
    assert await find(database, store, ask("quick", 7)) == [4, 2, 1]
    assert await find(database, store, ask("quick", 7, 8)) == [4, 3, 2, 1]
    assert await find(database, store, ask("QUICK fox", 7)) == [1]
    assert await find(database, store, ask("qui", 7)) == []
    assert await find(database, store, ask("quick", 7, keys=["content.body"])) == [2, 1]
    assert await find(database, store, ask("quick", 7), before=2) == [1]
    assert await store.count(database.reader, ask("quick", 7, 8, 77), 100) == 5
    assert await store.count(database.reader, ask("quick", 7, 8, 77), 3) == 3
    # The names of tags and the query languages' own words are words like any other.
    for word in ("r7", "contentbody", "and", "or", "not", "near", "tags"):
        assert await find(database, store, ask(word, 7)) == []


async def test_arabic_is_found_however_it_is_written(database: Database, store: SearchStore) -> None:
    await fill(database, store, text(1, 7, "السَّلَامُ عَلَيْكُمْ يا أحمد"), text(2, 7, "مدرسة ١٢٣"))
    assert await find(database, store, ask("السلام", 7)) == [1]
    assert await find(database, store, ask("احمد عليكم", 7)) == [1]
    assert await find(database, store, ask("مدرسه 123", 7)) == [2]
    assert await find(database, store, ask("نص", 7)) == []


@pytest.mark.parametrize(
    "words", ["हिन्दी", "日本語", "emoji 😀 word", "x" * 100, "don't stop", "a\\b", "naïve", "ᏣᎳᎩ", "𞤀𞤣𞤤𞤢𞤥"]
)
async def test_every_script_is_found(database: Database, store: SearchStore, words: str) -> None:
    await fill(database, store, text(1, 7, f"before {words} after"))
    assert await find(database, store, ask(words, 7)) == [1]


async def test_replacing_and_deleting(database: Database, store: SearchStore) -> None:
    await fill(database, store, text(1, 7, "first words"), text(2, 7, "second words"))
    await fill(database, store, text(1, 7, "other words"))
    assert await find(database, store, ask("first", 7)) == []
    assert await find(database, store, ask("words", 7)) == [2, 1]

    async def delete(tx: Transaction) -> None:
        await store.delete_texts(tx, [1, 99])

    await database.write(delete)
    assert await find(database, store, ask("words", 7)) == [2]


async def test_rank(database: Database, store: SearchStore) -> None:
    await fill(
        database,
        store,
        text(1, 7, "pigeon"),
        text(2, 7, "pigeon " + "filler " * 200),
        text(3, 7, "pigeon pigeon pigeon"),
        *(text(nid, 7, "something else") for nid in range(10, 40)),
    )
    hits = await store.find_closest(database.reader, ask("pigeon", 7), 0, 10)
    assert {hits[0].event_nid, hits[1].event_nid} == {1, 3}
    assert hits[2].event_nid == 2
    assert hits[0].rank >= hits[1].rank > hits[2].rank > 0
    rest = await store.find_closest(database.reader, ask("pigeon", 7), 1, 10)
    assert [hit.event_nid for hit in rest] == [hit.event_nid for hit in hits[1:]]


async def test_many_rooms_and_long_texts(database: Database, store: SearchStore) -> None:
    await fill(database, store, text(1, 999, " ".join(f"w{number}" for number in range(20_000))))
    assert await find(database, store, ask("w1 w9999", *range(1, 1001))) == [1]


async def test_progress_and_edits(database: Database, store: SearchStore) -> None:
    assert await store.load_progress(database.reader) == 0
    assert await store.load_step(database.reader, 0, ["m.room.message"]) == (0, [])
    assert await database.write(lambda tx: store.store_progress(tx, 0, 10))
    assert not await database.write(lambda tx: store.store_progress(tx, 0, 20))
    assert await store.load_progress(database.reader) == 10
    await database.write(lambda tx: store.store_edits(tx, [(5, 3), (5, 3)]))
    assert await store.load_original(database.reader, 5) == 3
    assert await store.load_original(database.reader, 6) is None
