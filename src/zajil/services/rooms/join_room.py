"""Joining a room, and knocking on it."""

from typing import Any

from zajil.services.app import App
from zajil.services.requester import Requester
from zajil.services.rooms.resolve_room import resolve_room
from zajil.services.rooms.set_membership import Step, set_membership


async def join_room(app: App, requester: Requester, room: str, content: dict[str, Any]) -> str:
    """Join a room, named by its ID or an alias, unless the user is in it already; returns the room ID."""
    room_id = await resolve_room(app, app.db.reader, room)
    await set_membership(app, requester, Step(room_id, requester.user_id, "join", content, when_there=True))
    return room_id


async def knock_on_room(app: App, requester: Requester, room: str, content: dict[str, Any]) -> str:
    """Ask to be let into a room; returns the room ID."""
    room_id = await resolve_room(app, app.db.reader, room)
    await set_membership(app, requester, Step(room_id, requester.user_id, "knock", content, when_there=True))
    return room_id
