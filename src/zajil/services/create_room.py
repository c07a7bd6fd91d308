"""POST /createRoom: a room and its first state, in one item of the group commit."""

from dataclasses import dataclass, field
from typing import Any

from zajil.core.event_auth import check_event_auth
from zajil.core.events import build_event, check_event_size
from zajil.core.room_rules import ROOM_RULES
from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.append_events import Proposal, RoomDraft, append, build_event_id_v1, open_new_room, store_draft
from zajil.services.errors import forbidden, too_large
from zajil.services.requester import Requester

ROOM_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True)
class NewRoom:
    """A room to be made: its version, the content of its create event, and the state events that follow, in order."""

    version: str
    create_content: dict[str, Any]
    proposals: list[Proposal] = field(default_factory=list)


async def create_room(app: App, requester: Requester, room: NewRoom) -> str:
    """Make the room with `requester` as its creator; returns its ID. All of its events are committed, or none."""

    async def item(tx: Transaction) -> str:
        draft = await _open(app, tx, requester.user_id, room)
        for proposal in room.proposals:
            await append(app, tx, draft, proposal)
        await store_draft(app, tx, draft)
        return draft.row.room_id

    return await app.db.write(item)


async def _open(app: App, tx: Transaction, creator: str, room: NewRoom) -> RoomDraft:
    rules = ROOM_RULES[room.version]
    room_id = None
    if not rules.room_id_is_create_hash:
        room_id = f"!{app.randomness.letters(18, ROOM_ID_LETTERS)}:{app.server_name}"
    create = build_event(
        rules,
        room_id=room_id,
        type="m.room.create",
        sender=creator,
        content=room.create_content,
        state_key="",
        prev_events=(),
        auth_events=(),
        depth=1,
        origin_server_ts=app.clock.now_ms(),
        event_id_v1=build_event_id_v1(app) if rules.event_id_in_pdu else None,
        sign=app.sign_event,
    )
    if (invalid := check_event_size(create)) is not None:
        raise too_large(invalid.reason)
    if (rejection := check_event_auth(create, {}, rules)) is not None:
        raise forbidden(rejection.reason)
    return await open_new_room(app, tx, rules, create)
