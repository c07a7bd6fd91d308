"""`ports.stores.media.MediaRows`, on every engine."""

import asyncio

from zajil.ports.database import Database, Transaction
from zajil.ports.stores.media import MediaRow, ThumbnailRow
from zajil.ports.thumbnailer import ThumbnailShape
from zajil.storage.stores.media import SqlMediaRows

ROWS = SqlMediaRows()
ANNA = "@anna:example.org"
SHAPE = ThumbnailShape(32, 32, crops=True)


def build(nid: int, media_id: str, **changes: object) -> MediaRow:
    row = MediaRow(nid, "example.org", media_id, ANNA, 1000, None, None, f"key{nid}", 10, "image/png", "ü.png")
    for name, value in changes.items():
        setattr(row, name, value)
    return row


async def test_a_row_comes_back_as_it_was_stored(database: Database) -> None:
    large = build(2, "large", size=2**40, created_ts_ms=2**42, file_name=None, uploader=None, used_ts_ms=2**42)
    for row in (build(1, "small"), large):
        assert await database.write(lambda tx, row=row: ROWS.insert(tx, row))
        assert await ROWS.load(database.reader, "example.org", row.media_id) == row
        assert not await database.write(lambda tx, row=row: ROWS.insert(tx, build(9, row.media_id)))
    assert await ROWS.load(database.reader, "example.com", "small") is None


async def test_content_is_given_once(database: Database) -> None:
    pending = build(1, "later", storage_key=None, size=0, expires_ts_ms=5000)
    await database.write(lambda tx: ROWS.insert(tx, pending))
    assert await ROWS.load_pending_count(database.reader, ANNA, 4999) == 1
    assert await ROWS.load_pending_count(database.reader, ANNA, 5000) == 0
    filled = await asyncio.gather(
        *(
            database.write(lambda tx, nid=nid: ROWS.fill(tx, build(1, "later", storage_key=f"key{nid}")))
            for nid in range(5)
        )
    )
    assert sum(filled) == 1
    row = await ROWS.load(database.reader, "example.org", "later")
    assert row == build(1, "later", storage_key=f"key{filled.index(True)}")
    assert await ROWS.load_pending_count(database.reader, ANNA, 0) == 0
    assert await ROWS.load_expired(database.reader, 10_000, 10) == []


async def test_usage_is_counted_and_given_back(database: Database) -> None:
    async def upload(tx: Transaction) -> None:
        await ROWS.insert(tx, build(1, "a", size=2**40))
        await ROWS.add_usage(tx, ANNA, 2**40)

    assert await ROWS.load_usage(database.reader, ANNA) == 0
    await database.write(upload)
    await database.write(lambda tx: ROWS.add_usage(tx, ANNA, 7))
    assert await ROWS.load_usage(database.reader, ANNA) == 2**40 + 7
    for _ in range(2):
        await database.write(lambda tx: ROWS.delete(tx, build(1, "a", size=2**40), 0))
        assert await ROWS.load_usage(database.reader, ANNA) == 7


async def test_what_is_deleted_becomes_garbage(database: Database) -> None:
    async def prepare(tx: Transaction) -> None:
        await ROWS.insert(tx, build(1, "a"))
        await ROWS.insert_thumbnail(tx, 1, SHAPE, ThumbnailRow("thumbnail", 5, "image/png"))
        await ROWS.insert_thumbnail(tx, 1, ThumbnailShape(96, 96), ThumbnailRow("", 10, "image/png"))

    await database.write(prepare)
    await database.write(lambda tx: ROWS.delete(tx, build(1, "a"), 9000))
    assert await ROWS.load(database.reader, "example.org", "a") is None
    assert await ROWS.load_thumbnail(database.reader, 1, SHAPE) is None
    assert await ROWS.load_garbage(database.reader, 8999, 10) == []
    assert sorted(await ROWS.load_garbage(database.reader, 9000, 10)) == ["key1", "thumbnail"]
    assert await database.write(lambda tx: ROWS.delete_garbage(tx, ["key1", "thumbnail", "unknown"])) == 2
    assert await ROWS.load_garbage(database.reader, 9000, 10) == []


async def test_thumbnails(database: Database) -> None:
    await database.write(lambda tx: ROWS.insert(tx, build(1, "a")))
    made = ThumbnailRow("thumbnail", 5, "image/jpeg")
    assert await database.write(lambda tx: ROWS.insert_thumbnail(tx, 1, SHAPE, made))
    assert not await database.write(lambda tx: ROWS.insert_thumbnail(tx, 1, SHAPE, ThumbnailRow("b", 1, "image/png")))
    assert not await database.write(lambda tx: ROWS.insert_thumbnail(tx, 2, SHAPE, made))
    assert await ROWS.load_thumbnail(database.reader, 1, SHAPE) == made
    assert await ROWS.load_thumbnail(database.reader, 1, ThumbnailShape(32, 32)) is None
    assert await ROWS.load_thumbnail(database.reader, 1, ThumbnailShape(32, 32, crops=True, animated=True)) is None
    assert await ROWS.load_thumbnail_count(database.reader, 1) == 1


async def test_expired_unused_and_uploaded(database: Database) -> None:
    async def prepare(tx: Transaction) -> None:
        for nid in range(5):
            await ROWS.insert(tx, build(nid + 1, f"picture{nid}", uploader=None, expires_ts_ms=1000 + nid))
            await ROWS.insert(tx, build(nid + 11, f"remote{nid}", uploader=None, used_ts_ms=1000 + nid))
            await ROWS.insert(tx, build(nid + 21, f"upload{nid}"))

    await database.write(prepare)
    reader = database.reader
    assert [row.media_id for row in await ROWS.load_expired(reader, 1002, 10)] == ["picture0", "picture1", "picture2"]
    assert [row.media_id for row in await ROWS.load_expired(reader, 9999, 2)] == ["picture0", "picture1"]
    assert [row.media_id for row in await ROWS.load_unused(reader, 1002, 10)] == ["remote0", "remote1"]
    await database.write(lambda tx: ROWS.set_used(tx, 11, 5000))
    assert [row.media_id for row in await ROWS.load_unused(reader, 1002, 10)] == ["remote1"]
    assert [row.media_nid for row in await ROWS.load_uploads(reader, ANNA, 22, 2)] == [23, 24]
    made = ThumbnailRow("thumbnail", 7, "image/jpeg")
    before = await ROWS.load_remote_size(reader)
    assert before == 5 * build(1, "a").size
    for nid in (11, 21):
        await database.write(lambda tx, nid=nid: ROWS.insert_thumbnail(tx, nid, SHAPE, made))
    assert await ROWS.load_remote_size(reader) == before + 7, "the thumbnail of an upload does not count"


async def test_previews(database: Database) -> None:
    url = "https://example.org/حمامة?" + "x" * 2000
    for json in (b"{}", b'{"og:title":"x"}'):
        await database.write(lambda tx, json=json: ROWS.store_preview(tx, url, 2000, json))
        assert await ROWS.load_preview(database.reader, url, 1999) == json
    assert await ROWS.load_preview(database.reader, url, 2000) is None
    await database.write(lambda tx: ROWS.delete_expired_previews(tx, 1999))
    assert await ROWS.load_preview(database.reader, url, 0) is not None
    await database.write(lambda tx: ROWS.delete_expired_previews(tx, 2000))
    assert await ROWS.load_preview(database.reader, url, 0) is None
