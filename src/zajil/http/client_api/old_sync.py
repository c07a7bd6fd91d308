"""/initialSync and /events: deprecated long ago, but room previews still use them (client-server API, "Room Previews")."""

from typing import Any

from zajil.core.sync_tokens import SyncToken, parse_sync_token
from zajil.http.request import Request
from zajil.http.response import Response, json_response
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.messages.aggregations import render_with_bundles
from zajil.services.sync.read_old_sync import (
    find_event,
    load_account_snapshot,
    load_room_snapshot,
    peek_events,
    wait_events,
)

LIMIT_DEFAULT = 10
LIMIT_MAX = 100


def parse_from(request: Request) -> SyncToken | None:
    text = request.query_text("from")
    if not text:
        return None
    token = parse_sync_token(text)
    if token is None:
        raise invalid_param("The from token is not one of this server's.")
    return token


async def get_initial_sync(app: App, request: Request) -> Response:
    limit = request.query_integer("limit", LIMIT_DEFAULT, at_most=LIMIT_MAX)
    archived = request.query_flag("archived")
    return Response(await load_account_snapshot(app, request.requester, limit, archived=archived))


async def get_room_initial_sync(app: App, request: Request) -> Response:
    limit = request.query_integer("limit", LIMIT_DEFAULT, at_most=LIMIT_MAX)
    return Response(await load_room_snapshot(app, request.requester, request.params["room_id"], limit))


async def get_events(app: App, request: Request) -> Response:
    since, room_id = parse_from(request), request.query_text("room_id")
    timeout_ms = request.query_integer("timeout", 0, at_most=app.config.sync_timeout_s_max * 1000)
    request.release()
    answer: dict[str, Any]
    if room_id is None:
        answer = await wait_events(app, request.requester, since, timeout_ms)
    else:
        answer = await peek_events(app, request.requester, room_id, since, timeout_ms)
    return json_response(answer)


async def get_event(app: App, request: Request) -> Response:
    stored = await find_event(app, request.requester, request.params["event_id"])
    return Response((await render_with_bundles(app, app.db.reader, request.requester, [stored]))[0])


ROUTES = [
    *routes("GET", client("/initialSync"), get_initial_sync, limit="directory", query=("limit", "archived")),
    *routes("GET", client("/rooms/{room_id}/initialSync"), get_room_initial_sync, auth=Auth.GUEST, query=("limit",)),
    *routes("GET", client("/events"), get_events, auth=Auth.GUEST, query=("from", "timeout", "room_id")),
    *routes("GET", client("/events/{event_id}"), get_event),
]
