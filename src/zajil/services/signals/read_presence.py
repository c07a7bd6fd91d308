"""Asking for somebody's presence."""

from typing import Any

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.errors import forbidden, not_found
from zajil.services.signals.presence import build_content


async def read_presence(app: App, tx: Read, viewer: str, user_id: str) -> dict[str, Any]:
    """GET /presence/{userId}/status. Raises M_FORBIDDEN for those in no common room, and where the user's settings hide it."""
    if viewer != user_id and not await _may_see(app, tx, viewer, user_id):
        raise forbidden("You may not see the presence of this user.")
    if await app.stores.accounts.load_account(tx, user_id) is None:
        raise not_found("There is no presence of this user.")
    return build_content(app.presence.find(user_id), app.clock.monotonic_s())


async def _may_see(app: App, tx: Read, viewer: str, user_id: str) -> bool:
    mine = await app.stores.rooms.load_memberships_of_user(tx, viewer, ["join"])
    theirs = await app.stores.rooms.load_memberships_of_user(tx, user_id, ["join"])
    if not {row.room_nid for row in mine} & {row.room_nid for row in theirs}:
        return False
    return (await app.privacy.load(tx, user_id)).shows_last_seen_to(viewer)
