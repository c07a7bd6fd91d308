"""POST /search (client-server API, "Server Side Search")."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import orjson

from zajil.core.filters import EventFilter, FilterFailure, parse_room_event_filter
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import client, routes
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.search import SearchKey
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.messages.aggregations import render_with_bundles
from zajil.services.messages.client_events import prepare_events, render_event
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import NOW, access_room
from zajil.services.search.search_messages import (
    ContextWish,
    Group,
    Order,
    Result,
    SearchAnswer,
    SearchRequest,
    SearchStart,
    Surroundings,
    parse_start,
    search_messages,
)

TERM_CHARACTERS_MAX = 1024
STATE_MEMBERS_MAX = 500
"""Of a larger room the state in the answer has only so many members."""
ALL_KEYS: tuple[SearchKey, ...] = ("content.body", "content.name", "content.topic")
MEMBER = "m.room.member"

Limit = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class GroupBody(msgspec.Struct):
    """One wish to have the results grouped."""

    key: Literal["room_id", "sender"] | None = None


class GroupingsBody(msgspec.Struct):
    """The wishes."""

    group_by: Annotated[list[GroupBody], msgspec.Meta(max_length=2)] = []


class EventContextBody(msgspec.Struct):
    """How many events around each result to send along."""

    before_limit: Limit = 5
    after_limit: Limit = 5
    include_profile: bool = False


class RoomEventsBody(msgspec.Struct):
    """A search for events."""

    search_term: Annotated[str, msgspec.Meta(max_length=TERM_CHARACTERS_MAX)]
    keys: list[Literal["content.body", "content.name", "content.topic"]] | None = None
    filter: dict[str, Any] = {}
    order_by: Literal["recent", "rank"] = "rank"
    event_context: EventContextBody | None = None
    include_state: bool = False
    groupings: GroupingsBody | None = None


class CategoriesBody(msgspec.Struct):
    """What to search."""

    room_events: RoomEventsBody | None = None


class SearchBody(msgspec.Struct):
    """POST /search."""

    search_categories: CategoriesBody


async def post_search(app: App, request: Request) -> Response:
    body: SearchBody = request.decode(SearchBody)
    wanted = body.search_categories.room_events
    if wanted is None:
        return Response(b'{"search_categories":{}}')
    context = wanted.event_context
    search = SearchRequest(
        term=wanted.search_term,
        keys=wanted.keys or ALL_KEYS,
        order=wanted.order_by,
        filter=_parse_filter(wanted.filter),
        context=None
        if context is None
        else ContextWish(context.before_limit, context.after_limit, context.include_profile),
        start=parse_start(request.query_text("next_batch"), wanted.order_by),
    )
    tx, requester = app.db.reader, request.requester
    answer = await search_messages(app, requester, search)
    shown: dict[str, Any] = {
        "count": answer.count,
        "highlights": answer.highlights,
        "results": [await _render_result(app, tx, requester, result, context) for result in answer.results],
    }
    if answer.next_at is not None:
        start = SearchStart(answer.next_at, search.start.group, search.start.value)
        shown["next_batch"] = start.build_token(search.order)
    if wanted.include_state:
        shown["state"] = await _render_states(app, tx, requester, answer)
    if wanted.groupings is not None and wanted.groupings.group_by:
        kinds = [each.key for each in wanted.groupings.group_by if each.key is not None]
        shown["groups"] = {kind: _build_groups(kind, answer, search.order) for kind in kinds}
    return Response(orjson.dumps({"search_categories": {"room_events": shown}}))


def _parse_filter(data: dict[str, Any]) -> EventFilter:
    parsed = parse_room_event_filter(data)
    if isinstance(parsed, FilterFailure):
        raise MatrixError(400, parsed.errcode, parsed.message)
    return parsed


async def _render_events(
    app: App, tx: Read, requester: Requester, events: Sequence[StoredEvent]
) -> list[orjson.Fragment]:
    return [orjson.Fragment(each) for each in await render_with_bundles(app, tx, requester, events)]


async def _render_result(
    app: App, tx: Read, requester: Requester, result: Result, context: EventContextBody | None
) -> dict[str, Any]:
    rendered = await _render_events(app, tx, requester, [result.stored])
    shown: dict[str, Any] = {"rank": result.rank, "result": rendered[0]}
    around = result.around
    if around is not None:
        shown["context"] = {
            "start": str(around.start),
            "end": str(around.end),
            "events_before": await _render_events(app, tx, requester, around.before),
            "events_after": await _render_events(app, tx, requester, around.after),
        }
        if context is not None and context.include_profile:
            shown["context"]["profile_info"] = await _load_profiles(app, tx, result, around)
    return shown


async def _load_profiles(app: App, tx: Read, result: Result, around: Surroundings) -> dict[str, dict[str, Any]]:
    """Names and avatars of the senders as they were when the result was sent."""
    senders = sorted({stored.event.sender for stored in (result.stored, *around.before, *around.after)})
    snapshots = await app.stores.rooms.load_event_snapshots(tx, result.stored.nid)
    roots = None if snapshots is None else await app.stores.rooms.load_snapshot(tx, snapshots[1])
    if roots is None:
        return {}
    nids = await app.rooms.read_state_keys(tx, roots[0], [(MEMBER, sender) for sender in senders])
    members = await app.stores.events.load_by_nids(tx, list(nids.values()))
    return {
        stored.event.key[1]: {
            field: stored.event.content[field]
            for field in ("displayname", "avatar_url")
            if isinstance(stored.event.content.get(field), str)
        }
        for stored in members
    }


async def _render_states(
    app: App, tx: Read, requester: Requester, answer: SearchAnswer
) -> dict[str, list[orjson.Fragment]]:
    """The current state of the rooms in the answer that the user may read now."""
    states: dict[str, list[orjson.Fragment]] = {}
    for room_id in sorted({result.room_id for result in answer.results}):
        access = await access_room(app, tx, requester.user_id, room_id)
        if access.end != NOW:
            continue
        rows = await app.stores.rooms.load_members(tx, access.head.row.room_nid, ["join", "invite"], STATE_MEMBERS_MAX)
        members = await app.stores.events.load_by_nids(tx, [row.event_nid for row in rows])
        events = [*access.head.rest.values(), *members]
        await prepare_events(app, tx, events)
        states[room_id] = [orjson.Fragment(render_event(stored, app.clock.now_ms())) for stored in events]
    return states


def _build_groups(kind: Group, answer: SearchAnswer, order: Order) -> dict[str, dict[str, Any]]:
    """The results of this answer by room or sender, in the order of each group's best."""
    groups: dict[str, dict[str, Any]] = {}
    for place, result in enumerate(answer.results, 1):
        value = result.room_id if kind == "room_id" else result.stored.event.sender
        group = groups.setdefault(value, {"order": place, "results": []})
        group["results"].append(result.stored.event.event_id)
        if answer.next_at is not None:
            group["next_batch"] = SearchStart(result.next_at, kind, value).build_token(order)
    return groups


ROUTES = routes(
    "POST",
    client("/search"),
    post_search,
    body=SearchBody,
    limit="search",
    query=("next_batch",),
    summary="Search messages.",
)
