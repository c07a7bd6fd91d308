"""Deleting what has expired: unused mxc URIs, pictures of URL previews, other servers' media that nobody looks at, and what crashes left."""

import asyncio

import structlog

from zajil.ports.database import Busy, StorageUnavailable, Transaction
from zajil.ports.media_store import MediaStoreUnavailable
from zajil.ports.stores.media import MediaRow
from zajil.services.app import App
from zajil.services.media.media_repository import UPLOAD_LIFETIME_MS_MAX

INTERVAL_S = 300.0
BATCH_MAX = 100
DAY_MS = 24 * 3600 * 1000
# A download that has begun may go on reading for this long.
GRACE_MS = 3600 * 1000

log = structlog.get_logger(__name__)


async def run_media_cleaner(app: App, interval_s: float = INTERVAL_S) -> None:
    """Clean for as long as the task lives; several processes may do so at once."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            await clean_media(app)
        except (Busy, StorageUnavailable, MediaStoreUnavailable) as error:
            log.warning("media could not be cleaned", cause=str(error))
        except Exception:
            log.exception("media could not be cleaned")


async def clean_media(app: App) -> None:
    """One pass, in small transactions."""
    now_ms = app.clock.now_ms()
    stores, reader = app.stores.media, app.db.reader
    while rows := await stores.load_expired(reader, now_ms, BATCH_MAX):
        await delete_media(app, rows)
    unused_since_ms = now_ms - app.config.remote_media_cache_days * DAY_MS
    while rows := await stores.load_unused(reader, unused_since_ms, BATCH_MAX):
        await delete_media(app, rows)
    await shrink_remote_media(app)
    await app.db.write(lambda tx: stores.delete_expired_previews(tx, now_ms))
    while keys := await stores.load_garbage(reader, now_ms, BATCH_MAX):
        for key in keys:
            await app.media.store.delete(key)
        await app.db.write(lambda tx, keys=keys: stores.delete_garbage(tx, keys))  # type: ignore[misc]
    await app.media.store.delete_unfinished(now_ms - UPLOAD_LIFETIME_MS_MAX)


async def shrink_remote_media(app: App) -> None:
    """Delete those copies of other servers' media that were not used for longest, until the rest is within its limit."""
    limit = app.config.remote_media_cache_size
    if not limit:
        return
    stores, reader = app.stores.media, app.db.reader
    while (excess := await app.db.read_slowly(stores.load_remote_size) - limit) > 0:
        rows = await stores.load_unused(reader, app.clock.now_ms() + DAY_MS, BATCH_MAX)
        if not rows:
            return
        chosen: list[MediaRow] = []
        for row in rows:
            if excess <= 0:
                break
            chosen.append(row)
            excess -= row.size
        await delete_media(app, chosen)


async def delete_media(app: App, rows: list[MediaRow]) -> None:
    """Forget media at once; their bytes go at the first cleaning after the grace time."""
    due_ts_ms = app.clock.now_ms() + GRACE_MS

    async def delete(tx: Transaction) -> None:
        for row in rows:
            await app.stores.media.delete(tx, row, due_ts_ms)

    await app.db.write(delete)


async def delete_uploads_of(app: App, user_id: str) -> int:
    """Delete all a user has uploaded (erasure of an account); returns how many."""
    count = 0
    while rows := await app.stores.media.load_uploads(app.db.reader, user_id, 0, BATCH_MAX):
        await delete_media(app, rows)
        count += len(rows)
    return count
