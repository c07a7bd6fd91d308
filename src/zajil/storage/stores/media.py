"""The media repository's tables."""

from collections.abc import Sequence
from dataclasses import astuple

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.media import MediaRow, ThumbnailRow
from zajil.ports.thumbnailer import ThumbnailShape

COLUMNS = (
    "media_nid, server_name, media_id, uploader, created_ts_ms, expires_ts_ms, used_ts_ms, storage_key, size,"
    " content_type, file_name"
)
SHAPE = "media_nid = ? AND width = ? AND height = ? AND crops = ? AND animated = ?"


class SqlMediaRows:
    """`ports.stores.media.MediaRows`."""

    async def load(self, tx: Read, server_name: str, media_id: str) -> MediaRow | None:
        sql = f"SELECT {COLUMNS} FROM media WHERE server_name = ? AND media_id = ?"
        row = await tx.fetch_row(sql, server_name, media_id)
        return None if row is None else MediaRow(*row)

    async def insert(self, tx: Transaction, row: MediaRow) -> bool:
        sql = (
            f"INSERT INTO media ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (server_name, media_id) DO NOTHING"
        )
        return await tx.execute_counting(sql, *astuple(row)) == 1

    async def fill(self, tx: Transaction, row: MediaRow) -> bool:
        sql = (
            "UPDATE media SET expires_ts_ms = NULL, storage_key = ?, size = ?, content_type = ?, file_name = ?"
            " WHERE media_nid = ? AND storage_key IS NULL"
        )
        args = (row.storage_key, row.size, row.content_type, row.file_name, row.media_nid)
        return await tx.execute_counting(sql, *args) == 1

    async def delete(self, tx: Transaction, row: MediaRow, due_ts_ms: int) -> None:
        if not await tx.execute_counting("DELETE FROM media WHERE media_nid = ?", row.media_nid):
            return
        thumbnails = await tx.fetch("SELECT storage_key FROM media_thumbnails WHERE media_nid = ?", row.media_nid)
        await tx.execute("DELETE FROM media_thumbnails WHERE media_nid = ?", row.media_nid)
        for key in (row.storage_key, *(thumbnail[0] for thumbnail in thumbnails)):
            if key:
                await self.insert_garbage(tx, key, due_ts_ms)
        if row.uploader is not None and row.size:
            await self.add_usage(tx, row.uploader, -row.size)

    async def set_used(self, tx: Transaction, media_nid: int, used_ts_ms: int) -> None:
        await tx.execute("UPDATE media SET used_ts_ms = ? WHERE media_nid = ?", used_ts_ms, media_nid)

    async def load_pending_count(self, tx: Read, uploader: str, now_ms: int) -> int:
        sql = "SELECT COUNT(*) FROM media WHERE uploader = ? AND expires_ts_ms > ? AND storage_key IS NULL"
        count: int = await tx.fetch_value(sql, uploader, now_ms)
        return count

    async def load_expired(self, tx: Read, now_ms: int, count_max: int) -> list[MediaRow]:
        sql = f"SELECT {COLUMNS} FROM media WHERE expires_ts_ms <= ? ORDER BY expires_ts_ms LIMIT ?"
        return [MediaRow(*row) for row in await tx.fetch(sql, now_ms, count_max)]

    async def load_unused(self, tx: Read, used_before_ms: int, count_max: int) -> list[MediaRow]:
        sql = f"SELECT {COLUMNS} FROM media WHERE used_ts_ms < ? ORDER BY used_ts_ms LIMIT ?"
        return [MediaRow(*row) for row in await tx.fetch(sql, used_before_ms, count_max)]

    async def load_remote_size(self, tx: Read) -> int:
        media: int = await tx.fetch_value("SELECT coalesce(sum(size), 0) FROM media WHERE used_ts_ms IS NOT NULL")
        thumbnails: int = await tx.fetch_value(
            "SELECT coalesce(sum(t.size), 0) FROM media m JOIN media_thumbnails t ON t.media_nid = m.media_nid"
            " WHERE m.used_ts_ms IS NOT NULL AND t.storage_key <> ''"
        )
        return media + thumbnails

    async def load_uploads(self, tx: Read, uploader: str, after_nid: int, count_max: int) -> list[MediaRow]:
        sql = f"SELECT {COLUMNS} FROM media WHERE uploader = ? AND media_nid > ? ORDER BY media_nid LIMIT ?"
        return [MediaRow(*row) for row in await tx.fetch(sql, uploader, after_nid, count_max)]

    async def load_usage(self, tx: Read, user_id: str) -> int:
        usage: int | None = await tx.fetch_value("SELECT bytes FROM media_usage WHERE user_id = ?", user_id)
        return usage or 0

    async def add_usage(self, tx: Transaction, user_id: str, count: int) -> None:
        sql = (
            "INSERT INTO media_usage (user_id, bytes) VALUES (?, ?)"
            " ON CONFLICT (user_id) DO UPDATE SET bytes = media_usage.bytes + excluded.bytes"
        )
        await tx.execute(sql, user_id, count)

    async def load_thumbnail(self, tx: Read, media_nid: int, shape: ThumbnailShape) -> ThumbnailRow | None:
        sql = f"SELECT storage_key, size, content_type FROM media_thumbnails WHERE {SHAPE}"
        row = await tx.fetch_row(sql, media_nid, *build_shape(shape))
        return None if row is None else ThumbnailRow(*row)

    async def load_thumbnail_count(self, tx: Read, media_nid: int) -> int:
        count: int = await tx.fetch_value("SELECT COUNT(*) FROM media_thumbnails WHERE media_nid = ?", media_nid)
        return count

    async def insert_thumbnail(self, tx: Transaction, media_nid: int, shape: ThumbnailShape, row: ThumbnailRow) -> bool:
        if not await tx.fetch("SELECT 1 FROM media WHERE media_nid = ?", media_nid):
            return False
        sql = (
            "INSERT INTO media_thumbnails (media_nid, width, height, crops, animated, storage_key, size, content_type)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (media_nid, width, height, crops, animated) DO NOTHING"
        )
        return await tx.execute_counting(sql, media_nid, *build_shape(shape), *astuple(row)) == 1

    async def insert_garbage(self, tx: Transaction, storage_key: str, due_ts_ms: int) -> None:
        sql = (
            "INSERT INTO media_garbage (storage_key, due_ts_ms) VALUES (?, ?)"
            " ON CONFLICT (storage_key) DO UPDATE SET due_ts_ms = excluded.due_ts_ms"
        )
        await tx.execute(sql, storage_key, due_ts_ms)

    async def delete_garbage(self, tx: Transaction, storage_keys: Sequence[str]) -> int:
        count = 0
        for key in storage_keys:
            count += await tx.execute_counting("DELETE FROM media_garbage WHERE storage_key = ?", key)
        return count

    async def load_garbage(self, tx: Read, now_ms: int, count_max: int) -> list[str]:
        sql = "SELECT storage_key FROM media_garbage WHERE due_ts_ms <= ? ORDER BY due_ts_ms LIMIT ?"
        return [row[0] for row in await tx.fetch(sql, now_ms, count_max)]

    async def load_preview(self, tx: Read, url: str, now_ms: int) -> bytes | None:
        sql = "SELECT json FROM url_previews WHERE url = ? AND expires_ts_ms > ?"
        json: bytes | None = await tx.fetch_value(sql, url, now_ms)
        return json

    async def store_preview(self, tx: Transaction, url: str, expires_ts_ms: int, json: bytes) -> None:
        sql = (
            "INSERT INTO url_previews (url, expires_ts_ms, json) VALUES (?, ?, ?)"
            " ON CONFLICT (url) DO UPDATE SET expires_ts_ms = excluded.expires_ts_ms, json = excluded.json"
        )
        await tx.execute(sql, url, expires_ts_ms, json)

    async def delete_expired_previews(self, tx: Transaction, now_ms: int) -> None:
        await tx.execute("DELETE FROM url_previews WHERE expires_ts_ms <= ?", now_ms)


def build_shape(shape: ThumbnailShape) -> tuple[int, int, int, int]:
    return (shape.width, shape.height, int(shape.crops), int(shape.animated))
