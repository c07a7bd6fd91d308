"""Messages to devices (client-server API, "Send-to-Device messaging")."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.keys.to_device import send_to_devices

TO_DEVICE_BODY_BYTES_MAX = 8 * 1024 * 1024


class ToDeviceBody(msgspec.Struct):
    """PUT /sendToDevice/{eventType}/{txnId}."""

    messages: dict[str, dict[str, dict[str, Any]]]


async def put_to_device(app: App, request: Request) -> dict[str, Any]:
    body: ToDeviceBody = request.decode(ToDeviceBody)
    await send_to_devices(app, request.requester, request.params["type"], request.params["txn_id"], body.messages)
    return {}


ROUTES = [
    *routes(
        "PUT",
        client("/sendToDevice/{type}/{txn_id}"),
        put_to_device,
        auth=Auth.GUEST,
        body=ToDeviceBody,
        limit="keys",
        body_bytes_max=TO_DEVICE_BODY_BYTES_MAX,
    ),
]
