"""The devices of the user who asks."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import manage_devices
from zajil.services.app import App


class RenameBody(msgspec.Struct):
    """PUT /devices/{deviceId}."""

    display_name: str | None = None


class DeleteBody(msgspec.Struct):
    """DELETE /devices/{deviceId}."""

    auth: dict[str, Any] | None = None


class DeleteManyBody(msgspec.Struct):
    """POST /delete_devices."""

    devices: list[str]
    auth: dict[str, Any] | None = None


async def get_devices(app: App, request: Request) -> dict[str, Any]:
    return await manage_devices.list_devices(app, request.requester.user_id)


async def get_device(app: App, request: Request) -> dict[str, Any]:
    return await manage_devices.load_device(app, request.requester.user_id, request.params["deviceId"])


async def put_device(app: App, request: Request) -> dict[str, Any]:
    body: RenameBody = request.decode(RenameBody)
    await manage_devices.rename_device(app, request.requester.user_id, request.params["deviceId"], body.display_name)
    return {}


async def delete_device(app: App, request: Request) -> dict[str, Any]:
    body: DeleteBody = request.decode(DeleteBody)
    await manage_devices.delete_own_devices(app, request.requester, [request.params["deviceId"]], body.auth)
    return {}


async def post_delete_devices(app: App, request: Request) -> dict[str, Any]:
    body: DeleteManyBody = request.decode(DeleteManyBody)
    await manage_devices.delete_own_devices(app, request.requester, body.devices, body.auth)
    return {}


ROUTES = [
    *routes("GET", client("/devices"), get_devices, auth=Auth.GUEST),
    *routes("GET", client("/devices/{deviceId}"), get_device, auth=Auth.GUEST),
    *routes("PUT", client("/devices/{deviceId}"), put_device, auth=Auth.GUEST, body=RenameBody),
    *routes("DELETE", client("/devices/{deviceId}"), delete_device, body=DeleteBody, limit="password"),
    *routes("POST", client("/delete_devices"), post_delete_devices, body=DeleteManyBody, limit="password"),
]
