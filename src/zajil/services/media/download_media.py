"""Finding the content behind an mxc URI: ours, ours once it has been uploaded, or another server's (client-server API, "Content repository")."""

import asyncio
import contextlib

from zajil.core.identifiers import MxcUri, parse_mxc
from zajil.ports.stores.media import MediaRow
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param, limit_exceeded, not_found
from zajil.services.media.fetch_remote_media import fetch_remote_media

TIMEOUT_MS_DEFAULT = 20_000
TIMEOUT_MS_MAX = 60_000
# Another process may receive the upload; its commit is seen at the next look.
LOOK_INTERVAL_S = 0.5
AWAITED_MAX = 1000
# How precisely the last use of another server's media is remembered: no more is needed to expire it, and none other is kept.
USED_PRECISION_MS = 24 * 3600 * 1000


def check_uri(server_name: str, media_id: str) -> MxcUri:
    """The two halves of an mxc URI, from a path. Raises 400 M_INVALID_PARAM for anything that could be a way out of it."""
    uri = parse_mxc(f"mxc://{server_name}/{media_id}")
    # The grammar of server names lets "..", which no host is called.
    if uri is None or server_name.startswith(".") or ".." in server_name:
        raise invalid_param("This is not the server name and media ID of an mxc URI.")
    return uri


async def load_media(app: App, uri: MxcUri, timeout_ms: int) -> MediaRow:
    """The row of a medium that has its content. 404 M_NOT_FOUND, 504 M_NOT_YET_UPLOADED, 502."""
    row = await app.stores.media.load(app.db.reader, uri.server_name, uri.media_id)
    if uri.server_name != app.server_name:
        return await load_remote(app, uri, row, timeout_ms)
    if row is not None and row.storage_key is None and not has_expired(app, row):
        row = await wait_for_upload(app, uri, row, timeout_ms)
    if row is None or has_expired(app, row):
        raise not_found("There is no such file.")
    return row


async def load_remote(app: App, uri: MxcUri, row: MediaRow | None, timeout_ms: int) -> MediaRow:
    if row is None:
        return await app.media.run_once(uri, lambda: fetch_remote_media(app, uri, timeout_ms))
    now_ms = app.clock.now_ms()
    if row.used_ts_ms is None or row.used_ts_ms + USED_PRECISION_MS <= now_ms:
        nid = row.media_nid
        await app.db.write(lambda tx: app.stores.media.set_used(tx, nid, now_ms))
    return row


async def wait_for_upload(app: App, uri: MxcUri, row: MediaRow, timeout_ms: int) -> MediaRow | None:
    """Wait until the content arrives. Raises 504 M_NOT_YET_UPLOADED at the timeout."""
    awaited = app.media.awaited
    if len(awaited) >= AWAITED_MAX:
        raise limit_exceeded(2000)
    deadline_s = app.clock.monotonic_s() + timeout_ms / 1000
    uploaded = asyncio.Event()
    awaited.add((uri.media_id, uploaded))
    found: MediaRow | None = row
    try:
        while found is not None and found.storage_key is None:
            left_s = deadline_s - app.clock.monotonic_s()
            if left_s <= 0 or has_expired(app, found):
                raise MatrixError(504, "M_NOT_YET_UPLOADED", "This file has not been uploaded yet.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_INTERVAL_S, left_s)):
                    await uploaded.wait()
            uploaded.clear()
            found = await app.stores.media.load(app.db.reader, uri.server_name, uri.media_id)
    finally:
        awaited.discard((uri.media_id, uploaded))
    return found


def has_expired(app: App, row: MediaRow) -> bool:
    return row.expires_ts_ms is not None and row.expires_ts_ms <= app.clock.now_ms()
