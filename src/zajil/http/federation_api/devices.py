"""Devices and keys of our users, for other servers (server-server API, "Device Management", "End-to-End Encryption")."""

from typing import Any, Final

from zajil.core.identifiers import server_name_of
from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.errors import bad_json, invalid_param
from zajil.services.keys.claim_keys import claim_keys
from zajil.services.keys.query_keys import query_keys

NOBODY: Final = ""
"""Who asks is a server, not a user: no user-signing keys are shown."""


async def get_devices(app: App, request: Request) -> dict[str, Any]:
    user_id = request.params["userId"]
    if server_name_of(user_id) != app.server_name:
        raise invalid_param("This is no user of this server.")
    keys = await query_keys(app, NOBODY, {user_id: []})
    devices = []
    for device_id, of_device in keys["device_keys"].get(user_id, {}).items():
        name = of_device.pop("unsigned", {}).get("device_display_name")
        told = {"device_id": device_id, "keys": of_device}
        devices.append(told if name is None else {**told, "device_display_name": name})
    answer: dict[str, Any] = {"user_id": user_id, "stream_id": app.db.position, "devices": devices}
    for part, name in (("master_keys", "master_key"), ("self_signing_keys", "self_signing_key")):
        if user_id in keys[part]:
            answer[name] = keys[part][user_id]
    return answer


def _ours(app: App, asked: object, name: str) -> dict[str, Any]:
    """What is asked of our own users."""
    if not isinstance(asked, dict):
        raise bad_json(f"{name} must be an object.")
    return {user_id: what for user_id, what in asked.items() if server_name_of(user_id) == app.server_name}


async def post_query(app: App, request: Request) -> dict[str, Any]:
    wanted = {
        user_id: [each for each in devices if isinstance(each, str)] if isinstance(devices, list) else []
        for user_id, devices in _ours(app, request.json().get("device_keys"), "device_keys").items()
    }
    keys = await query_keys(app, NOBODY, wanted)
    return {part: keys[part] for part in ("device_keys", "master_keys", "self_signing_keys")}


async def post_claim(app: App, request: Request) -> dict[str, Any]:
    wanted: dict[str, dict[str, str]] = {}
    for user_id, devices in _ours(app, request.json().get("one_time_keys"), "one_time_keys").items():
        if not isinstance(devices, dict):
            raise bad_json("one_time_keys must map users to devices.")
        wanted[user_id] = {
            device_id: algorithm for device_id, algorithm in devices.items() if isinstance(algorithm, str)
        }
    return {"one_time_keys": (await claim_keys(app, wanted))["one_time_keys"]}


BASE: Final = "/_matrix/federation/v1/user"
ROUTES = [
    *routes("GET", f"{BASE}/devices/{{userId}}", get_devices, auth=Auth.SERVER),
    *routes("POST", f"{BASE}/keys/query", post_query, auth=Auth.SERVER),
    *routes("POST", f"{BASE}/keys/claim", post_claim, auth=Auth.SERVER),
]
