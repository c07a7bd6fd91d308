"""Pushers and the list of notifications (client-server API, "Push Notifications")."""

from typing import Any

import msgspec

from zajil.core.sync_tokens import ListToken, parse_list_token
from zajil.http.request import Request
from zajil.http.response import Response, json_response
from zajil.http.router import client, routes
from zajil.push.list_notifications import list_notifications
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.notifications.set_pusher import load_pushers, set_pusher

LIST_KIND = "notifications"
LIMIT_DEFAULT = 20
LIMIT_MAX = 100


class PusherBody(msgspec.Struct):
    """POST /pushers/set."""

    kind: str | None
    app_id: str
    pushkey: str
    app_display_name: str | msgspec.UnsetType = msgspec.UNSET
    device_display_name: str | msgspec.UnsetType = msgspec.UNSET
    profile_tag: str | msgspec.UnsetType = msgspec.UNSET
    lang: str | msgspec.UnsetType = msgspec.UNSET
    data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    append: bool = False


async def get_pushers(app: App, request: Request) -> dict[str, Any]:
    return {"pushers": await load_pushers(app, request.requester)}


async def post_pusher(app: App, request: Request) -> dict[str, Any]:
    await set_pusher(app, request.requester, request.json())
    return {}


async def get_notifications(app: App, request: Request) -> Response:
    before, text = None, request.query_text("from")
    if text is not None:
        token = parse_list_token(text, LIST_KIND)
        if token is None or len(token.key) != 1 or not isinstance(token.key[0], int):
            raise invalid_param("This pagination token is not one of this server's.")
        before = token.key[0]
    page = await list_notifications(
        app,
        request.requester,
        before=before,
        limit=max(1, request.query_integer("limit", LIMIT_DEFAULT, at_most=LIMIT_MAX)),
        only_highlights=request.query_text("only") == "highlight",
    )
    answer: dict[str, Any] = {"notifications": page.listed}
    if page.next_before is not None:
        answer["next_token"] = str(ListToken(LIST_KIND, (page.next_before,)))
    return json_response(answer)


ROUTES = [
    *routes("GET", client("/pushers"), get_pushers),
    *routes("GET", client("/notifications"), get_notifications, limit="search", query=("from", "limit", "only")),
    *routes("POST", client("/pushers/set"), post_pusher, body=PusherBody, limit="account_data"),
]
