"""May somebody read in a room at all?"""

from dataclasses import dataclass

from zajil.core.visibility import parse_history_visibility
from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint
from zajil.services.app import App
from zajil.services.errors import forbidden
from zajil.services.rooms.room_heads import RoomHead

NOW = HistoryPoint(2**62)


@dataclass(frozen=True, slots=True)
class ReadAccess:
    """A room that may be read, and up to where: those who left see nothing after their leaving."""

    head: RoomHead
    membership: str | None
    end: HistoryPoint


async def access_room(app: App, tx: Read, user_id: str, room_id: str) -> ReadAccess:
    """Raises M_FORBIDDEN unless the user is or was a member, or the room is world-readable; the same for rooms that do not exist."""
    head = await app.rooms.find(tx, room_id, app.db.position)
    if head is None:
        raise forbidden("You are not in this room, or it does not exist.")
    member = await app.rooms.member(tx, head, user_id)
    membership = None if member is None else member.event.membership
    if membership == "join":
        return ReadAccess(head, membership, NOW)
    setting = head.rest.get(("m.room.history_visibility", ""))
    if parse_history_visibility(None if setting is None else setting.event.content) == "world_readable":
        return ReadAccess(head, membership, NOW)
    row = await app.stores.rooms.load_membership(tx, head.row.room_nid, user_id)
    if member is None or membership not in ("leave", "ban") or row is None or row.forgotten:
        raise forbidden("You are not in this room, or it does not exist.")
    return ReadAccess(head, membership, HistoryPoint(row.position))
