"""A space and its children for another server (server-server API, GET /hierarchy)."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.federation.locate_room import is_room_here
from zajil.services.federation.server_acl import is_banned_from_room
from zajil.services.rooms.authorise_restricted_join import RESTRICTED, list_allowed_rooms
from zajil.services.rooms.describe_room import JOIN_RULES_OPEN, build_summary, find_join_rule, is_world_readable
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.rooms.walk_space import list_children, render_children

CHILDREN_MAX: Final = 100
"""As many children are described; of the others the m.space.child events tell."""
CHILDREN_PER_SLICE: Final = 20


async def describe_space(app: App, origin: str, room_id: str, *, suggested_only: bool) -> dict[str, Any]:
    """The answer of GET /hierarchy. Raises M_NOT_FOUND, also for rooms that nobody of the other server could enter."""
    tx = app.db.reader
    head = await app.rooms.find(tx, room_id, app.db.position)
    if head is None or not await is_room_here(app, tx, head) or not await may_describe_to_server(app, tx, head, origin):
        raise not_found("There is no such room, or your server may not see it.")
    children = list_children(head, suggested_only=suggested_only)
    shown: list[dict[str, Any]] = []
    hidden: list[str] = []
    for index, stored in enumerate(children[:CHILDREN_MAX]):
        if index % CHILDREN_PER_SLICE == CHILDREN_PER_SLICE - 1:
            await asyncio.sleep(0)
        child = await app.rooms.find(tx, stored.event.key[1], app.db.position)
        if child is None or not await is_room_here(app, tx, child):
            continue
        if await may_describe_to_server(app, tx, child, origin):
            shown.append(build_summary(child))
        else:
            hidden.append(child.room_id)
    room = {**build_summary(head), "children_state": list(render_children(children))}
    return {"room": room, "children": shown, "inaccessible_children": hidden}


async def may_describe_to_server(app: App, tx: Read, head: RoomHead, origin: str) -> bool:
    """Whether somebody of the other server could enter the room or read in it."""
    if head.row.blocked_reason is not None or is_banned_from_room(head, origin):
        return False
    if find_join_rule(head) in JOIN_RULES_OPEN or is_world_readable(head):
        return True
    if await _has_any(app, tx, head.row.room_nid, origin, ["join", "invite", "knock"]):
        return True
    if find_join_rule(head) not in RESTRICTED:
        return False
    for room_id in list_allowed_rooms(head.content("m.room.join_rules")):
        row = await app.stores.rooms.load_row(tx, room_id)
        if row is not None and await _has_any(app, tx, row.room_nid, origin, ["join"]):
            return True
    return False


async def _has_any(app: App, tx: Read, room_nid: int, origin: str, memberships: Sequence[str]) -> bool:
    return await app.stores.federation_queue.has_members_of(tx, room_nid, origin, memberships)
