"""Joining a room."""

from typing import Any

from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.append_events import Proposal, append, open_draft, store_draft
from zajil.services.requester import Requester
from zajil.services.send_event import write_to_room


async def join_room(app: App, requester: Requester, room_id: str, content: dict[str, Any]) -> None:
    """Join, unless the user is in the room already."""

    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, room_id)
        if await draft.membership(app, tx, requester.user_id) == "join":
            return
        proposal = Proposal("m.room.member", requester.user_id, {"membership": "join", **content}, requester.user_id)
        await append(app, tx, draft, proposal)
        await store_draft(app, tx, draft)

    await write_to_room(app, room_id, item)
