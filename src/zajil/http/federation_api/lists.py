"""The published rooms, spaces, and places in time for other servers (server-server API, "Published Room Directory", "Spaces")."""

from typing import Any, Final

from zajil.http.client_api.directory import NO_ROOMS, build_search
from zajil.http.client_api.room_history import TS_MAX, parse_direction
from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.directory.list_public_rooms import ROOMS_MAX, RoomSearch, list_public_rooms
from zajil.services.federation.serve_hierarchy import describe_space
from zajil.services.federation.serve_timestamp import find_event_for_server


async def get_public_rooms(app: App, request: Request) -> dict[str, Any]:
    if request.query_text("third_party_instance_id"):
        return NO_ROOMS
    limit = request.query_integer("limit", ROOMS_MAX, at_most=ROOMS_MAX)
    return await list_public_rooms(app, RoomSearch(limit=limit, since=request.query_text("since")))


async def post_public_rooms(app: App, request: Request) -> dict[str, Any]:
    search = build_search(request, None)
    return NO_ROOMS if search is None else await list_public_rooms(app, search)


async def get_hierarchy(app: App, request: Request) -> dict[str, Any]:
    return await describe_space(
        app, request.origin, request.params["room_id"], suggested_only=request.query_flag("suggested_only")
    )


async def get_timestamp_to_event(app: App, request: Request) -> dict[str, Any]:
    backwards = parse_direction(request, None)
    request.query_required("ts")
    timestamp_ms = request.query_integer("ts", 0, at_most=TS_MAX)
    found = await find_event_for_server(
        app, request.origin, request.params["room_id"], timestamp_ms, backwards=backwards
    )
    return {"event_id": found.event.event_id, "origin_server_ts": found.event.origin_server_ts}


BASE: Final = "/_matrix/federation/v1"
ROUTES = [
    *routes("GET", f"{BASE}/publicRooms", get_public_rooms, auth=Auth.SERVER, query=("limit", "since")),
    *routes("POST", f"{BASE}/publicRooms", post_public_rooms, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/hierarchy/{{room_id}}", get_hierarchy, auth=Auth.SERVER, query=("suggested_only",)),
    *routes(
        "GET",
        f"{BASE}/timestamp_to_event/{{room_id}}",
        get_timestamp_to_event,
        auth=Auth.SERVER,
        query=("ts", "dir"),
    ),
]
