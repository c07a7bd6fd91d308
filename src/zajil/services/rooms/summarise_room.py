"""GET /room_summary: what somebody may know of a room before joining."""

from collections.abc import Sequence
from typing import Any

from zajil.services.app import App
from zajil.services.errors import MatrixError, not_found
from zajil.services.federation.locate_room import Place, is_room_here, locate_room
from zajil.services.federation.remote_spaces import may_show_remote
from zajil.services.requester import Requester
from zajil.services.rooms.describe_room import build_summary, may_describe
from zajil.services.rooms.resolve_room import resolve_room


async def summarise_room(app: App, requester: Requester | None, room: str, via: Sequence[str] = ()) -> dict[str, Any]:
    """The summary of a room, named by ID or alias. Raises M_NOT_FOUND also for rooms that are not shown.

    Other servers are asked for rooms that do not go on here, but only for who has logged in.
    """
    tx = app.db.reader
    if requester is None or not app.config.federation:
        place = Place(await resolve_room(app, tx, room), ())
    else:
        place = await locate_room(app, room, via)
    head = await app.rooms.find(tx, place.room_id, app.db.position)
    if head is not None and (requester is None or await is_room_here(app, tx, head)):
        user_id = None if requester is None else requester.user_id
        if not await may_describe(app, tx, head, user_id):
            raise hidden()
        summary = build_summary(head)
    elif requester is not None:
        summary = await summarise_remote_room(app, requester, place)
    else:
        raise hidden()
    if requester is not None and head is not None:
        member = await app.rooms.member(tx, head, requester.user_id)
        if member is not None and member.event.membership is not None:
            summary["membership"] = member.event.membership
    return summary


async def summarise_remote_room(app: App, requester: Requester, place: Place) -> dict[str, Any]:
    """The summary of a room that only other servers are in. Raises M_NOT_FOUND."""
    space = await app.remote_spaces.find(place.room_id, place.servers) if app.config.federation else None
    if space is None or not await may_show_remote(app, app.db.reader, space.room, requester.user_id):
        raise hidden()
    return dict(space.room)


def hidden() -> MatrixError:
    return not_found("There is no such room, or you may not see it.")
