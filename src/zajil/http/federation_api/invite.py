"""Invitations from other servers (server-server API, "Inviting to a room")."""

from typing import Any

from zajil.http.request import Request
from zajil.http.response import Response, json_response
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.errors import bad_json
from zajil.services.federation.invite_remote_user import receive_invite


async def put_invite_v2(app: App, request: Request) -> dict[str, Any]:
    body, params = request.json(), request.params
    version = body.get("room_version")
    if not isinstance(version, str):
        raise bad_json("room_version must be a string.")
    pdu, shown = body.get("event"), body.get("invite_room_state")
    event = await receive_invite(app, request.origin, params["roomId"], params["eventId"], version, pdu, shown)
    return {"event": event}


async def put_invite_v1(app: App, request: Request) -> Response:
    """For room versions 1 and 2, whose events it can carry."""
    pdu, params = request.json(), request.params
    unsigned = pdu.get("unsigned")
    shown = unsigned.get("invite_room_state") if isinstance(unsigned, dict) else None
    event = await receive_invite(app, request.origin, params["roomId"], params["eventId"], "1", pdu, shown)
    return json_response([200, {"event": event}])


ROUTES = [
    *routes("PUT", "/_matrix/federation/v2/invite/{roomId}/{eventId}", put_invite_v2, auth=Auth.SERVER),
    *routes("PUT", "/_matrix/federation/v1/invite/{roomId}/{eventId}", put_invite_v1, auth=Auth.SERVER),
]
