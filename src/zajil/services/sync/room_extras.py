"""What a room's section has besides events: ephemeral events, account data, unread counts."""

from collections.abc import Sequence

import orjson

from zajil.ports.database import Read, Stream
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.messages.client_events import render_account_data, render_list
from zajil.services.notifications.unread_counts import load_unread, render_unread
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.sync.delivered_events import load_delivered
from zajil.services.sync.receipt_events import TYPE as RECEIPT
from zajil.services.sync.receipt_events import build_receipt_events, load_receipts, may_have_receipts
from zajil.services.sync.request import SyncRequest, Window


async def load_room_extras(
    app: App,
    tx: Read,
    head: RoomHead,
    sync: SyncRequest,
    window: Window,
    *,
    fresh: bool,
    timeline: Sequence[StoredEvent],
) -> dict[bytes, bytes]:
    """Further members of the room's object, as JSON by name; empty when there is nothing new."""
    extras: dict[bytes, bytes] = {}
    ephemeral = _load_typing(app, head, sync, window, fresh=fresh)
    ephemeral += await load_delivered(app, tx, head, sync, window, fresh=fresh)
    if fresh or may_have_receipts(app, sync, window, head.room_id):
        since = None if fresh else window.since
        receipts = await load_receipts(app, tx, head, sync.user_id, since, window.up_to, timeline)
        if sync.filter.ephemeral.matches(RECEIPT, None, {}, head.room_id):
            ephemeral += build_receipt_events(receipts)
        if any(receipt.user_id == sync.user_id for receipt in receipts):
            extras.update(await load_unread_section(app, tx, head, sync))
    if ephemeral:
        extras[b"ephemeral"] = b'{"events":%b}' % render_list(ephemeral)
    if account_data := await _load_account_data(app, tx, head, sync, window, fresh=fresh):
        extras[b"account_data"] = b'{"events":%b}' % render_list(account_data)
    return extras


async def load_unread_section(app: App, tx: Read, head: RoomHead, sync: SyncRequest) -> dict[bytes, bytes]:
    """The unread counts of a joined room, which are there whenever the room is."""
    tally = await load_unread(app, tx, head, sync.user_id)
    return render_unread(tally, by_thread=sync.filter.unread_thread_notifications)


def _load_typing(app: App, head: RoomHead, sync: SyncRequest, window: Window, *, fresh: bool) -> list[bytes]:
    typists = app.typing.changed_since(head.room_id, -1 if fresh else window.ephemeral_since)
    if typists is None or not sync.filter.ephemeral.matches("m.typing", None, {}, head.room_id):
        return []
    return [orjson.dumps({"type": "m.typing", "content": {"user_ids": typists}})]


async def _load_account_data(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, window: Window, *, fresh: bool
) -> list[bytes]:
    if fresh or window.since is None:
        entries = await app.stores.account_data.load_of_room(tx, sync.user_id, head.room_id)
    else:
        user = app.notifier.find(sync.user_id)
        if user is not None and not user.touched_since(Stream.ACCOUNT_DATA, window.since):
            return []
        changes = await app.stores.account_data.load_changes(tx, sync.user_id, window.since, window.up_to)
        entries = [entry for entry in changes if entry.room_id == head.room_id]
    wanted = sync.filter.room_account_data
    return [
        render_account_data(entry.type, entry.content)
        for entry in entries
        if wanted.matches(entry.type, None, {}, head.room_id)
    ]
