"""`m.receipt` in a room's section (client-server API, "Receipts")."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from zajil.ports.database import Read, Stream
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.receipts import Receipt
from zajil.services.app import App
from zajil.services.notifications.receipt_memory import RECEIPTS_PER_ROOM_MAX
from zajil.services.notifications.send_receipt import READ_PRIVATE
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.sync.request import SyncRequest, Window

ALL_MEMBERS_MAX: Final = 100
"""In larger rooms a first sync brings receipts for the events of its timeline only, and the user's own."""
OWN_RECEIPTS_MAX: Final = 100
TYPE: Final = "m.receipt"


def may_have_receipts(app: App, sync: SyncRequest, window: Window, room_id: str) -> bool:
    """Whether a room may have receipts in the window; without asking the database."""
    since, user = window.since, app.notifier.find(sync.user_id)
    if since is None or user is None or since < user.known_since:
        return True
    return user.receipts.get(room_id, -1) > since or user.touched_since(Stream.NOTIFICATIONS, since)


async def load_receipts(
    app: App, tx: Read, head: RoomHead, user_id: str, since: int | None, up_to: int, timeline: Sequence[StoredEvent]
) -> list[Receipt]:
    """The receipts in (since, up_to] that the user may see; those a newly shown room needs when `since` is None."""
    known = await app.receipts.load(app, tx, head)
    found: Iterable[Receipt]
    if since is None:
        found = await _load_first(app, tx, head, user_id, timeline)
    elif since < known.complete_from:
        found = await app.stores.receipts.load_changes(tx, head.row.room_nid, since, RECEIPTS_PER_ROOM_MAX)
    else:
        newer = []
        for receipt in known.newest_first():
            if receipt.position <= since:
                break
            newer.append(receipt)
        found = reversed(newer)
    return [
        receipt
        for receipt in found
        if receipt.position <= up_to and (receipt.type != READ_PRIVATE or receipt.user_id == user_id)
    ]


async def _load_first(
    app: App, tx: Read, head: RoomHead, user_id: str, timeline: Sequence[StoredEvent]
) -> list[Receipt]:
    known = await app.receipts.load(app, tx, head)
    if head.row.joined_count <= ALL_MEMBERS_MAX and known.complete_from < 0:
        return list(known.newest_first())[::-1]
    store, room_nid = app.stores.receipts, head.row.room_nid
    own = await store.load_of_user(tx, room_nid, user_id, OWN_RECEIPTS_MAX)
    if not timeline:
        return own
    shown = {stored.event.event_id for stored in timeline}
    first = timeline[0].history or 0
    if known.complete_from < 0:
        others: Iterable[Receipt] = reversed(list(known.newest_first()))
    else:
        others = await store.load_from_history(tx, room_nid, first, RECEIPTS_PER_ROOM_MAX)
    return [*own, *(each for each in others if each.user_id != user_id and each.event_id in shown)]


def build_receipt_events(receipts: Iterable[Receipt]) -> list[bytes]:
    """The events as JSON: one, or more where a user has receipts for the same event that differ in their thread only."""
    contents: list[dict[str, dict[str, dict[str, dict[str, Any]]]]] = []
    for receipt in receipts:
        for content in contents:
            users = content.setdefault(receipt.event_id, {}).setdefault(receipt.type, {})
            if receipt.user_id not in users:
                break
        else:
            users = {}
            contents.append({receipt.event_id: {receipt.type: users}})
        users[receipt.user_id] = {"ts": receipt.ts_ms}
        if receipt.thread_id:
            users[receipt.user_id]["thread_id"] = receipt.thread_id
    return [orjson.dumps({"type": TYPE, "content": content}) for content in contents]
