"""Receipts and read markers (client-server API, "Receipts" and "Fully read markers")."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.notifications.send_receipt import send_read_markers, send_receipt


class ReceiptBody(msgspec.Struct):
    """POST …/receipt/{receiptType}/{eventId}."""

    thread_id: str | msgspec.UnsetType = msgspec.UNSET


class ReadMarkersBody(msgspec.Struct):
    """POST …/read_markers."""

    fully_read: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="m.fully_read")
    read: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="m.read")
    read_private: str | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="m.read.private")


async def post_receipt(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    await send_receipt(
        app, request.requester, params["room_id"], params["receipt_type"], params["event_id"], request.json()
    )
    return {}


async def post_read_markers(app: App, request: Request) -> dict[str, Any]:
    await send_read_markers(app, request.requester, request.params["room_id"], request.json())
    return {}


ROUTES = [
    *routes(
        "POST",
        client("/rooms/{room_id}/receipt/{receipt_type}/{event_id}"),
        post_receipt,
        auth=Auth.GUEST,
        body=ReceiptBody,
        limit="receipt",
    ),
    *routes(
        "POST",
        client("/rooms/{room_id}/read_markers"),
        post_read_markers,
        auth=Auth.GUEST,
        body=ReadMarkersBody,
        limit="receipt",
    ),
]
