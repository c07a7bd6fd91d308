"""Account data, tags and filters of the user who asks."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.accounts import store_account_data, store_filter
from zajil.services.app import App
from zajil.services.errors import forbidden


class AccountDataBody(msgspec.Struct):
    """Any JSON object."""


class TagBody(msgspec.Struct):
    """PUT …/tags/{tag}."""

    order: float | None = None


class FilterBody(msgspec.Struct):
    """POST …/filter."""

    event_fields: list[str] | None = None
    event_format: str | None = None
    account_data: dict[str, Any] | None = None
    presence: dict[str, Any] | None = None
    room: dict[str, Any] | None = None


def check_own(request: Request) -> str:
    """The user in the path, who must be the one who asks. Raises M_FORBIDDEN."""
    if request.params["userId"] != request.requester.user_id:
        raise forbidden("This belongs to another user.")
    return request.requester.user_id


async def get_account_data(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    return await store_account_data.load_account_data(app, check_own(request), params.get("roomId", ""), params["type"])


async def put_account_data(app: App, request: Request) -> dict[str, Any]:
    user_id, params = check_own(request), request.params
    await store_account_data.store_account_data(app, user_id, params.get("roomId", ""), params["type"], request.json())
    return {}


async def get_tags(app: App, request: Request) -> dict[str, Any]:
    return await store_account_data.load_tags(app, check_own(request), request.params["roomId"])


async def put_tag(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    await store_account_data.store_tag(app, check_own(request), params["roomId"], params["tag"], request.json())
    return {}


async def delete_tag(app: App, request: Request) -> dict[str, Any]:
    await store_account_data.delete_tag(app, check_own(request), request.params["roomId"], request.params["tag"])
    return {}


async def post_filter(app: App, request: Request) -> dict[str, Any]:
    return {"filter_id": await store_filter.store_filter(app, check_own(request), request.json())}


async def get_filter(app: App, request: Request) -> dict[str, Any]:
    return await store_filter.load_filter(app, check_own(request), request.params["filterId"])


ROUTES = [
    *routes("GET", client("/user/{userId}/account_data/{type}"), get_account_data),
    *routes(
        "PUT",
        client("/user/{userId}/account_data/{type}"),
        put_account_data,
        body=AccountDataBody,
        limit="account_data",
    ),
    *routes("GET", client("/user/{userId}/rooms/{roomId}/account_data/{type}"), get_account_data),
    *routes(
        "PUT",
        client("/user/{userId}/rooms/{roomId}/account_data/{type}"),
        put_account_data,
        body=AccountDataBody,
        limit="account_data",
    ),
    *routes("GET", client("/user/{userId}/rooms/{roomId}/tags"), get_tags),
    *routes("PUT", client("/user/{userId}/rooms/{roomId}/tags/{tag}"), put_tag, body=TagBody, limit="account_data"),
    *routes("DELETE", client("/user/{userId}/rooms/{roomId}/tags/{tag}"), delete_tag, limit="account_data"),
    *routes("POST", client("/user/{userId}/filter"), post_filter, body=FilterBody, limit="account_data"),
    *routes("GET", client("/user/{userId}/filter/{filterId}"), get_filter),
]
