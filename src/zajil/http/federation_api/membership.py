"""make_join, send_join and their like (server-server API, "Joining Rooms", "Knocking upon a room", "Leaving Rooms")."""

from typing import Any

from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, Route, routes
from zajil.services.app import App
from zajil.services.federation.serve_membership import (
    describe_entry,
    make_membership,
    render_join,
    show_room,
    take_membership,
)


async def get_make_join(app: App, request: Request) -> dict[str, Any]:
    return await _make(app, request, "join", request.query.get("ver", ["1"]))


async def get_make_leave(app: App, request: Request) -> dict[str, Any]:
    return await _make(app, request, "leave", [])


async def get_make_knock(app: App, request: Request) -> dict[str, Any]:
    return await _make(app, request, "knock", request.query.get("ver", ["1"]))


async def _make(app: App, request: Request, membership: str, versions: list[str]) -> dict[str, Any]:
    room_id, user_id = request.params["roomId"], request.params["userId"]
    return await make_membership(app, request.origin, room_id, user_id, membership, versions)


async def put_send_join(app: App, request: Request) -> Response:
    params = request.params
    may_omit = request.query_flag("omit_members")
    joined = await take_membership(app, request.origin, params["roomId"], params["eventId"], request.json(), "join")
    return Response(render_join(app, await describe_entry(app, joined, may_omit=may_omit)))


async def put_send_leave(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    await take_membership(app, request.origin, params["roomId"], params["eventId"], request.json(), "leave")
    return {}


async def put_send_knock(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    await take_membership(app, request.origin, params["roomId"], params["eventId"], request.json(), "knock")
    return {"knock_room_state": await show_room(app, params["roomId"])}


BASE = "/_matrix/federation"
ROUTES: list[Route] = [
    *routes("GET", f"{BASE}/v1/make_join/{{roomId}}/{{userId}}", get_make_join, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/v1/make_leave/{{roomId}}/{{userId}}", get_make_leave, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/v1/make_knock/{{roomId}}/{{userId}}", get_make_knock, auth=Auth.SERVER),
    *routes("PUT", f"{BASE}/v2/send_join/{{roomId}}/{{eventId}}", put_send_join, auth=Auth.SERVER),
    *routes("PUT", f"{BASE}/v2/send_leave/{{roomId}}/{{eventId}}", put_send_leave, auth=Auth.SERVER),
    *routes("PUT", f"{BASE}/v1/send_knock/{{roomId}}/{{eventId}}", put_send_knock, auth=Auth.SERVER),
]
