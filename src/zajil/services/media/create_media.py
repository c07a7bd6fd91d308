"""POST /media/v1/create: an mxc URI whose content is uploaded later (client-server API, "Content repository")."""

from zajil.core.identifiers import MxcUri
from zajil.ports.database import Transaction
from zajil.ports.stores.media import MediaRow
from zajil.services.app import App
from zajil.services.errors import limit_exceeded
from zajil.services.media.media_repository import MEDIA_ID_LENGTH, MEDIA_ID_LETTERS
from zajil.services.media.upload_media import DEFAULT_CONTENT_TYPE
from zajil.services.requester import Requester

UNUSED_LIFETIME_MS = 24 * 3600 * 1000
PENDING_MAX = 20
PENDING_RETRY_MS = 60_000


async def create_media(app: App, requester: Requester) -> tuple[MxcUri, int]:
    """A new mxc URI and the time it expires. 429 M_LIMIT_EXCEEDED when too many of the user's wait for content."""
    now_ms = app.clock.now_ms()
    uri = MxcUri(app.server_name, app.randomness.letters(MEDIA_ID_LENGTH, MEDIA_ID_LETTERS))
    expires_ts_ms = now_ms + UNUSED_LIFETIME_MS

    async def insert(tx: Transaction) -> None:
        if await app.stores.media.load_pending_count(tx, requester.user_id, now_ms) >= PENDING_MAX:
            raise limit_exceeded(PENDING_RETRY_MS, "Too many of your mxc URIs are unused. Upload their content first.")
        row = MediaRow(
            media_nid=await tx.new_ids(1),
            server_name=uri.server_name,
            media_id=uri.media_id,
            uploader=requester.user_id,
            created_ts_ms=now_ms,
            expires_ts_ms=expires_ts_ms,
            used_ts_ms=None,
            storage_key=None,
            size=0,
            content_type=DEFAULT_CONTENT_TYPE,
            file_name=None,
        )
        await app.stores.media.insert(tx, row)

    await app.db.write(insert)
    return uri, expires_ts_ms
