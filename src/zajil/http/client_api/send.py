"""Sending: PUT /rooms/{room_id}/send (client-server API, "Sending events to a room")."""

from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.messages.send_event import send_message_event

_EVENT_ID = b'{"event_id":"%s"}'


async def put_send(app: App, request: Request) -> Response:
    params = request.params
    event_id = await send_message_event(
        app, request.requester, params["room_id"], params["event_type"], params["txn_id"], request.json()
    )
    return Response(_EVENT_ID % event_id.encode())


ROUTES = routes(
    "PUT",
    client("/rooms/{room_id}/send/{event_type}/{txn_id}"),
    put_send,
    auth=Auth.GUEST,
    limit="send",
    suspended_may=False,
)
