"""Events that can be judged only when the whole state of their room is here: they wait in the database (partial_rooms.py)."""

from functools import partial
from typing import Final

from zajil.core.events import Event
from zajil.ports.database import Busy, Transaction
from zajil.ports.stores.partial_rooms import WaitingPdu
from zajil.services.app import App

WAITING_PDUS_MAX: Final = 10_000
"""Of one room. The senders of further ones are told to send them again."""
RETRY_MS: Final = 10_000


async def keep_for_later(app: App, origin: str, room_id: str, event: Event) -> bool:
    """Keep an event that cannot be judged before the room's state is complete; False if it is. Raises Busy when too many wait already."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or not head.row.partial_state:
        return False
    store, room_nid = app.stores.partial_rooms, head.row.room_nid
    if await store.count_pdus(app.db.reader, room_nid) >= WAITING_PDUS_MAX:
        raise Busy(RETRY_MS)
    pdu = WaitingPdu(room_nid, origin, event.event_id, event.json)
    await app.db.write(partial(_insert, app, pdu))
    return True


async def _insert(app: App, pdu: WaitingPdu, tx: Transaction) -> None:
    await app.stores.partial_rooms.insert_pdu(tx, pdu, await tx.new_ids(1))
