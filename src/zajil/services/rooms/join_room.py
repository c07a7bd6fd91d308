"""Joining a room, and knocking on it."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, not_found
from zajil.services.federation.enter_remote_room import join_on_top, join_remote_room, knock_on_remote_room
from zajil.services.federation.invite_remote_user import show_membership
from zajil.services.federation.locate_room import is_server_in_room, list_helpers, locate_room
from zajil.services.federation.partial_rooms import wait_for_state
from zajil.services.messages.append_events import open_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.build_member_content import build_member_content
from zajil.services.rooms.carry_over import carry_over
from zajil.services.rooms.set_membership import Step, check_is_open, set_membership

STATE_WAIT_S: Final = 0.25


async def join_room(app: App, requester: Requester, room: str, content: dict[str, Any], via: Sequence[str] = ()) -> str:
    """Join a room, named by its ID or an alias, unless the user is in it already; returns the room ID.

    A room that this server is not in is joined through `via`, or the servers that the alias or an invitation names.
    """
    place = await locate_room(app, room, via)
    user_id = requester.user_id
    servers = await list_helpers(app, place, user_id)
    step = Step(place.room_id, user_id, "join", content, when_there=True)
    if was_here := await is_server_in_room(app, place.room_id):
        try:
            await set_membership(app, requester, step)
            return place.room_id
        except MatrixError as error:
            # When nobody here may let the user in, somebody on another server may.
            if error.errcode != "M_UNABLE_TO_GRANT_JOIN" or not servers:
                raise
    elif not servers:
        raise not_found("This server does not know that room.")
    await _check_is_open(app, place.room_id)
    member = await build_member_content(app, app.db.reader, user_id, "join", content)
    event = None
    await app.room_turns.acquire(place.room_id)
    try:
        # Somebody else of ours, or the same one by another request, may have come in meanwhile.
        if was_here or not await is_server_in_room(app, place.room_id):
            event = await join_remote_room(app, place.room_id, user_id, servers, member)
    finally:
        app.room_turns.release(place.room_id)
    if event is None:
        await set_membership(app, requester, step)
        return place.room_id

    async def follow(tx: Transaction) -> None:
        draft = await open_draft(app, tx, place.room_id)
        await join_on_top(app, tx, draft, event)
        await carry_over(app, tx, draft, user_id)

    await write_to_room(app, place.room_id, follow)
    with contextlib.suppress(MatrixError):
        # Of a small room everything is here in a moment; who joins a large one need not wait for it.
        await wait_for_state(app, place.room_id, wait_s=STATE_WAIT_S)
    return place.room_id


async def knock_on_room(
    app: App, requester: Requester, room: str, content: dict[str, Any], via: Sequence[str] = ()
) -> str:
    """Ask to be let into a room; returns the room ID."""
    place = await locate_room(app, room, via)
    user_id = requester.user_id
    if await is_server_in_room(app, place.room_id):
        await set_membership(app, requester, Step(place.room_id, user_id, "knock", content, when_there=True))
        return place.room_id
    servers = await list_helpers(app, place, user_id)
    if not servers:
        raise not_found("This server does not know that room.")
    await _check_is_open(app, place.room_id)
    member = await build_member_content(app, app.db.reader, user_id, "knock", content)
    event, shown = await knock_on_remote_room(app, place.room_id, user_id, servers, member)
    await show_membership(app, event.rules, event, user_id, shown)
    return place.room_id


async def _check_is_open(app: App, room_id: str) -> None:
    """What the administrator has closed is not opened again through another server. Raises M_FORBIDDEN."""
    row = await app.stores.rooms.load_row(app.db.reader, room_id)
    if row is not None:
        check_is_open(row)
