"""GET /room_summary: what somebody may know of a room before joining."""

from typing import Any

from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.requester import Requester
from zajil.services.rooms.describe_room import build_summary, may_describe
from zajil.services.rooms.resolve_room import resolve_room


async def summarise_room(app: App, requester: Requester | None, room: str) -> dict[str, Any]:
    """The summary of a room, named by ID or alias. Raises M_NOT_FOUND also for rooms that are not shown."""
    tx = app.db.reader
    head = await app.rooms.find(tx, await resolve_room(app, tx, room), app.db.position)
    user_id = None if requester is None else requester.user_id
    if head is None or not await may_describe(app, tx, head, user_id):
        raise not_found("There is no such room, or you may not see it.")
    summary = build_summary(head)
    if user_id is not None:
        member = await app.rooms.member(tx, head, user_id)
        if member is not None and member.event.membership is not None:
            summary["membership"] = member.event.membership
    return summary
