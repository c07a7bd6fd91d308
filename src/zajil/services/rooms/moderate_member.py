"""Inviting, kicking, banning and unbanning."""

from typing import Any, Final

from zajil.services.app import App
from zajil.services.requester import Requester
from zajil.services.rooms.set_membership import COMING, Step, set_membership

_NOT_BANNED: Final = ("M_BAD_STATE", "The user is not banned from this room.")


async def invite_user(app: App, requester: Requester, room_id: str, user_id: str, content: dict[str, Any]) -> None:
    """Invite; a user who is invited already is invited anew."""
    app.invitations.check(requester)
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
