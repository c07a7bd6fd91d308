"""Copying another server's media into our store (client-server API, "Content repository": the download goes through the reader's own server)."""

import contextlib

from zajil.core.identifiers import MxcUri
from zajil.ports.database import Transaction
from zajil.ports.media_store import ObjectTooLarge
from zajil.ports.remote_media import (
    RemoteMedia,
    RemoteMediaMissing,
    RemoteMediaNotYetUploaded,
    RemoteMediaUnavailable,
)
from zajil.ports.stores.media import MediaRow
from zajil.services.app import App
from zajil.services.errors import MatrixError, not_found
from zajil.services.media.media_repository import store_object
from zajil.services.media.upload_media import FILE_NAME_CHARACTERS_MAX, parse_content_type, parse_file_name


async def fetch_remote_media(app: App, uri: MxcUri, timeout_ms: int) -> MediaRow:
    """The row of the copy. 404 M_NOT_FOUND, 429 M_LIMIT_EXCEEDED, 504 M_NOT_YET_UPLOADED, 502 M_TOO_LARGE or M_UNKNOWN."""
    now_ms = app.clock.now_ms()
    try:
        with app.media.count_fetch(uri.server_name):
            found = await app.media.remote.fetch(uri.server_name, uri.media_id, timeout_ms)
            key, size = await store_chunks(app, found)
    except RemoteMediaMissing:
        raise not_found(f"{uri.server_name} does not have this file.") from None
    except RemoteMediaNotYetUploaded:
        raise MatrixError(504, "M_NOT_YET_UPLOADED", "This file has not been uploaded yet.") from None
    except RemoteMediaUnavailable as error:
        raise MatrixError(502, "M_UNKNOWN", f"{uri.server_name} could not be asked for this file.") from error
    except ObjectTooLarge:
        raise MatrixError(502, "M_TOO_LARGE", "The file is larger than what this server fetches from others.") from None
    row = MediaRow(
        media_nid=0,
        server_name=uri.server_name,
        media_id=uri.media_id,
        uploader=None,
        created_ts_ms=now_ms,
        expires_ts_ms=None,
        used_ts_ms=now_ms,
        storage_key=key,
        size=size,
        content_type=parse_content_type(found.content_type),
        file_name=parse_file_name((found.file_name or "")[:FILE_NAME_CHARACTERS_MAX]),
    )

    async def insert(tx: Transaction) -> MediaRow:
        existing = await app.stores.media.load(tx, uri.server_name, uri.media_id)
        if existing is not None:
            # Another process was faster; our copy stays garbage.
            return existing
        row.media_nid = await tx.new_ids(1)
        if await app.stores.media.insert(tx, row):
            await app.stores.media.delete_garbage(tx, (key,))
        return row

    return await app.db.write(insert)


async def store_chunks(app: App, found: RemoteMedia) -> tuple[str, int]:
    """Store the content, and let go of the other server whatever comes of it: it may have far more to say."""
    try:
        return await store_object(app, found.chunks, app.config.upload_size_max)
    finally:
        # A store that failed may still wait for a chunk; then the fetcher's time ends it.
        with contextlib.suppress(RuntimeError):
            await found.chunks.aclose()
