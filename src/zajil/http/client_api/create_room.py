"""POST /createRoom, and POST /upgrade (client-server API, "Creation" and "Room Upgrades")."""

from typing import Any, Literal

import msgspec

from zajil.core.room_rules import DEFAULT_VERSION
from zajil.http.client_api.membership import AddressBody
from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.rooms.build_room import InitialState, RoomRequest
from zajil.services.rooms.create_room import create_room
from zajil.services.rooms.invite_by_address import check_addresses, invite_addresses
from zajil.services.rooms.upgrade_room import upgrade_room

Preset = Literal["private_chat", "public_chat", "trusted_private_chat"]


class StateEventBody(msgspec.Struct):
    """One entry of `initial_state`."""

    type: str
    content: dict[str, Any]
    state_key: str = ""


class CreateRoomBody(msgspec.Struct):
    """The body of POST /createRoom."""

    visibility: Literal["public", "private"] | None = None
    room_alias_name: str | None = None
    name: str | None = None
    topic: str | None = None
    invite: list[str] | None = None
    invite_3pid: list[AddressBody] | None = None
    room_version: str | None = None
    creation_content: dict[str, Any] | None = None
    initial_state: list[StateEventBody] | None = None
    preset: Preset | None = None
    is_direct: bool | None = None
    power_level_content_override: dict[str, Any] | None = None


async def post_create_room(app: App, request: Request) -> dict[str, Any]:
    body: CreateRoomBody = request.decode(CreateRoomBody)
    addresses = [each.meant for each in (body.invite_3pid or [])]
    check_addresses(app, addresses)
    is_public = body.visibility == "public"
    wanted = RoomRequest(
        version=body.room_version if body.room_version is not None else DEFAULT_VERSION,
        preset=body.preset or ("public_chat" if is_public else "private_chat"),
        creation_content=body.creation_content or {},
        power_levels=body.power_level_content_override or {},
        initial_state=tuple(InitialState(each.type, each.state_key, each.content) for each in body.initial_state or ()),
        name=body.name,
        topic=body.topic,
        room_alias=None if body.room_alias_name is None else f"#{body.room_alias_name}:{app.server_name}",
        is_public=is_public,
        invites=tuple(body.invite or ()),
        is_direct=bool(body.is_direct),
    )
    room_id = await create_room(app, request.requester, wanted)
    await invite_addresses(app, request.requester, room_id, addresses)
    return {"room_id": room_id}


class UpgradeBody(msgspec.Struct):
    """The body of POST /upgrade."""

    new_version: str
    additional_creators: list[str] | None = None


async def post_upgrade(app: App, request: Request) -> dict[str, Any]:
    body: UpgradeBody = request.decode(UpgradeBody)
    room_id = request.params["room_id"]
    replacement = await upgrade_room(app, request.requester, room_id, body.new_version, body.additional_creators)
    return {"replacement_room": replacement}


_CREATING: dict[str, Any] = {"limit": "create_room", "suspended_may": False}

ROUTES = [
    *routes("POST", client("/createRoom"), post_create_room, body=CreateRoomBody, **_CREATING),
    *routes("POST", client("/rooms/{room_id}/upgrade"), post_upgrade, body=UpgradeBody, **_CREATING),
]
