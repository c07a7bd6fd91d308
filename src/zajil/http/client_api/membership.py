"""Joining, inviting, leaving (client-server API, "Room membership")."""

from typing import Any

from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.join_room import join_room


async def post_join(app: App, request: Request) -> dict[str, Any]:
    room_id = request.params["room_id"]
    await join_room(app, request.requester, room_id, {})
    return {"room_id": room_id}


ROUTES = [
    *routes("POST", client("/join/{room_id}"), post_join),
    *routes("POST", client("/rooms/{room_id}/join"), post_join),
]
