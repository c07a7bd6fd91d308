"""Reading and setting the state of rooms (client-server API, "Getting events for a room")."""

from typing import Any

from zajil.core.sync_tokens import RoomToken, SyncToken, parse_room_token, parse_sync_token
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.messages.client_events import prepare_events, render_event
from zajil.services.rooms.load_room_state import load_joined_members, load_members, load_state, load_state_event
from zajil.services.rooms.set_membership import MEMBERSHIPS
from zajil.services.rooms.set_state import set_state


async def get_state(app: App, request: Request) -> Response:
    return Response(await load_state(app, request.requester, request.params["room_id"]))


async def get_state_event(app: App, request: Request) -> Response | dict[str, Any]:
    params = request.params
    event_format = request.query_text("format")
    if event_format not in (None, "content", "event"):
        raise invalid_param("The format must be content or event.")
    stored = await load_state_event(
        app, request.requester, params["room_id"], params["event_type"], params.get("state_key", "")
    )
    if event_format != "event":
        return stored.event.content
    await prepare_events(app, app.db.reader, [stored])
    return Response(render_event(stored, app.clock.now_ms(), request.requester))


async def put_state(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    event_id = await set_state(
        app, request.requester, params["room_id"], params["event_type"], params.get("state_key", ""), request.json()
    )
    return {"event_id": event_id}


async def get_members(app: App, request: Request) -> Response:
    wanted = _parse_memberships(request)
    events = await load_members(app, request.requester, request.params["room_id"], wanted, _parse_at(request))
    return Response(b'{"chunk":' + events + b"}")


def _parse_memberships(request: Request) -> set[str]:
    """`membership` or else than `not_membership`; both together are an "or"."""
    only, but = request.query_text("membership"), request.query_text("not_membership")
    for value in (only, but):
        if value is not None and value not in MEMBERSHIPS:
            raise invalid_param("A membership is one of join, invite, knock, leave and ban.")
    if only is None and but is None:
        return set(MEMBERSHIPS)
    wanted = set() if only is None else {only}
    return wanted if but is None else wanted | (MEMBERSHIPS - {but})


def _parse_at(request: Request) -> SyncToken | RoomToken | None:
    text = request.query_text("at")
    if not text:
        return None
    token = parse_sync_token(text) or parse_room_token(text)
    if token is None:
        raise invalid_param("The token is not one of this server's.")
    return token


async def get_joined_members(app: App, request: Request) -> dict[str, Any]:
    return await load_joined_members(app, request.requester, request.params["room_id"])


STATE = "/rooms/{room_id}/state"

ROUTES = [
    *routes("GET", client(STATE), get_state, auth=Auth.GUEST),
    *routes("GET", client(STATE + "/{event_type}"), get_state_event, auth=Auth.GUEST, query=("format",)),
    *routes("GET", client(STATE + "/{event_type}/{state_key}"), get_state_event, auth=Auth.GUEST, query=("format",)),
    *routes("PUT", client(STATE + "/{event_type}"), put_state, auth=Auth.GUEST, limit="send", suspended_may=False),
    *routes(
        "PUT",
        client(STATE + "/{event_type}/{state_key}"),
        put_state,
        auth=Auth.GUEST,
        limit="send",
        suspended_may=False,
    ),
    *routes(
        "GET",
        client("/rooms/{room_id}/members"),
        get_members,
        auth=Auth.GUEST,
        query=("at", "membership", "not_membership"),
    ),
    *routes("GET", client("/rooms/{room_id}/joined_members"), get_joined_members),
]
