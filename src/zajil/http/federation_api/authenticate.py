"""Which server asks: its signature on the request (server-server API, "Request Authentication")."""

import asyncio
from functools import partial
from typing import Final

from zajil.core.canonical_json import CanonicalJsonError
from zajil.core.origin_budget import Kind
from zajil.core.request_signing import RequestSignature, parse_request_signature, verify_request
from zajil.http.federation_api.signed_body import parse_signed_body
from zajil.http.request import Request
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.federation.access_servers import check_server_allowed
from zajil.services.rate_limits import network_of

INLINE_BYTES_MAX: Final = 256 * 1024
"""A longer request's signature is verified in a thread."""


def unauthorized(message: str) -> MatrixError:
    return MatrixError(401, "M_UNAUTHORIZED", message)


def begin_server_request(app: App, request: Request, kind: Kind) -> str:
    """Judge by the header alone, before the body is read; returns who is said to ask.

    Raises 401 M_UNAUTHORIZED, 403 M_FORBIDDEN, 429 M_LIMIT_EXCEEDED.
    """
    origin = _parse(app, request).origin
    check_server_allowed(app, origin)
    app.origin_budgets.check(origin, kind)
    return origin


async def authenticate_server(app: App, request: Request) -> None:
    """Verify the signature and set `request.origin`. Raises 401 M_UNAUTHORIZED, 429 M_LIMIT_EXCEEDED."""
    signature = _parse(app, request)
    content: bytes | None = None
    if request.body:
        try:
            parsed, content = await parse_signed_body(request.body)
        except CanonicalJsonError:
            raise unauthorized("What has no canonical form cannot have been signed.") from None
        request.remember_json(parsed)
    now_ms = app.clock.now_ms()
    if not await app.server_keys.knows(signature.origin):
        # Whoever names many servers would make us ask all of these.
        app.rate_limits.check_key("server_keys", network_of(request.client_ip))
    key = await app.server_keys.find(signature.origin, signature.key_id, valid_at_ms=now_ms)
    if key is None:
        raise unauthorized(f"The key {signature.key_id!r} of {signature.origin} cannot be found.")
    if key.is_retired or key.valid_until_ts < now_ms:
        raise unauthorized(f"The key {signature.key_id!r} of {signature.origin} is not valid any more.")
    uri = request.path.decode("latin-1")
    if request.query_string:
        uri += "?" + request.query_string.decode("latin-1")
    verify = partial(verify_request, signature, request.method, uri, app.server_name, content, key.public_key)
    is_right = await asyncio.to_thread(verify) if len(request.body) > INLINE_BYTES_MAX else verify()
    if not is_right:
        raise unauthorized("The signature of the request is wrong.")
    request.origin = signature.origin


def _parse(app: App, request: Request) -> RequestSignature:
    header = request.header(b"authorization")
    signature = None if header is None else parse_request_signature(header)
    if signature is None:
        raise unauthorized("A request of a server must be signed: Authorization: X-Matrix …")
    if signature.destination not in (None, app.server_name):
        raise unauthorized(f"The request is meant for {signature.destination}; this is {app.server_name}.")
    return signature
