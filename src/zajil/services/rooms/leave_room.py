"""Leaving a room, and forgetting it."""

import contextlib
from typing import Any

from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.federation.leave_from_outside import is_known_from_outside, leave_from_outside
from zajil.services.requester import Requester
from zajil.services.rooms.set_membership import Step, set_membership


async def leave_room(app: App, requester: Requester, room_id: str, content: dict[str, Any]) -> None:
    """Leave, decline an invitation, or take back a knock; a user who has left already leaves no more."""
    if await is_known_from_outside(app, room_id):
        await leave_from_outside(app, requester.user_id, room_id, content)
        return
    await set_membership(app, requester, Step(room_id, requester.user_id, "leave", content, when_there=True))


async def remove_guests(app: App, room_id: str) -> None:
    """Guests may no longer be in the room: each leaves (client-server API, "Guest Access")."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None:
        return
    for user_id in await app.stores.rooms.load_guests(app.db.reader, head.row.room_nid):
        guest = Requester(user_id, "", 0, is_guest=True)
        with contextlib.suppress(MatrixError):  # has left meanwhile
            await leave_room(app, guest, room_id, {})


async def forget_room(app: App, user_id: str, room_id: str) -> None:
    """Stop remembering a room that the user has left. Raises M_UNKNOWN while the user is in it."""

    async def item(tx: Transaction) -> None:
        row = await app.stores.rooms.load_row(tx, room_id)
        membership = None if row is None else await app.stores.rooms.load_membership(tx, row.room_nid, user_id)
        if row is None or membership is None:
            return
        if membership.membership not in ("leave", "ban"):
            raise MatrixError(400, "M_UNKNOWN", "You are in this room, or asked to be: leave it first.")
        await app.stores.rooms.set_forgotten(tx, row.room_nid, user_id)

    await app.db.write(item)
