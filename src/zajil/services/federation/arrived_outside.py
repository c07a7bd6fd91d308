"""What a server is still sent of a room that it has just left. Whoever lets it in again may not have that, and the sender, once answered, does not
send it again: the room here would go on as if it had not happened."""

from collections.abc import Collection
from typing import Final

from zajil.core.identifiers import server_name_of
from zajil.services.app import App

EVENTS_MAX: Final = 200


async def find_arrived_outside(app: App, room_nid: int, told: Collection[str]) -> list[str]:
    """The state events that came after the last of our users had left, the oldest first, but for those that the server which lets us in tells of."""
    timeline = await app.stores.events.load_timeline(app.db.reader, room_nid, 0, app.db.position, EVENTS_MAX)
    arrived: list[str] = []
    for stored in reversed(timeline):
        event = stored.event
        is_of_ours = event.type == "m.room.member" and server_name_of(event.state_key or "") == app.server_name
        if is_of_ours and event.membership not in ("invite", "knock"):
            break
        if event.is_state and event.event_id not in told:
            arrived.append(event.event_id)
    return arrived[::-1]
