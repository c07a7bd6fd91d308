"""What may be told of a room to who is not in it: its entry in lists, its summary, and who may see these."""

from typing import Any, Final

from zajil.core.visibility import parse_history_visibility
from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.rooms.authorise_restricted_join import RESTRICTED, list_allowed_rooms, meets_condition
from zajil.services.rooms.room_heads import RoomHead

JOIN_RULES_OPEN: Final = frozenset({"public", "knock", "knock_restricted"})
_TEXTS: Final = (
    ("name", "m.room.name", "name"),
    ("topic", "m.room.topic", "topic"),
    ("canonical_alias", "m.room.canonical_alias", "alias"),
    ("avatar_url", "m.room.avatar", "url"),
    ("room_type", "m.room.create", "type"),
)


def build_entry(head: RoomHead) -> dict[str, Any]:
    """The room as lists of rooms show it (client-server API, GET /publicRooms)."""
    entry: dict[str, Any] = {
        "room_id": head.room_id,
        "num_joined_members": head.row.joined_count,
        "world_readable": is_world_readable(head),
        "guest_can_join": head.content("m.room.guest_access").get("guest_access") == "can_join",
        "join_rule": find_join_rule(head),
    }
    for key, event_type, field in _TEXTS:
        value = head.content(event_type).get(field)
        if isinstance(value, str) and value:
            entry[key] = value
    return entry


def build_summary(head: RoomHead) -> dict[str, Any]:
    """The room as its summary shows it (client-server API, GET /room_summary)."""
    summary = build_entry(head)
    summary["room_version"] = head.row.room_version
    algorithm = head.content("m.room.encryption").get("algorithm")
    if isinstance(algorithm, str):
        summary["encryption"] = algorithm
    if find_join_rule(head) in RESTRICTED:
        summary["allowed_room_ids"] = list_allowed_rooms(head.content("m.room.join_rules"))
    return summary


def is_world_readable(head: RoomHead) -> bool:
    """Whether anybody may read the room."""
    return parse_history_visibility(head.content("m.room.history_visibility")) == "world_readable"


def find_join_rule(head: RoomHead) -> str:
    """The room's join rule, "invite" when it says nothing else that is a string."""
    rule = head.content("m.room.join_rules").get("join_rule")
    return rule if isinstance(rule, str) else "invite"


async def may_describe(app: App, tx: Read, head: RoomHead, user_id: str | None) -> bool:
    """Whether somebody (None: who is not logged in) may see the room's summary."""
    if head.row.blocked_reason is not None:
        return False
    if find_join_rule(head) in JOIN_RULES_OPEN or is_world_readable(head):
        return True
    if user_id is None:
        return False
    if await app.rooms.membership(tx, head, user_id) in ("join", "invite", "knock"):
        return True
    return find_join_rule(head) in RESTRICTED and await meets_condition(
        app, tx, head.content("m.room.join_rules"), user_id
    )
