"""Profiles."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import set_profile
from zajil.services.app import App
from zajil.services.errors import MatrixError


class ProfileFieldBody(msgspec.Struct):
    """PUT /profile/{userId}/{keyName}: one field, named like the path's last part."""


async def get_profile(app: App, request: Request) -> dict[str, Any]:
    return await set_profile.find_profile(app, request.requester, request.params["userId"])


async def get_profile_field(app: App, request: Request) -> dict[str, Any]:
    return await set_profile.find_profile(app, request.requester, request.params["userId"], request.params["keyName"])


async def put_profile_field(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    if request.requester.is_guest and params["keyName"] != "displayname":
        raise MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests can only set their display name.")
    await set_profile.set_profile_field(
        app, params["userId"], request.requester.user_id, params["keyName"], request.json()
    )
    return {}


async def delete_profile_field(app: App, request: Request) -> dict[str, Any]:
    params = request.params
    await set_profile.delete_profile_field(app, params["userId"], request.requester.user_id, params["keyName"])
    return {}


FIELD = "/profile/{userId}/{keyName}"

ROUTES = [
    *routes("GET", client("/profile/{userId}"), get_profile, auth=Auth.OPTIONAL, limit="default"),
    *routes("GET", client(FIELD), get_profile_field, auth=Auth.OPTIONAL, limit="default"),
    *routes(
        "PUT",
        client(FIELD),
        put_profile_field,
        auth=Auth.GUEST,
        body=ProfileFieldBody,
        limit="profile",
        suspended_may=False,
    ),
    *routes(
        "DELETE",
        client(FIELD),
        delete_profile_field,
        limit="profile",
        suspended_may=False,
    ),
]
