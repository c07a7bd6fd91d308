"""Joining, inviting, leaving, removing (client-server API, "Room membership")."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.rooms.invite_by_address import Address, invite_by_address
from zajil.services.rooms.join_room import join_room, knock_on_room
from zajil.services.rooms.leave_room import forget_room, leave_room
from zajil.services.rooms.moderate_member import ban_user, invite_user, kick_user, unban_user


class ReasonBody(msgspec.Struct):
    """Why somebody comes or goes."""

    reason: str | None = None


class TargetBody(msgspec.Struct):
    """Whom somebody removes, and why."""

    user_id: str
    reason: str | None = None


class InviteBody(msgspec.Struct):
    """Whom somebody invites: by user ID, or by an address that an identity server knows."""

    user_id: str | msgspec.UnsetType = msgspec.UNSET
    reason: str | None = None
    address: str | None = None
    medium: str | None = None
    id_server: str | None = None
    id_access_token: str | None = None


class AddressBody(msgspec.Struct):
    """Somebody who is invited by an address."""

    address: str
    medium: str
    id_server: str
    id_access_token: str = ""

    @property
    def meant(self) -> Address:
        return Address(self.medium, self.address, self.id_server, self.id_access_token)


def _content(reason: str | None) -> dict[str, Any]:
    return {} if reason is None else {"reason": reason}


def _via(request: Request) -> list[str]:
    """Servers that are in the room; `server_name` is the former name of the parameter."""
    return [*request.query.get("via", []), *request.query.get("server_name", [])]


async def post_join(app: App, request: Request) -> dict[str, Any]:
    body: ReasonBody = request.decode(ReasonBody)
    return {"room_id": await join_room(app, request.requester, request.params["room_id"], _content(body.reason), _via(request))}


async def post_knock(app: App, request: Request) -> dict[str, Any]:
    body: ReasonBody = request.decode(ReasonBody)
    return {"room_id": await knock_on_room(app, request.requester, request.params["room_id"], _content(body.reason), _via(request))}


async def post_leave(app: App, request: Request) -> dict[str, Any]:
    body: ReasonBody = request.decode(ReasonBody)
    await leave_room(app, request.requester, request.params["room_id"], _content(body.reason))
    return {}


async def post_forget(app: App, request: Request) -> dict[str, Any]:
    await forget_room(app, request.requester.user_id, request.params["room_id"])
    return {}


async def post_invite(app: App, request: Request) -> dict[str, Any]:
    if request.json().get("user_id") is None and request.json().get("address") is not None:
        address: AddressBody = request.decode(AddressBody)
        await invite_by_address(app, request.requester, request.params["room_id"], address.meant)
        return {}
    body: TargetBody = request.decode(TargetBody)
    await invite_user(app, request.requester, request.params["room_id"], body.user_id, _content(body.reason))
    return {}


async def post_kick(app: App, request: Request) -> dict[str, Any]:
    body: TargetBody = request.decode(TargetBody)
    await kick_user(app, request.requester, request.params["room_id"], body.user_id, _content(body.reason))
    return {}


async def post_ban(app: App, request: Request) -> dict[str, Any]:
    body: TargetBody = request.decode(TargetBody)
    await ban_user(app, request.requester, request.params["room_id"], body.user_id, _content(body.reason))
    return {}


async def post_unban(app: App, request: Request) -> dict[str, Any]:
    body: TargetBody = request.decode(TargetBody)
    await unban_user(app, request.requester, request.params["room_id"], body.user_id, _content(body.reason))
    return {}


async def get_joined_rooms(app: App, request: Request) -> dict[str, Any]:
    rows = await app.stores.rooms.load_memberships_of_user(app.db.reader, request.requester.user_id, ["join"])
    return {"joined_rooms": [row.room_id for row in rows]}


_COMING: dict[str, Any] = {"body": ReasonBody, "limit": "join", "suspended_may": False}
_REMOVING: dict[str, Any] = {"body": TargetBody, "limit": "default", "suspended_may": False}
_LEAVING: dict[str, Any] = {"body": ReasonBody, "auth": Auth.GUEST, "limit": "default"}

ROUTES = [
    *routes("POST", client("/join/{room_id}"), post_join, auth=Auth.GUEST, **_COMING),
    *routes("POST", client("/rooms/{room_id}/join"), post_join, auth=Auth.GUEST, **_COMING),
    *routes("POST", client("/knock/{room_id}"), post_knock, **_COMING),
    *routes("POST", client("/rooms/{room_id}/leave"), post_leave, **_LEAVING),
    *routes("POST", client("/rooms/{room_id}/forget"), post_forget, limit="default"),
    *routes(
        "POST", client("/rooms/{room_id}/invite"), post_invite, body=InviteBody, limit="invite", suspended_may=False
    ),
    *routes("POST", client("/rooms/{room_id}/kick"), post_kick, **_REMOVING),
    *routes("POST", client("/rooms/{room_id}/ban"), post_ban, **_REMOVING),
    *routes("POST", client("/rooms/{room_id}/unban"), post_unban, **_REMOVING),
    *routes("GET", client("/joined_rooms"), get_joined_rooms),
]
