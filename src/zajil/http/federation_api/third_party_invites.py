"""Invitations to people of whom only an address is known (server-server API, "Third-party invites")."""

from typing import Any

from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.federation.third_party_invites import receive_binding, serve_exchange


async def put_exchange(app: App, request: Request) -> dict[str, Any]:
    await serve_exchange(app, request.origin, request.params["roomId"], request.json())
    return {}


async def put_onbind(app: App, request: Request) -> dict[str, Any]:
    await receive_binding(app, request.json())
    return {}


EXCHANGE = "/_matrix/federation/v1/exchange_third_party_invite/{roomId}"
ONBIND = "/_matrix/federation/v1/3pid/onbind"
ROUTES = [
    *routes("PUT", EXCHANGE, put_exchange, auth=Auth.SERVER),
    # Identity servers do not sign their requests; each invitation in it is judged by its own signature. Some send it with POST.
    *routes("PUT", ONBIND, put_onbind, auth=Auth.NONE, limit="invite"),
    *routes("POST", ONBIND, put_onbind, auth=Auth.NONE, limit="invite"),
]
