"""`m.heroes` and the member counts of a room (client-server API, "RoomSummary")."""

from typing import Any

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

HEROES_MAX = 5


async def build_summary(app: App, tx: Read, head: RoomHead, user_id: str) -> dict[str, Any]:
    """Heroes are the first other members, or, where nobody else is left, the first who were."""
    row = head.row
    summary: dict[str, Any] = {
        "m.joined_member_count": row.joined_count,
        "m.invited_member_count": row.invited_count,
    }
    if head.state_event("m.room.name") is None and head.state_event("m.room.canonical_alias") is None:
        summary["m.heroes"] = await _load_heroes(app, tx, head, user_id)
    return summary


async def load_named_members(app: App, tx: Read, head: RoomHead) -> set[str]:
    """The users by whom a room without a name and an alias is called, as far as a summary names them; none for other rooms."""
    if head.state_event("m.room.name") is not None or head.state_event("m.room.canonical_alias") is not None:
        return set()
    return set(await _load_heroes(app, tx, head, ""))


async def _load_heroes(app: App, tx: Read, head: RoomHead, user_id: str) -> list[str]:
    heroes = head.heroes
    if heroes is None:
        position = app.db.position
        current = await app.stores.rooms.load_members(tx, head.row.room_nid, ["join", "invite"], HEROES_MAX + 1)
        former: list[str] = []
        if len(current) <= 1:
            gone = await app.stores.rooms.load_members(tx, head.row.room_nid, ["leave", "ban"], HEROES_MAX + 1)
            former = [row.user_id for row in gone]
        heroes = [row.user_id for row in current], former
        if app.db.position == position:  # else somebody may have come or gone while they were read
            head.heroes = heroes
    current_ids, former_ids = ([each for each in ids if each != user_id] for ids in heroes)
    return (current_ids or former_ids)[:HEROES_MAX]
