"""Finding users, and reporting users, rooms and events."""

from typing import Annotated, Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.accounts import report_content
from zajil.services.app import App
from zajil.services.directory import find_users


class SearchBody(msgspec.Struct):
    """POST /user_directory/search."""

    search_term: str
    limit: Annotated[int, msgspec.Meta(ge=0)] = 10


class ReportBody(msgspec.Struct):
    """POST …/report."""

    reason: str | None = None


async def post_search(app: App, request: Request) -> dict[str, Any]:
    body: SearchBody = request.decode(SearchBody)
    limit = min(body.limit, find_users.RESULTS_MAX)
    return await find_users.search_users(app, request.requester, body.search_term, limit)


async def get_mutual_rooms(app: App, request: Request) -> dict[str, Any]:
    user_id, page = request.query_required("user_id"), request.query_text("from")
    return await find_users.load_mutual_rooms(app, request.requester, user_id, page)


async def post_report_user(app: App, request: Request) -> dict[str, Any]:
    body: ReportBody = request.decode(ReportBody)
    await report_content.report_user(app, request.requester, request.params["userId"], body.reason or "")
    return {}


async def post_report_room(app: App, request: Request) -> dict[str, Any]:
    body: ReportBody = request.decode(ReportBody)
    await report_content.report_room(app, request.requester, request.params["roomId"], body.reason or "")
    return {}


async def post_report_event(app: App, request: Request) -> dict[str, Any]:
    body: ReportBody = request.decode(ReportBody)
    params = request.params
    await report_content.report_event(app, request.requester, params["roomId"], params["eventId"], body.reason or "")
    return {}


ROUTES = [
    *routes("POST", client("/user_directory/search"), post_search, body=SearchBody, limit="search"),
    *routes("GET", client("/mutual_rooms", "v1"), get_mutual_rooms, limit="search", query=("user_id", "from")),
    *routes("POST", client("/users/{userId}/report", "v3"), post_report_user, body=ReportBody, limit="report"),
    *routes("POST", client("/rooms/{roomId}/report", "v3"), post_report_room, body=ReportBody, limit="report"),
    *routes("POST", client("/rooms/{roomId}/report/{eventId}"), post_report_event, body=ReportBody, limit="report"),
]
