"""PUT /rooms/{roomId}/redact (client-server API, "Redactions")."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.messages.send_event import send_redaction


class RedactBody(msgspec.Struct):
    """Why the event goes."""

    reason: str | None = None


async def put_redact(app: App, request: Request) -> dict[str, Any]:
    params, body = request.params, request.decode(RedactBody)
    if not params["event_id"].startswith("$"):
        raise invalid_param("This is not an event ID.")
    event_id = await send_redaction(
        app, request.requester, params["room_id"], params["event_id"], params["txn_id"], body.reason
    )
    return {"event_id": event_id}


ROUTES = routes("PUT", client("/rooms/{room_id}/redact/{event_id}/{txn_id}"), put_redact, body=RedactBody, limit="send")
