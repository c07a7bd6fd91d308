"""End-to-end encryption keys (client-server API, "Key management API" and "Cross-signing")."""

from typing import Any

import msgspec

from zajil.core.sync_tokens import SyncToken, parse_sync_token
from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.keys.claim_keys import claim_keys
from zajil.services.keys.load_device_list_changes import load_device_list_changes
from zajil.services.keys.query_keys import REMOTE_TIMEOUT_MS, query_keys
from zajil.services.keys.upload_cross_signing_keys import upload_cross_signing_keys
from zajil.services.keys.upload_keys import upload_keys
from zajil.services.keys.upload_signatures import upload_signatures

KEYS_BODY_BYTES_MAX = 2 * 1024 * 1024


class UploadBody(msgspec.Struct):
    """POST /keys/upload."""

    device_keys: dict[str, Any] | None = None
    one_time_keys: dict[str, Any] | None = None
    fallback_keys: dict[str, Any] | None = None


class QueryBody(msgspec.Struct):
    """POST /keys/query."""

    device_keys: dict[str, list[str]]
    timeout: int | None = None


class ClaimBody(msgspec.Struct):
    """POST /keys/claim."""

    one_time_keys: dict[str, dict[str, str]]
    timeout: int | None = None


class CrossSigningBody(msgspec.Struct):
    """POST /keys/device_signing/upload."""

    master_key: dict[str, Any] | None = None
    self_signing_key: dict[str, Any] | None = None
    user_signing_key: dict[str, Any] | None = None
    auth: dict[str, Any] | None = None


async def post_upload(app: App, request: Request) -> dict[str, Any]:
    body: UploadBody = request.decode(UploadBody)
    counts = await upload_keys(app, request.requester, body.device_keys, body.one_time_keys, body.fallback_keys)
    return {"one_time_key_counts": counts.one_time_keys}


async def post_query(app: App, request: Request) -> dict[str, Any]:
    body: QueryBody = request.decode(QueryBody)
    timeout_ms = REMOTE_TIMEOUT_MS if body.timeout is None else body.timeout
    return await query_keys(app, request.requester.user_id, body.device_keys, timeout_ms)


async def post_claim(app: App, request: Request) -> dict[str, Any]:
    body: ClaimBody = request.decode(ClaimBody)
    return await claim_keys(app, body.one_time_keys, REMOTE_TIMEOUT_MS if body.timeout is None else body.timeout)


async def get_changes(app: App, request: Request) -> dict[str, Any]:
    since = _read_position(app, request, "from")
    _read_position(app, request, "to")  # only a hint that there may be news up to there
    changed, left = await load_device_list_changes(app, request.requester.user_id, since, app.db.position)
    return {"changed": changed, "left": left}


def _read_position(app: App, request: Request, name: str) -> int:
    """The token's place in the log; the beginning for a token of another epoch or ahead of the log."""
    token: SyncToken | None = parse_sync_token(request.query_required(name))
    if token is None:
        raise invalid_param(f"The query parameter {name!r} must be a next_batch of /sync.")
    return token.position if token.epoch == app.db.epoch and token.position <= app.db.position else 0


async def post_cross_signing_keys(app: App, request: Request) -> dict[str, Any]:
    body: CrossSigningBody = request.decode(CrossSigningBody)
    named = {"master": body.master_key, "self_signing": body.self_signing_key, "user_signing": body.user_signing_key}
    uploaded = {usage: key for usage, key in named.items() if key is not None}
    await upload_cross_signing_keys(app, request.requester, uploaded, body.auth)
    return {}


async def post_signatures(app: App, request: Request) -> dict[str, Any]:
    return {"failures": await upload_signatures(app, request.requester, request.json())}


ROUTES = [
    *routes("POST", client("/keys/upload"), post_upload, auth=Auth.GUEST, body=UploadBody, limit="keys"),
    *routes(
        "POST",
        client("/keys/query"),
        post_query,
        auth=Auth.GUEST,
        body=QueryBody,
        limit="keys",
        body_bytes_max=KEYS_BODY_BYTES_MAX,
    ),
    *routes(
        "POST",
        client("/keys/claim"),
        post_claim,
        auth=Auth.GUEST,
        body=ClaimBody,
        limit="keys",
        body_bytes_max=KEYS_BODY_BYTES_MAX,
    ),
    *routes("GET", client("/keys/changes"), get_changes, auth=Auth.GUEST, query=("from", "to"), limit="keys"),
    *routes(
        "POST", client("/keys/device_signing/upload"), post_cross_signing_keys, body=CrossSigningBody, limit="password"
    ),
    *routes(
        "POST", client("/keys/signatures/upload"), post_signatures, body_bytes_max=KEYS_BODY_BYTES_MAX, limit="keys"
    ),
]
