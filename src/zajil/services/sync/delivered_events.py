"""The delivered signal in a room's section: how far the other members' devices have received the room."""

import orjson

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.signals.delivered import ROOM_MEMBERS_MAX
from zajil.services.sync.request import SyncRequest, Window

TYPE = "org.zajil.delivered"


async def find_rooms_with_deliveries(app: App, tx: Read, user_id: str, since: int) -> list[str]:
    """Rooms to tell a client about whose token is another process's."""
    return await app.stores.signals.load_rooms_noted_since(tx, user_id, since) if app.delivered.is_on else []


async def load_delivered(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, window: Window, *, fresh: bool
) -> list[bytes]:
    """An `org.zajil.delivered` event as JSON, or nothing. `fresh`: the client knows nothing of the room."""
    if not app.delivered.is_on or head.row.joined_count > ROOM_MEMBERS_MAX:
        return []
    counter, noted_at = window.ephemeral_since, -1
    if fresh:
        counter = -1
    elif counter < 0:
        noted_at = window.since or 0
    else:
        user = app.notifier.find(sync.user_id)
        is_known = user is not None and counter >= user.ephemeral_since
        if user is not None and is_known and user.deliveries.get(head.room_id, -1) <= counter:
            return []
    content = {}
    for mark, told in list((await app.delivered.load_marks(tx, head)).values()):
        if mark.user_id == sync.user_id or told <= counter or mark.noted_at < noted_at:
            continue
        if (await app.privacy.load(tx, mark.user_id)).delivered:
            content[mark.user_id] = {"event_id": mark.event_id, "ts": mark.ts_ms}
    if not content or not sync.filter.ephemeral.matches(TYPE, None, {}, head.room_id):
        return []
    return [orjson.dumps({"type": TYPE, "content": content})]
