"""The user in whose name the server speaks. It has no account: its ID begins with _, so that nobody can register it."""

from typing import Final

from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.messages.append_events import RoomDraft

LOCALPART: Final = "_server"


def build_notices_user_id(app: App) -> str:
    """The ID of the user who sends server notices."""
    return f"@{LOCALPART}:{app.server_name}"


def check_may_decline(app: App, draft: RoomDraft) -> None:
    """Raises M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: the invitation to the room of server notices stands (leaving it later is free)."""
    if draft.row.creator == build_notices_user_id(app):
        raise MatrixError(
            403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "This is where the server tells you of important things."
        )
