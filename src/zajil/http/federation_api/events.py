"""Events, states and histories for other servers (server-server API, "Retrieving events", "Backfilling and retrieving missing events")."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, routes
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.errors import bad_json
from zajil.services.federation import serve_events

ASKED_MAX: Final = 100


def _fragments(events: Sequence[StoredEvent]) -> list[orjson.Fragment]:
    return [orjson.Fragment(each.event.json) for each in events]


def _answer(app: App, **parts: Any) -> Response:
    return Response(orjson.dumps(parts))


async def get_event(app: App, request: Request) -> Response:
    stored = await serve_events.read_event(app, request.origin, request.params["eventId"])
    return _answer(app, origin=app.server_name, origin_server_ts=app.clock.now_ms(), pdus=_fragments([stored]))


async def get_state(app: App, request: Request) -> Response:
    state, chain = await serve_events.read_state_at(
        app, request.origin, request.params["roomId"], request.query_required("event_id")
    )
    return _answer(app, pdus=_fragments(state), auth_chain=_fragments(chain))


async def get_state_ids(app: App, request: Request) -> Response:
    state, chain = await serve_events.read_state_at(
        app, request.origin, request.params["roomId"], request.query_required("event_id")
    )
    return _answer(
        app,
        pdu_ids=[each.event.event_id for each in state],
        auth_chain_ids=[each.event.event_id for each in chain],
    )


async def get_event_auth(app: App, request: Request) -> Response:
    params = request.params
    chain = await serve_events.read_auth_chain(app, request.origin, params["roomId"], params["eventId"])
    return _answer(app, auth_chain=_fragments(chain))


async def get_backfill(app: App, request: Request) -> Response:
    starts = request.query.get("v", [])[:ASKED_MAX]
    limit = request.query_integer("limit", 10, at_least=1, at_most=serve_events.BACKFILL_MAX)
    found = await serve_events.read_backfill(app, request.origin, request.params["roomId"], starts, limit)
    return _answer(app, origin=app.server_name, origin_server_ts=app.clock.now_ms(), pdus=_fragments(found))


async def post_missing_events(app: App, request: Request) -> Response:
    body = request.json()
    earliest, latest = _ids(body, "earliest_events"), _ids(body, "latest_events")
    limit, min_depth = body.get("limit", 10), body.get("min_depth", 0)
    if type(limit) is not int or type(min_depth) is not int or limit < 0:
        raise bad_json("limit and min_depth must be whole numbers.")
    found = await serve_events.read_missing(
        app, request.origin, request.params["roomId"], earliest, latest, limit, min_depth
    )
    return _answer(app, events=_fragments(found))


def _ids(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise bad_json(f"{name} must be an array of event IDs.")
    return value[:ASKED_MAX]


BASE: Final = "/_matrix/federation/v1"
ROUTES = [
    *routes("GET", f"{BASE}/event/{{eventId}}", get_event, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/state/{{roomId}}", get_state, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/state_ids/{{roomId}}", get_state_ids, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/event_auth/{{roomId}}/{{eventId}}", get_event_auth, auth=Auth.SERVER),
    *routes("GET", f"{BASE}/backfill/{{roomId}}", get_backfill, auth=Auth.SERVER),
    *routes("POST", f"{BASE}/get_missing_events/{{roomId}}", post_missing_events, auth=Auth.SERVER),
]
