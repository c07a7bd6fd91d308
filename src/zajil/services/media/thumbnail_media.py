"""Thumbnails of uploaded pictures, made when first asked for (client-server API, "Thumbnails")."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from zajil.core.identifiers import MxcUri
from zajil.core.thumbnail_sizes import build_size
from zajil.ports.database import Transaction
from zajil.ports.media_store import MediaStoreUnavailable
from zajil.ports.stores.media import MediaRow, ThumbnailRow
from zajil.ports.thumbnailer import NotAPicture, PictureTooLarge, Thumbnail, ThumbnailerBusy, ThumbnailShape
from zajil.services.app import App
from zajil.services.errors import MatrixError, limit_exceeded
from zajil.services.media.download_media import load_media
from zajil.services.media.media_repository import read_object, store_object, store_unavailable

# More shapes of one picture are made, but not kept.
THUMBNAILS_PER_MEDIUM_MAX = 32


@dataclass(frozen=True, slots=True)
class ThumbnailFile:
    """A thumbnail to serve: the object under `storage_key`, or `body` where it was not kept."""

    storage_key: str
    size: int
    content_type: str
    body: bytes | None = None


async def thumbnail_media(app: App, uri: MxcUri, shape: ThumbnailShape, timeout_ms: int) -> ThumbnailFile:
    """A thumbnail at least as large as asked, if the picture is. 400 M_UNKNOWN, 413 and 502 M_TOO_LARGE, 404, 504."""
    row = await load_media(app, uri, timeout_ms)
    width, height = build_size(shape.width, shape.height, crops=shape.crops)
    shape = ThumbnailShape(width, height, shape.crops, shape.animated)
    made = await app.stores.media.load_thumbnail(app.db.reader, row.media_nid, shape)
    if made is not None:
        return build_file(row, made)
    return await app.media.run_once((row.media_nid, shape), lambda: make_thumbnail(app, row, shape))


async def make_thumbnail(app: App, row: MediaRow, shape: ThumbnailShape) -> ThumbnailFile:
    """Have a thumbnail made, and keep it."""
    thumbnail = await build_thumbnail(app, row, shape)
    body = thumbnail.body
    if body is None:
        return await keep(app, row, shape, ThumbnailRow("", row.size, thumbnail.content_type))
    if await app.stores.media.load_thumbnail_count(app.db.reader, row.media_nid) >= THUMBNAILS_PER_MEDIUM_MAX:
        return ThumbnailFile("", len(body), thumbnail.content_type, body)

    async def once() -> AsyncIterator[bytes]:
        yield body

    key, size = await store_object(app, once(), len(body))
    return await keep(app, row, shape, ThumbnailRow(key, size, thumbnail.content_type))


async def build_thumbnail(app: App, row: MediaRow, shape: ThumbnailShape) -> Thumbnail:
    source = await read_object(app, row.storage_key or "")
    try:
        return await app.media.thumbnailer.build_thumbnail(source, row.size, shape)
    except NotAPicture:
        raise MatrixError(400, "M_UNKNOWN", "This is not a picture that the server can make a thumbnail of.") from None
    except PictureTooLarge:
        status = 413 if row.server_name == app.server_name else 502
        raise MatrixError(status, "M_TOO_LARGE", "This picture is too large to make a thumbnail of.") from None
    except ThumbnailerBusy:
        raise limit_exceeded(2000, "Too many thumbnails are being made. Wait a moment.") from None
    except MediaStoreUnavailable as error:
        raise store_unavailable() from error


async def keep(app: App, row: MediaRow, shape: ThumbnailShape, made: ThumbnailRow) -> ThumbnailFile:
    """Remember a thumbnail. Where another process was faster, or the medium is gone, ours stays garbage and is served once."""

    async def insert(tx: Transaction) -> None:
        if await app.stores.media.insert_thumbnail(tx, row.media_nid, shape, made) and made.storage_key:
            await app.stores.media.delete_garbage(tx, (made.storage_key,))

    await asyncio.shield(app.db.write(insert))
    return build_file(row, made)


def build_file(row: MediaRow, made: ThumbnailRow) -> ThumbnailFile:
    return ThumbnailFile(made.storage_key or row.storage_key or "", made.size, made.content_type)
