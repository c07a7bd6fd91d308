"""Declining an invitation to a room that this server is not in, or taking back a knock."""

from typing import Any

import structlog

from zajil.core.events import Event, build_event
from zajil.core.identifiers import server_name_of
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden
from zajil.services.federation.enter_remote_room import leave_remote_room
from zajil.services.federation.invite_remote_user import show_membership
from zajil.services.federation.locate_room import Place, list_helpers
from zajil.services.messages.append_events import build_event_id_v1
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)


async def is_known_from_outside(app: App, room_id: str) -> bool:
    """The server has heard of the room by an invitation or a knock only."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    return head is not None and not head.row.extremities


async def leave_from_outside(app: App, user_id: str, room_id: str, content: dict[str, Any]) -> None:
    """Tell the room's server, and forget the invitation here whether it answers or not: nobody is kept by a server that is gone."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    member = None if head is None else await app.rooms.member(app.db.reader, head, user_id)
    if head is None or member is None or member.event.membership not in ("invite", "knock"):
        raise forbidden("You are not in this room, and not invited to it.")
    servers = await list_helpers(app, Place(room_id, tuple(_servers_of(member.event))), user_id)
    try:
        event = await leave_remote_room(app, room_id, user_id, servers, {**content, "membership": "leave"})
    except MatrixError as error:
        log.info("an invitation is declined without its server", cause=str(error))
        event = build_own_leave(app, head, user_id, member.event)
    await show_membership(app, head.rules, event, user_id, None)


def _servers_of(event: Event) -> list[str]:
    return [name for name in (server_name_of(event.sender), server_name_of(event.room_id)) if name]


def build_own_leave(app: App, head: RoomHead, user_id: str, after: Event) -> Event:
    """A leave that only this server knows."""
    rules = head.rules
    return build_event(
        rules,
        room_id=head.room_id,
        type="m.room.member",
        sender=user_id,
        state_key=user_id,
        content={"membership": "leave"},
        prev_events=[(after.event_id, {})] if rules.event_id_in_pdu else [after.event_id],
        auth_events=[],
        depth=min(after.depth + 1, 2**53 - 1),
        origin_server_ts=app.clock.now_ms(),
        event_id_v1=build_event_id_v1(app) if rules.event_id_in_pdu else None,
        sign=app.sign_event,
    )
