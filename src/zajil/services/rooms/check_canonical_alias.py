"""What an m.room.canonical_alias event may say (client-server API, PUT /rooms/{roomId}/state)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from zajil.core.identifiers import parse_room_alias
from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, invalid_param

ALIASES_MAX: Final = 200


async def check_canonical_alias(
    app: App, tx: Read, room_id: str | None, standing: Mapping[str, Any], content: Mapping[str, Any]
) -> None:
    """Aliases that were not there before must be well-formed (M_INVALID_PARAM) and point to the room (M_BAD_ALIAS).

    `room_id` is None for a room that is about to be made: no alias points there yet.
    """
    aliases = list(_list_aliases(content))
    if len(aliases) > ALIASES_MAX:
        raise invalid_param(f"A room may list {ALIASES_MAX} aliases.")
    known = {each for each in _list_aliases(standing) if isinstance(each, str)}
    for each in aliases:
        if not isinstance(each, str):
            raise bad_json("An alias must be a string.")
        if each in known:
            continue
        if parse_room_alias(each) is None:
            raise invalid_param(f"{each[:255]!r} is not a room alias.")
        stored = await app.stores.directory.load_alias(tx, each)
        if stored is None or stored.room_id != room_id:
            raise MatrixError(400, "M_BAD_ALIAS", f"The alias {each} does not point to this room.")


def _list_aliases(content: Mapping[str, Any]) -> Iterator[Any]:
    # An absent, null or empty alias takes the alias away.
    if content.get("alias"):
        yield content["alias"]
    others = content.get("alt_aliases")
    if isinstance(others, list):
        yield from others
