"""Making accounts."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import register_account
from zajil.services.accounts.start_session import DeviceRequest
from zajil.services.app import App
from zajil.services.errors import invalid_param


class RegisterBody(msgspec.Struct):
    """POST /register."""

    auth: dict[str, Any] | None = None
    username: str | None = None
    password: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    inhibit_login: bool | None = None
    refresh_token: bool | None = None
    guest_access_token: str | None = None


async def post_register(app: App, request: Request) -> dict[str, Any]:
    kind = request.query_text("kind")
    body: RegisterBody = request.decode(RegisterBody)
    if kind == "guest":
        return await register_account.register_guest(app, body.initial_device_display_name)
    if kind not in (None, "user"):
        raise invalid_param("kind must be user or guest.")
    return await register_account.register_account(
        app,
        register_account.Registration(
            username=body.username,
            password=body.password,
            device=DeviceRequest(
                body.device_id, body.initial_device_display_name, can_refresh=bool(body.refresh_token)
            ),
            inhibit_login=bool(body.inhibit_login),
            auth=body.auth,
            guest_access_token=body.guest_access_token,
        ),
    )


async def get_available(app: App, request: Request) -> dict[str, Any]:
    user_id = register_account.build_user_id(app, request.query_required("username"))
    await register_account.check_available(app, app.db.reader, user_id)
    return {"available": True}


async def get_token_validity(app: App, request: Request) -> dict[str, Any]:
    token = request.query_required("token")
    return {"valid": await register_account.is_registration_token_valid(app, token)}


ROUTES = [
    *routes(
        "POST", client("/register"), post_register, auth=Auth.NONE, body=RegisterBody, limit="register", query=("kind",)
    ),
    *routes(
        "GET",
        client("/register/available"),
        get_available,
        auth=Auth.NONE,
        limit="register_available",
        query=("username",),
    ),
    *routes(
        "GET",
        client("/register/m.login.registration_token/validity", "v1"),
        get_token_validity,
        auth=Auth.NONE,
        limit="register_available",
        query=("token",),
    ),
]
