"""Uploading, at once or to an mxc URI made before (client-server API, "Content repository")."""

import asyncio
import re
from collections.abc import AsyncIterator

from zajil.core.identifiers import MxcUri
from zajil.ports.database import Transaction
from zajil.ports.media_store import ObjectTooLarge
from zajil.ports.stores.media import MediaRow
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param, not_found, too_large, user_limit_exceeded
from zajil.services.media.media_repository import (
    MEDIA_ID_LENGTH,
    MEDIA_ID_LETTERS,
    UPLOAD_PAUSE_S_MAX,
    store_object,
)
from zajil.services.requester import Requester

DEFAULT_CONTENT_TYPE = "application/octet-stream"
CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:[ \t]*;[\x20-\x7e\t]*)?")
CONTENT_TYPE_LENGTH_MAX = 255
FILE_NAME_CHARACTERS_MAX = 255
FILE_NAME_UNWANTED = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


async def upload_media(
    app: App,
    requester: Requester,
    chunks: AsyncIterator[bytes],
    *,
    content_type: str | None,
    file_name: str | None,
    length: int | None,
) -> MxcUri:
    """Store an upload; `length` is its Content-Length. 413 M_TOO_LARGE, 403 M_USER_LIMIT_EXCEEDED over the quota, 429."""
    media_id = app.randomness.letters(MEDIA_ID_LENGTH, MEDIA_ID_LETTERS)
    row = MediaRow(
        media_nid=0,
        server_name=app.server_name,
        media_id=media_id,
        uploader=requester.user_id,
        created_ts_ms=app.clock.now_ms(),
        expires_ts_ms=None,
        used_ts_ms=None,
        storage_key=None,
        size=0,
        content_type=parse_content_type(content_type),
        file_name=parse_file_name(file_name),
    )

    async def insert(tx: Transaction) -> None:
        check_quota(app, await app.stores.media.load_usage(tx, requester.user_id), row.size)
        await count_upload(app, tx, row)
        row.media_nid = await tx.new_ids(1)
        await app.stores.media.insert(tx, row)

    await receive(app, row, chunks, length)
    await app.db.write(insert)
    return MxcUri(app.server_name, media_id)


async def upload_to_uri(
    app: App,
    requester: Requester,
    uri: MxcUri,
    chunks: AsyncIterator[bytes],
    *,
    content_type: str | None,
    file_name: str | None,
    length: int | None,
) -> None:
    """Give an mxc URI of `create_media` its content. 404, 403 for another's, 409 M_CANNOT_OVERWRITE_MEDIA, 413, 429."""
    row = await app.stores.media.load(app.db.reader, uri.server_name, uri.media_id)
    if uri.server_name != app.server_name or row is None:
        raise not_found("This server has not made this mxc URI.")
    if row.uploader != requester.user_id:
        raise forbidden("This mxc URI was made by somebody else.")
    if row.storage_key is not None:
        raise cannot_overwrite()
    if row.expires_ts_ms is not None and row.expires_ts_ms <= app.clock.now_ms():
        raise not_found("This mxc URI has expired. Make a new one.")
    row.content_type = parse_content_type(content_type)
    row.file_name = parse_file_name(file_name)

    async def fill(tx: Transaction) -> None:
        current = await app.stores.media.load(tx, uri.server_name, uri.media_id)
        if current is None:
            raise not_found("This mxc URI has expired. Make a new one.")
        if current.storage_key is not None:
            raise cannot_overwrite()
        check_quota(app, await app.stores.media.load_usage(tx, requester.user_id), row.size)
        if not await app.stores.media.fill(tx, row):
            raise cannot_overwrite()
        await count_upload(app, tx, row)
        tx.on_commit(lambda: wake(app, uri.media_id))

    await receive(app, row, chunks, length)
    await app.db.write(fill)


async def receive(app: App, row: MediaRow, chunks: AsyncIterator[bytes], length: int | None) -> None:
    """Write the body to the media store, and its key and size into the row."""
    size_max = app.config.upload_size_max
    if length is not None and length > size_max:
        raise file_too_large(size_max)
    uploader = row.uploader or ""
    check_quota(app, await app.stores.media.load_usage(app.db.reader, uploader), length or 0)
    with app.media.count_upload(uploader):
        try:
            row.storage_key, row.size = await store_object(app, watch_pauses(chunks), size_max)
        except ObjectTooLarge:
            raise file_too_large(size_max) from None


async def count_upload(app: App, tx: Transaction, row: MediaRow) -> None:
    """In the transaction that makes an upload known: stop treating its bytes as garbage, and count them."""
    if not await app.stores.media.delete_garbage(tx, (row.storage_key or "",)):
        raise MatrixError(408, "M_UNKNOWN", "The upload took too long.")
    await app.stores.media.add_usage(tx, row.uploader or "", row.size)


def check_quota(app: App, usage: int, size: int) -> None:
    quota = app.config.media_quota
    if quota and usage + size > quota:
        raise user_limit_exceeded(
            app.config, f"You have used {usage} of the {quota} bytes you may store; this file does not fit."
        )


async def watch_pauses(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give up on a client that stops sending."""
    while True:
        try:
            async with asyncio.timeout(UPLOAD_PAUSE_S_MAX):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise MatrixError(408, "M_UNKNOWN", "The upload stopped before its end.") from None
        if chunk is None:
            return
        yield chunk


def wake(app: App, media_id: str) -> None:
    """Tell downloads that wait for this upload."""
    for awaited_id, uploaded in app.media.awaited:
        if awaited_id == media_id:
            uploaded.set()


def parse_content_type(text: str | None) -> str:
    """The type as the client gave it, if it is one that may stand in a header."""
    if text is None or len(text) > CONTENT_TYPE_LENGTH_MAX or not CONTENT_TYPE.fullmatch(text):
        return DEFAULT_CONTENT_TYPE
    return text


def parse_file_name(text: str | None) -> str | None:
    """The file name, without control characters. Raises 400 M_INVALID_PARAM when it is too long."""
    if not text:
        return None
    if len(text) > FILE_NAME_CHARACTERS_MAX:
        raise invalid_param(f"The file name is longer than {FILE_NAME_CHARACTERS_MAX} characters.")
    return FILE_NAME_UNWANTED.sub("", text) or None


def cannot_overwrite() -> MatrixError:
    return MatrixError(409, "M_CANNOT_OVERWRITE_MEDIA", "This mxc URI has its content already.")


def file_too_large(size_max: int) -> MatrixError:
    return too_large(f"The file is larger than the {size_max} bytes this server accepts.")
