"""Inviting, kicking, banning and unbanning."""

from typing import Any, Final

from zajil.core.identifiers import is_user_id, server_name_of
from zajil.services.app import App
from zajil.services.federation.invite_remote_user import invite_remote_user
from zajil.services.requester import Requester
from zajil.services.rooms.check_invite import check_invite
from zajil.services.rooms.set_membership import COMING, Step, set_membership

_NOT_BANNED: Final = ("M_BAD_STATE", "The user is not banned from this room.")


async def invite_user(app: App, requester: Requester, room_id: str, user_id: str, content: dict[str, Any]) -> None:
    """Invite; a user who is invited already is invited anew."""
    app.invitations.check(requester)
    server_name = server_name_of(user_id)
    if is_user_id(user_id) and server_name != app.server_name:
        await check_invite(app, app.db.reader, user_id)
        await invite_remote_user(app, room_id, requester.user_id, user_id, content)
        return
    await set_membership(app, requester, Step(room_id, user_id, "invite", content))


async def kick_user(app: App, requester: Requester, room_id: str, user_id: str, content: dict[str, Any]) -> None:
    """Remove a user who is in the room, invited or knocking."""
    await set_membership(app, requester, Step(room_id, user_id, "leave", content, from_memberships=COMING))


async def ban_user(app: App, requester: Requester, room_id: str, user_id: str, content: dict[str, Any]) -> None:
    """Ban, whether the user is in the room or not."""
    await set_membership(app, requester, Step(room_id, user_id, "ban", content))


async def unban_user(app: App, requester: Requester, room_id: str, user_id: str, content: dict[str, Any]) -> None:
    """Lift a ban."""
    step = Step(room_id, user_id, "leave", content, from_memberships=frozenset({"ban"}), refusal=_NOT_BANNED)
    await set_membership(app, requester, step)
