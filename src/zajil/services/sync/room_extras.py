"""What a room's section has besides events: ephemeral events and account data."""

import orjson

from zajil.ports.database import Read, Stream
from zajil.services.app import App
from zajil.services.client_events import render_account_data, render_list
from zajil.services.room_heads import RoomHead
from zajil.services.sync.request import SyncRequest, Window


async def load_room_extras(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, window: Window, *, fresh: bool
) -> dict[bytes, bytes]:
    """Further members of the room's object, as JSON by name; empty when there is nothing new."""
    extras: dict[bytes, bytes] = {}
    if ephemeral := await _load_ephemeral(app, tx, head, sync, window, fresh=fresh):
        extras[b"ephemeral"] = b'{"events":%b}' % render_list(ephemeral)
    if account_data := await _load_account_data(app, tx, head, sync, window, fresh=fresh):
        extras[b"account_data"] = b'{"events":%b}' % render_list(account_data)
    return extras


async def _load_ephemeral(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, window: Window, *, fresh: bool
) -> list[bytes]:
    wanted = sync.filter.ephemeral
    events: list[bytes] = []
    typists = app.typing.changed_since(head.room_id, -1 if fresh else window.ephemeral_since)
    if typists is not None and wanted.matches("m.typing", None, {}, head.room_id):
        events.append(orjson.dumps({"type": "m.typing", "content": {"user_ids": typists}}))
    return events


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
