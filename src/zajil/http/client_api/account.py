"""A user's own account."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import change_account
from zajil.services.app import App


class PasswordBody(msgspec.Struct):
    """POST /account/password."""

    new_password: str | None = None
    logout_devices: bool = True
    auth: dict[str, Any] | None = None


class DeactivateBody(msgspec.Struct):
    """POST /account/deactivate."""

    auth: dict[str, Any] | None = None
    erase: bool = False
    id_server: str | None = None


class AnyBody(msgspec.Struct):
    """Anything: the answer is always the same."""


class ResetBody(msgspec.Struct):
    """POST /_zajil/account/reset_password."""

    token: str
    new_password: str


async def get_whoami(app: App, request: Request) -> dict[str, Any]:
    return await change_account.load_whoami(app, request.requester)


async def post_password(app: App, request: Request) -> dict[str, Any]:
    body: PasswordBody = request.decode(PasswordBody)
    await change_account.change_password(
        app, request.requester, body.new_password, logout_devices=body.logout_devices, auth=body.auth
    )
    return {}


async def post_deactivate(app: App, request: Request) -> dict[str, Any]:
    body: DeactivateBody = request.decode(DeactivateBody)
    return await change_account.deactivate_own_account(app, request.requester, erase=body.erase, auth=body.auth)


async def post_reset_password(app: App, request: Request) -> dict[str, Any]:
    body: ResetBody = request.decode(ResetBody)
    return {"user_id": await change_account.reset_password(app, body.token, body.new_password)}


async def get_threepids(app: App, request: Request) -> dict[str, Any]:
    return {"threepids": []}


async def refuse_threepid(app: App, request: Request) -> dict[str, Any]:
    request.json()
    raise change_account.refuse_threepid()


async def unbind_threepid(app: App, request: Request) -> dict[str, Any]:
    request.json()
    return {"id_server_unbind_result": "no-support"}


REFUSED = ("/account/3pid", "/account/3pid/add", "/account/3pid/bind")
REFUSED_WITHOUT_TOKEN = tuple(
    f"{place}/{medium}/requestToken"
    for place in ("/register", "/account/password", "/account/3pid")
    for medium in ("email", "msisdn")
)

ROUTES = [
    *routes("GET", client("/account/whoami"), get_whoami, auth=Auth.GUEST),
    *routes("POST", client("/account/password"), post_password, body=PasswordBody, limit="password"),
    *routes("POST", client("/account/deactivate"), post_deactivate, body=DeactivateBody, limit="password"),
    *routes("GET", client("/account/3pid"), get_threepids),
    *(
        route
        for path in REFUSED
        for route in routes("POST", client(path), refuse_threepid, body=AnyBody, limit="password")
    ),
    *(
        route
        for path in REFUSED_WITHOUT_TOKEN
        for route in routes("POST", client(path), refuse_threepid, auth=Auth.NONE, body=AnyBody, limit="password")
    ),
    *(
        route
        for path in ("/account/3pid/delete", "/account/3pid/unbind")
        for route in routes("POST", client(path), unbind_threepid, body=AnyBody, limit="password")
    ),
    *routes(
        "POST",
        "/_zajil/account/reset_password",
        post_reset_password,
        auth=Auth.NONE,
        body=ResetBody,
        limit="login",
        summary="Choose a new password with a one-time token.",
    ),
]
