"""Putting down that an event is to be told to other servers, in the commit that appends it."""

from typing import TYPE_CHECKING

from zajil.core.identifiers import server_name_of
from zajil.ports.database import Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App

if TYPE_CHECKING:
    from zajil.services.messages.append_events import RoomDraft


async def note_outgoing(app: App, tx: Transaction, draft: "RoomDraft", stored: StoredEvent) -> None:
    """Queue the event if there are other servers in its room, or if it is about somebody on one."""
    event, head = stored.event, draft.head
    is_about_remote = event.type == "m.room.member" and server_name_of(event.key[1]) != app.server_name
    if is_about_remote:
        head.has_remote_members = True
    elif head.has_remote_members is None:
        head.has_remote_members = await app.stores.federation_queue.has_remote_members(
            tx, head.row.room_nid, app.server_name
        )
    if head.has_remote_members and app.config.federation:
        await app.stores.federation_queue.insert_outbox(tx, stored.position or 0, stored.nid)
        tx.on_commit(app.destinations.wake_outbox)
