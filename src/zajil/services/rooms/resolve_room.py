"""From what a client names a room by to its ID."""

from zajil.core.identifiers import is_room_id, parse_room_alias
from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.errors import invalid_param, not_found


async def resolve_room(app: App, tx: Read, room: str) -> str:
    """The room ID for a room ID or an alias. Raises M_INVALID_PARAM, and M_NOT_FOUND for an alias that points nowhere."""
    if room.startswith("#"):
        if parse_room_alias(room) is None:
            raise invalid_param("This is not a room alias.")
        alias = await app.stores.directory.load_alias(tx, room)
        if alias is None:
            raise not_found("There is no room with this alias.")
        return alias.room_id
    if not is_room_id(room):
        raise invalid_param("This is neither a room ID nor a room alias.")
    return room
