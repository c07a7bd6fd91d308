"""What a room's section has besides events: ephemeral events, account data, unread counts."""

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.room_heads import RoomHead
from zajil.services.sync.request import SyncRequest, Window


async def load_room_extras(
    app: App, tx: Read, head: RoomHead, sync: SyncRequest, window: Window, *, fresh: bool, has_events: bool
) -> dict[bytes, bytes]:
    """Further members of the room's object, as JSON by name; empty when there is nothing new."""
    return {}
