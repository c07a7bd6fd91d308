"""Related events and threads (client-server API, "Forming relationships between events", "Threading")."""

from typing import Any

import orjson

from zajil.core.sync_tokens import ListToken, RoomToken, parse_list_token
from zajil.http.client_api.room_history import parse_direction, parse_point
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, client, routes
from zajil.ports.stores.events import HistoryPoint
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.messages.aggregations import render_with_bundles
from zajil.services.messages.client_events import render_list
from zajil.services.messages.read_relations import read_relations, read_threads

LIMIT_DEFAULT = 20
LIMIT_MAX = 500


async def get_relations(app: App, request: Request) -> Response:
    params = request.params
    recurse = request.query_flag("recurse")
    start = parse_point(request.query_text("from"))
    page = await read_relations(
        app,
        app.db.reader,
        request.requester,
        params["room_id"],
        params["event_id"],
        rel_type=params.get("rel_type"),
        event_type=params.get("event_type"),
        start=start,
        stop=parse_point(request.query_text("to")),
        backwards=parse_direction(request, "b"),
        limit=max(1, request.query_integer("limit", LIMIT_DEFAULT, at_most=LIMIT_MAX)),
        recurse=recurse,
    )
    rendered = await render_with_bundles(app, app.db.reader, request.requester, page.events)
    answer: dict[str, Any] = {"chunk": orjson.Fragment(render_list(rendered))}
    if page.end is not None:
        answer["next_batch"] = str(page.end)
    if start is not None:
        answer["prev_batch"] = str(_token(start))
    if recurse:
        answer["recursion_depth"] = page.depth
    return Response(orjson.dumps(answer))


def _token(point: HistoryPoint) -> RoomToken:
    return RoomToken(point.major, point.minor)


async def get_threads(app: App, request: Request) -> Response:
    include = request.query_text("include") or "all"
    if include not in ("all", "participated"):
        raise invalid_param("The query parameter 'include' must be all or participated.")
    before, text = None, request.query_text("from")
    if text is not None:
        token = parse_list_token(text, "threads")
        if token is None or len(token.key) != 1 or not isinstance(token.key[0], int):
            raise invalid_param("This pagination token is not one of this server's.")
        before = token.key[0]
    threads = await read_threads(
        app,
        app.db.reader,
        request.requester,
        request.params["room_id"],
        participated_only=include == "participated",
        before=before,
        limit=max(1, request.query_integer("limit", LIMIT_DEFAULT, at_most=LIMIT_MAX)),
    )
    rendered = await render_with_bundles(app, app.db.reader, request.requester, threads.roots)
    answer: dict[str, Any] = {"chunk": orjson.Fragment(render_list(rendered))}
    if threads.next_before is not None:
        answer["next_batch"] = str(ListToken("threads", (threads.next_before,)))
    return Response(orjson.dumps(answer))


PAGED = ("from", "to", "dir", "limit", "recurse")

ROUTES = [
    *routes("GET", client("/rooms/{room_id}/relations/{event_id}", "v1"), get_relations, auth=Auth.GUEST, query=PAGED),
    *routes(
        "GET",
        client("/rooms/{room_id}/relations/{event_id}/{rel_type}", "v1"),
        get_relations,
        auth=Auth.GUEST,
        query=PAGED,
    ),
    *routes(
        "GET",
        client("/rooms/{room_id}/relations/{event_id}/{rel_type}/{event_type}", "v1"),
        get_relations,
        auth=Auth.GUEST,
        query=PAGED,
    ),
    *routes(
        "GET",
        client("/rooms/{room_id}/threads", "v1"),
        get_threads,
        auth=Auth.GUEST,
        query=("include", "from", "limit"),
    ),
]
