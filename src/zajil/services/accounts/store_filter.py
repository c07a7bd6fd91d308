"""POST /user/{userId}/filter (client-server API, "Filtering")."""

import hashlib
from typing import Any, Final

import orjson

from zajil.core.filters import FilterFailure, parse_sync_filter
from zajil.core.signing import encode_base64_url_safe
from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, not_found, too_large

FILTER_BYTES_MAX: Final = 32 * 1024
FILTERS_MAX: Final = 100
FILTER_ID_CHARACTERS_MAX: Final = 64


async def store_filter(app: App, user_id: str, given: dict[str, Any]) -> str:
    """Keep a filter and return its ID: the same filter has the same ID. Raises M_BAD_JSON, M_TOO_LARGE."""
    json = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    if len(json) > FILTER_BYTES_MAX:
        raise too_large(f"A filter may have {FILTER_BYTES_MAX} bytes.")
    parsed = parse_sync_filter(given)
    if isinstance(parsed, FilterFailure):
        raise MatrixError(400, parsed.errcode, parsed.message)
    filter_id = encode_base64_url_safe(hashlib.sha256(json).digest()[:12])
    if await app.stores.filters.load(app.db.reader, user_id, filter_id) is None:

        async def store(tx: Transaction) -> None:
            await app.stores.filters.store(tx, user_id, filter_id, json, app.clock.now_ms(), FILTERS_MAX)

        await app.db.write(store)
    return filter_id


async def load_filter(app: App, user_id: str, filter_id: str) -> dict[str, Any]:
    """GET /user/{userId}/filter/{filterId}. Raises M_NOT_FOUND."""
    stored = None
    if len(filter_id) <= FILTER_ID_CHARACTERS_MAX:
        stored = await app.stores.filters.load(app.db.reader, user_id, filter_id)
    if stored is None:
        raise not_found("There is no such filter.")
    return stored
