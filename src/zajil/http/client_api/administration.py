"""What administrators do over the client-server API, and Synapse's way to make accounts with a shared secret."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import administer_users, register_with_secret
from zajil.services.app import App


class LockBody(msgspec.Struct):
    """PUT /admin/lock/{userId}."""

    locked: bool


class SuspendBody(msgspec.Struct):
    """PUT /admin/suspend/{userId}."""

    suspended: bool


class SecretBody(msgspec.Struct):
    """POST /_synapse/admin/v1/register."""

    nonce: str
    username: str
    password: str
    mac: str
    admin: bool = False
    displayname: str | None = None
    user_type: str | None = None


async def get_lock(app: App, request: Request) -> dict[str, Any]:
    return await administer_users.load_standing(app, request.params["userId"], "locked")


async def put_lock(app: App, request: Request) -> dict[str, Any]:
    body: LockBody = request.decode(LockBody)
    return await administer_users.change_standing(
        app, request.requester, request.params["userId"], "locked", body.locked
    )


async def get_suspend(app: App, request: Request) -> dict[str, Any]:
    return await administer_users.load_standing(app, request.params["userId"], "suspended")


async def put_suspend(app: App, request: Request) -> dict[str, Any]:
    body: SuspendBody = request.decode(SuspendBody)
    return await administer_users.change_standing(
        app, request.requester, request.params["userId"], "suspended", body.suspended
    )


async def get_whois(app: App, request: Request) -> dict[str, Any]:
    return await administer_users.load_whois(app, request.requester, request.params["userId"])


async def get_secret_nonce(app: App, request: Request) -> dict[str, Any]:
    return {"nonce": await register_with_secret.create_nonce(app)}


async def post_secret_register(app: App, request: Request) -> dict[str, Any]:
    body: SecretBody = request.decode(SecretBody)
    given = register_with_secret.SecretRegistration(
        nonce=body.nonce,
        username=body.username,
        password=body.password,
        mac=body.mac,
        is_admin=body.admin,
        display_name=body.displayname,
        user_type=body.user_type,
    )
    return await register_with_secret.register_with_secret(app, given)


ROUTES = [
    *routes("GET", client("/admin/lock/{userId}", "v1"), get_lock, auth=Auth.ADMIN),
    *routes("PUT", client("/admin/lock/{userId}", "v1"), put_lock, auth=Auth.ADMIN, body=LockBody),
    *routes("GET", client("/admin/suspend/{userId}", "v1"), get_suspend, auth=Auth.ADMIN),
    *routes("PUT", client("/admin/suspend/{userId}", "v1"), put_suspend, auth=Auth.ADMIN, body=SuspendBody),
    *routes("GET", client("/admin/whois/{userId}"), get_whois),
    *routes("GET", "/_synapse/admin/v1/register", get_secret_nonce, auth=Auth.NONE, limit="register_available"),
    *routes(
        "POST",
        "/_synapse/admin/v1/register",
        post_secret_register,
        auth=Auth.NONE,
        body=SecretBody,
        limit="register",
    ),
]
