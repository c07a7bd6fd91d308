"""PUT /_matrix/federation/v1/send/{txnId}."""

from typing import Any, Final

from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.federation.receive_transaction import receive_transaction

TRANSACTION_BYTES_MAX: Final = 10 * 1024 * 1024
"""Fifty events of 64 KiB and a hundred EDUs."""


async def put_transaction(app: App, request: Request) -> dict[str, Any]:
    app.destinations.note_alive(request.origin)
    return await receive_transaction(app, request.origin, request.params["txnId"], request.json())


ROUTES = [
    *routes(
        "PUT",
        "/_matrix/federation/v1/send/{txnId}",
        put_transaction,
        auth=Auth.SERVER,
        body_bytes_max=TRANSACTION_BYTES_MAX,
    )
]
