"""A room's history: /messages, /event, /context, /timestamp_to_event (client-server API, "Rooms")."""

from typing import Any

import orjson

from zajil.core.filters import EventFilter, FilterFailure, parse_room_event_filter
from zajil.core.sync_tokens import parse_room_token, parse_sync_token
from zajil.http.request import Request, parse_json
from zajil.http.response import Response
from zajil.http.router import Auth, client, routes
from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint, StoredEvent
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param, too_large
from zajil.services.federation.ask_timestamp import Moment, find_event_anywhere
from zajil.services.messages.aggregations import render_with_bundles
from zajil.services.messages.client_events import prepare_events, render_event, render_list
from zajil.services.messages.read_messages import read_context, read_event, read_messages
from zajil.services.rooms.access_room import access_room
from zajil.services.rooms.read_state import load_state_after
from zajil.services.rooms.room_heads import RoomHead

LIMIT_DEFAULT = 10
LIMIT_MAX = 1000
FILTER_CHARACTERS_MAX = 32 * 1024
TS_MAX = 2**53
NO_FILTER = EventFilter()


def parse_point(text: str | None) -> HistoryPoint | None:
    """A place in a room's history: a token of /messages, or one of /sync."""
    if text is None or text == "":
        return None
    token = parse_room_token(text)
    if token is not None:
        return HistoryPoint(token.major, token.minor)
    sync_token = parse_sync_token(text)
    if sync_token is None:
        raise invalid_param("This pagination token is not one of this server's.")
    return HistoryPoint(sync_token.position)


def parse_direction(request: Request, default: str | None) -> bool:
    """True for backwards."""
    direction = request.query_text("dir") or default
    if direction not in ("b", "f"):
        raise invalid_param("The query parameter 'dir' must be b or f.")
    return direction == "b"


def parse_filter(request: Request) -> EventFilter:
    """The `filter` of the query, a RoomEventFilter."""
    text = request.query_text("filter")
    if not text:
        return NO_FILTER
    if len(text) > FILTER_CHARACTERS_MAX:
        raise too_large("The filter is too long.")
    parsed = parse_room_event_filter(parse_json(text.encode()))
    if isinstance(parsed, FilterFailure):
        raise MatrixError(400, parsed.errcode, parsed.message)
    return parsed


async def load_sender_members(
    app: App, tx: Read, head: RoomHead, event_filter: EventFilter, events: list[StoredEvent]
) -> list[bytes]:
    """Member events of the senders, where lazy loading asks for them."""
    if not event_filter.lazy_load_members:
        return []
    senders = sorted({stored.event.sender for stored in events})
    members = [stored for user_id in senders if (stored := await app.rooms.member(tx, head, user_id)) is not None]
    await prepare_events(app, tx, members)
    return [render_event(stored, app.clock.now_ms()) for stored in members]


async def get_messages(app: App, request: Request) -> Response:
    backwards = parse_direction(request, None)
    limit = request.query_integer("limit", LIMIT_DEFAULT, at_most=LIMIT_MAX)
    event_filter = parse_filter(request)
    if event_filter.limit is not None and request.query_text("limit") is None:
        limit = min(event_filter.limit, LIMIT_MAX)
    start, stop = parse_point(request.query_text("from")), parse_point(request.query_text("to"))
    tx = app.db.reader
    access = await access_room(app, tx, request.requester.user_id, request.params["room_id"])
    page = await read_messages(
        app, tx, request.requester, access, start=start, stop=stop, backwards=backwards, limit=limit,
        event_filter=event_filter,
    )  # fmt: skip
    answer: dict[str, Any] = {
        "chunk": orjson.Fragment(render_list(await render_with_bundles(app, tx, request.requester, page.events))),
        "start": str(page.start),
    }
    if page.end is not None:
        answer["end"] = str(page.end)
    if state := await load_sender_members(app, tx, access.head, event_filter, page.events):
        answer["state"] = orjson.Fragment(render_list(state))
    return Response(orjson.dumps(answer))


async def get_event(app: App, request: Request) -> Response:
    tx = app.db.reader
    stored = await read_event(app, tx, request.requester, request.params["room_id"], request.params["event_id"])
    return Response((await render_with_bundles(app, tx, request.requester, [stored]))[0])


async def get_context(app: App, request: Request) -> Response:
    tx, requester = app.db.reader, request.requester
    limit = request.query_integer("limit", LIMIT_DEFAULT, at_most=100)
    event_filter = parse_filter(request)
    context = await read_context(
        app, tx, requester, request.params["room_id"], request.params["event_id"], limit, event_filter
    )
    shown = [*context.before, context.event, *context.after]
    state = await load_state_after(app, tx, context.head, (context.after or [context.event])[-1])
    rendered = await render_with_bundles(app, tx, requester, shown)
    await prepare_events(app, tx, state)
    count = len(context.before)
    answer = {
        "start": str(context.start),
        "end": str(context.end),
        "events_before": orjson.Fragment(render_list(rendered[:count])),
        "event": orjson.Fragment(rendered[count]),
        "events_after": orjson.Fragment(render_list(rendered[count + 1 :])),
        "state": orjson.Fragment(render_list([render_event(stored, app.clock.now_ms()) for stored in state])),
    }
    return Response(orjson.dumps(answer))


async def get_timestamp_to_event(app: App, request: Request) -> dict[str, Any]:
    backwards = parse_direction(request, None)
    request.query_required("ts")
    timestamp_ms = request.query_integer("ts", 0, at_most=TS_MAX)
    stored = await find_event_anywhere(
        app, request.requester, Moment(request.params["room_id"], timestamp_ms, backwards)
    )
    return {"event_id": stored.event.event_id, "origin_server_ts": stored.event.origin_server_ts}


ROUTES = [
    *routes(
        "GET",
        client("/rooms/{room_id}/messages"),
        get_messages,
        auth=Auth.GUEST,
        query=("from", "to", "dir", "limit", "filter"),
    ),
    *routes("GET", client("/rooms/{room_id}/event/{event_id}"), get_event, auth=Auth.GUEST),
    *routes(
        "GET", client("/rooms/{room_id}/context/{event_id}"), get_context, auth=Auth.GUEST, query=("limit", "filter")
    ),
    *routes("GET", client("/rooms/{room_id}/timestamp_to_event", "v1"), get_timestamp_to_event, query=("ts", "dir")),
]
