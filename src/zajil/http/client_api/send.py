"""Sending: PUT /rooms/{room_id}/send, PUT /rooms/{room_id}/state (client-server API, "Sending events to a room")."""

from typing import Any

from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.send_event import send_message_event, send_state_event

_EVENT_ID = b'{"event_id":"%s"}'


async def put_send(app: App, request: Request) -> Response:
    params = request.params
    event_id = await send_message_event(
        app, request.requester, params["room_id"], params["event_type"], params["txn_id"], request.json()
    )
    return Response(_EVENT_ID % event_id.encode())


async def put_state(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    event_id = await send_state_event(
        app, request.requester, params["room_id"], params["event_type"], params.get("state_key", ""), request.json()
    )
    return {"event_id": event_id}


ROUTES = [
    *routes("PUT", client("/rooms/{room_id}/send/{event_type}/{txn_id}"), put_send, limit="send", suspended_may=False),
    *routes(
        "PUT", client("/rooms/{room_id}/state/{event_type}/{state_key}"), put_state, limit="send", suspended_may=False
    ),
    *routes("PUT", client("/rooms/{room_id}/state/{event_type}"), put_state, limit="send", suspended_may=False),
]
