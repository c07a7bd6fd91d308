"""Presence (client-server API, "Presence")."""

from typing import Any, Literal

import msgspec

from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.errors import forbidden, too_large
from zajil.services.signals.read_presence import read_presence

STATUS_BYTES_MAX = 1024


class PresenceBody(msgspec.Struct):
    """PUT /presence/{userId}/status."""

    presence: Literal["online", "offline", "unavailable"]
    status_msg: str | None = None


async def put_status(app: App, request: Request) -> dict[str, Any]:
    body: PresenceBody = request.decode(PresenceBody)
    user_id = request.requester.user_id
    if request.params["userId"] != user_id:
        raise forbidden("You can only set your own presence.")
    if body.status_msg is not None and len(body.status_msg.encode()) > STATUS_BYTES_MAX:
        raise too_large(f"A status message may have {STATUS_BYTES_MAX} bytes.")
    app.presence.choose(user_id, body.presence, body.status_msg)
    return {}


async def get_status(app: App, request: Request) -> dict[str, Any]:
    return await read_presence(app, app.db.reader, request.requester.user_id, request.params["userId"])


ROUTES = [
    *routes(
        "PUT",
        client("/presence/{userId}/status"),
        put_status,
        body=PresenceBody,
        limit="presence",
        summary="Set one's own presence.",
    ),
    *routes("GET", client("/presence/{userId}/status"), get_status, summary="Ask for a user's presence."),
]
