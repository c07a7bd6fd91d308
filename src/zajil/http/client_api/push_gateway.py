"""Our own push gateway, and the key with which browsers subscribe to it."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.notifications.set_pusher import GATEWAY_PATH, WEB_APP_ID, own_url

RETRY_AFTER_MS = 30_000


class NotifyBody(msgspec.Struct):
    """POST /_matrix/push/v1/notify."""

    notification: dict[str, Any]


async def post_notify(app: App, request: Request) -> dict[str, Any]:
    rejected = await app.push_gateway.notify(request.json())
    if rejected is None:
        message = "A push service does not answer. Try again in a moment."
        raise MatrixError(503, "M_UNKNOWN", message, {"retry_after_ms": RETRY_AFTER_MS})
    return {"rejected": rejected}


async def get_key(app: App, _: Request) -> dict[str, Any]:
    return {"key": await app.push_gateway.load_public_key(), "url": own_url(app), "app_id": WEB_APP_ID}


ROUTES = [
    *routes("POST", GATEWAY_PATH, post_notify, auth=Auth.NONE, body=NotifyBody, limit="push_gateway"),
    *routes("GET", "/_zajil/web_push/key", get_key, auth=Auth.NONE, limit="push_gateway"),
]
