"""Logging in and out, and refreshing tokens."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import log_in, log_out
from zajil.services.accounts.start_session import DeviceRequest, refresh_session
from zajil.services.app import App


class LoginBody(msgspec.Struct):
    """POST /login."""

    type: str
    identifier: dict[str, Any] | None = None
    user: str | None = None
    medium: str | None = None
    address: str | None = None
    password: str | None = None
    token: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    refresh_token: bool | None = None


class RefreshBody(msgspec.Struct):
    """POST /refresh."""

    refresh_token: str


class AuthBody(msgspec.Struct):
    """A request that only carries user-interactive authentication."""

    auth: dict[str, Any] | None = None


async def get_login_flows(app: App, request: Request) -> dict[str, Any]:
    return {"flows": log_in.FLOWS}


async def post_login(app: App, request: Request) -> dict[str, Any]:
    body: LoginBody = request.decode(LoginBody)
    device = DeviceRequest(body.device_id, body.initial_device_display_name, can_refresh=bool(body.refresh_token))
    return await log_in.log_in(app, msgspec.structs.asdict(body), device, request.client_ip)


async def post_get_token(app: App, request: Request) -> dict[str, Any]:
    body: AuthBody = request.decode(AuthBody)
    return await log_in.create_login_token(app, request.requester, body.auth)


async def post_refresh(app: App, request: Request) -> dict[str, Any]:
    body: RefreshBody = request.decode(RefreshBody)
    return await refresh_session(app, body.refresh_token)


async def post_logout(app: App, request: Request) -> dict[str, Any]:
    await log_out.log_out(app, request.requester)
    return {}


async def post_logout_all(app: App, request: Request) -> dict[str, Any]:
    await log_out.log_out_everywhere(app, request.requester.user_id)
    return {}


ROUTES = [
    *routes("GET", client("/login"), get_login_flows, auth=Auth.NONE),
    *routes("POST", client("/login"), post_login, auth=Auth.NONE, body=LoginBody, limit="login"),
    *routes("POST", client("/login/get_token", "v1"), post_get_token, body=AuthBody, limit="password"),
    *routes("POST", client("/refresh", "v3"), post_refresh, auth=Auth.NONE, body=RefreshBody, limit="refresh"),
    *routes("POST", client("/logout"), post_logout, auth=Auth.LOCKED),
    *routes("POST", client("/logout/all"), post_logout_all, auth=Auth.LOCKED),
]
