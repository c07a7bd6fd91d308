"""The state of a room at an event."""

from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead


async def load_state_after(app: App, tx: Read, head: RoomHead, stored: StoredEvent) -> list[StoredEvent]:
    """All state events that hold after an event, members included."""
    snapshots = await app.stores.rooms.load_event_snapshots(tx, stored.nid)
    roots = None if snapshots is None else await app.stores.rooms.load_snapshot(tx, snapshots[1])
    if roots is None:
        return []
    nids = [nid for root in roots for nid in (await app.rooms.read_state(tx, root)).values()]
    return await app.stores.events.load_by_nids(tx, nids)
