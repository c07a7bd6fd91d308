"""Marking messages as read (client-server API, "Receipts" and "Fully read markers")."""

from typing import Any, Final

from zajil.core.identifiers import is_within_bytes
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.receipts import Receipt
from zajil.services.accounts.store_account_data import write_account_data
from zajil.services.app import App
from zajil.services.errors import forbidden, invalid_param, not_found
from zajil.services.federation.tell_fleeting import tell_receipt
from zajil.services.notifications.event_notices import find_thread
from zajil.services.notifications.set_pusher import WEB_APP_ID
from zajil.services.requester import Requester
from zajil.services.rooms.room_heads import RoomHead

READ: Final = "m.read"
READ_PRIVATE: Final = "m.read.private"
FULLY_READ: Final = "m.fully_read"
RECEIPT_TYPES: Final = (READ, READ_PRIVATE, FULLY_READ)
MAIN_THREAD: Final = "main"
UNTHREADED: Final = ""
EVENT_ID_BYTES_MAX: Final = 255


async def send_receipt(
    app: App, requester: Requester, room_id: str, receipt_type: str, event_id: str, body: dict[str, Any]
) -> None:
    """POST /rooms/{roomId}/receipt/{receiptType}/{eventId}. A receipt that would go back in the room's history changes nothing."""
    if receipt_type not in RECEIPT_TYPES:
        raise invalid_param(f"A receipt is of one of the types {', '.join(RECEIPT_TYPES)}.")
    thread_id = body.get("thread_id", UNTHREADED)
    if "thread_id" in body:
        if not isinstance(thread_id, str) or not thread_id or not is_within_bytes(thread_id, EVENT_ID_BYTES_MAX):
            raise invalid_param("thread_id must be main or the event ID of a thread's root.")
        if receipt_type == FULLY_READ:
            raise invalid_param("The fully read marker is the same for all threads: it has no thread_id.")
    head, stored = await _access_event(app, requester.user_id, room_id, event_id)
    if thread_id:
        await _check_thread(app, head, stored, thread_id)
    if receipt_type == FULLY_READ:
        await app.db.write(lambda tx: _store_fully_read(tx, app, requester.user_id, head, stored))
    else:
        receipt = await app.db.write(
            lambda tx: _store_receipt(tx, app, requester.user_id, head, receipt_type, thread_id, stored)
        )
        await _tell(app, head, receipt)


async def send_read_markers(app: App, requester: Requester, room_id: str, body: dict[str, Any]) -> None:
    """POST /rooms/{roomId}/read_markers: the fully read marker and receipts in one request; an empty one says nothing."""
    events: dict[str, StoredEvent] = {}
    head: RoomHead | None = None
    for receipt_type in RECEIPT_TYPES:
        event_id = body.get(receipt_type)
        if event_id is None:
            continue
        if not isinstance(event_id, str):
            raise invalid_param(f"{receipt_type} must be an event ID.")
        head, events[receipt_type] = await _access_event(app, requester.user_id, room_id, event_id)
    if head is None:
        await _access_room(app, requester.user_id, room_id)
        return
    room = head

    async def store(tx: Transaction) -> Receipt | None:
        told = None
        for receipt_type, stored in events.items():
            if receipt_type == FULLY_READ:
                await _store_fully_read(tx, app, requester.user_id, room, stored)
            else:
                receipt = await _store_receipt(tx, app, requester.user_id, room, receipt_type, UNTHREADED, stored)
                told = receipt if receipt is not None and receipt.type == READ else told
        return told

    await _tell(app, room, await app.db.write(store))


async def _tell(app: App, head: RoomHead, receipt: Receipt | None) -> None:
    """Other servers in the room hear of what others may see."""
    if receipt is not None and receipt.type == READ and head.has_remote_members is not False:
        await tell_receipt(app, head.room_id, receipt)


async def _access_room(app: App, user_id: str, room_id: str) -> RoomHead:
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or await app.rooms.membership(app.db.reader, head, user_id) != "join":
        raise forbidden("You are not in this room.")
    return head


async def _access_event(app: App, user_id: str, room_id: str, event_id: str) -> tuple[RoomHead, StoredEvent]:
    head = await _access_room(app, user_id, room_id)
    for stored in reversed(head.recent):
        if stored.event.event_id == event_id:
            return head, stored
    found = await app.stores.events.load_by_ids(app.db.reader, [event_id])
    if not found or found[0].room_nid != head.row.room_nid or found[0].history is None:
        raise not_found("There is no such event in this room.")
    return head, found[0]


async def _check_thread(app: App, head: RoomHead, stored: StoredEvent, thread_id: str) -> None:
    """Raises M_INVALID_PARAM when the event is not part of the thread. A root is part of its own thread and of the main one."""
    thread = await find_thread(app, app.db.reader, head, stored)
    if thread_id not in (thread, stored.event.event_id):
        raise invalid_param("The event is not part of the thread that thread_id names.")


async def _store_receipt(
    tx: Transaction, app: App, user_id: str, head: RoomHead, receipt_type: str, thread_id: str, stored: StoredEvent
) -> Receipt | None:
    """Returns what was stored; None for what changes nothing."""
    if receipt_type == READ:
        privacy = await app.privacy.load(tx, user_id)
        receipt_type = READ if privacy.read_receipts else READ_PRIVATE
    former = await app.stores.receipts.load(tx, head.row.room_nid, user_id, receipt_type, thread_id)
    history, minor = stored.history or 0, stored.history_minor
    if former is not None and former.point >= (history, minor):
        return None
    is_private = receipt_type == READ_PRIVATE
    position = await tx.append(*((Stream.NOTIFICATIONS, user_id) if is_private else (Stream.RECEIPTS, head.room_id)))
    receipt = Receipt(
        user_id, receipt_type, thread_id, stored.event.event_id, history, minor, app.clock.now_ms(), position
    )
    await app.stores.receipts.store(tx, head.row.room_nid, receipt)
    await app.stores.pushers.insert_badge(tx, user_id, receipt.ts_ms, except_app_id=WEB_APP_ID)
    tx.on_commit(lambda: note_receipt(app, head.room_id, receipt))
    return receipt


def note_receipt(app: App, room_id: str, receipt: Receipt) -> None:
    """A receipt is on disk: memory learns of it before anybody is told."""
    app.receipts.put(room_id, receipt)
    app.unread_counts.note_read(receipt.user_id, room_id, receipt.thread_id, receipt.point)


async def _store_fully_read(tx: Transaction, app: App, user_id: str, head: RoomHead, stored: StoredEvent) -> None:
    former = await app.stores.account_data.load(tx, user_id, head.room_id, FULLY_READ)
    event_id = former.get("event_id") if former is not None else None
    if isinstance(event_id, str):
        known = await app.stores.events.load_by_ids(tx, [event_id])
        point = (stored.history or 0, stored.history_minor)
        if known and known[0].history is not None and (known[0].history, known[0].history_minor) >= point:
            return
    await write_account_data(tx, app, user_id, head.room_id, FULLY_READ, {"event_id": stored.event.event_id})
