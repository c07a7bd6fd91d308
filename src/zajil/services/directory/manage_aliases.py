"""Room aliases of this server (client-server API, "Room aliases")."""

from typing import Any, Final

from zajil.core.identifiers import is_room_id, parse_room_alias
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, build_power_levels
from zajil.ports.database import Read, Stream, Transaction
from zajil.ports.stores.directory import Alias
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param, not_found
from zajil.services.federation.ask_server import check_may_look_elsewhere
from zajil.services.federation.locate_room import ask_directory
from zajil.services.messages.append_events import (
    Proposal,
    RoomDraft,
    append_built,
    build_authorised,
    open_draft,
    store_draft,
)
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import NOW, access_room
from zajil.services.rooms.create_room import check_new_alias
from zajil.services.rooms.room_heads import RoomHead

ALIASES_PER_ROOM_MAX: Final = 100
CANONICAL_ALIAS: Final = "m.room.canonical_alias"


async def find_alias(app: App, requester: Requester | None, room_alias: str) -> dict[str, Any]:
    """The room an alias points to, here or on another server. Raises M_INVALID_PARAM, M_NOT_FOUND, 502 M_UNREACHABLE."""
    parsed = parse_room_alias(room_alias)
    if parsed is not None and parsed.server_name != app.server_name:
        check_may_look_elsewhere(requester)
        place = await ask_directory(app, parsed.server_name, room_alias)
        return {"room_id": place.room_id, "servers": list(dict.fromkeys(place.servers))}
    alias = await _find(app, app.db.reader, room_alias)
    return {"room_id": alias.room_id, "servers": [app.server_name]}


async def _find(app: App, tx: Read, room_alias: str) -> Alias:
    if parse_room_alias(room_alias) is None:
        raise invalid_param("This is not a room alias.")
    alias = await app.stores.directory.load_alias(tx, room_alias)
    if alias is None:
        raise not_found("There is no room with this alias.")
    return alias


async def store_alias(app: App, requester: Requester, room_alias: str, room_id: str) -> None:
    """Point an alias to a room that the requester is in. Raises 409 when it points somewhere already."""
    check_new_alias(app, room_alias)
    if not is_room_id(room_id):
        raise invalid_param("room_id is not a room ID.")

    async def item(tx: Transaction) -> None:
        directory = app.stores.directory
        if await directory.load_alias(tx, room_alias) is not None:
            raise MatrixError(409, "M_UNKNOWN", f"The alias {room_alias} exists already.")
        row = await app.stores.rooms.load_row(tx, room_id)
        member = None if row is None else await app.stores.rooms.load_membership(tx, row.room_nid, requester.user_id)
        if row is None or member is None or member.membership != "join":
            raise forbidden("You are not in this room.")
        if await directory.count_aliases(tx, row.room_nid) >= ALIASES_PER_ROOM_MAX:
            raise forbidden(f"A room may have {ALIASES_PER_ROOM_MAX} aliases.")
        await directory.store_alias(tx, room_alias, row.room_nid, requester.user_id, app.clock.now_ms())

    await write_to_room(app, room_id, item)


async def delete_alias(app: App, requester: Requester, room_alias: str) -> None:
    """Take an alias away: for who made it, who may set the room's canonical alias, and administrators.

    Where the requester may, the alias also goes from the room's m.room.canonical_alias.
    """
    alias = await _find(app, app.db.reader, room_alias)

    async def item(tx: Transaction) -> None:
        found = await app.stores.directory.load_alias(tx, room_alias)
        if found is None:
            raise not_found("There is no room with this alias.")
        draft = await open_draft(app, tx, found.room_id)
        may_set = await _may_set_canonical_alias(app, tx, draft, requester.user_id)
        if not (requester.is_admin or may_set or found.creator == requester.user_id):
            raise forbidden("You may not delete this alias.")
        await app.stores.directory.delete_alias(tx, room_alias)
        if may_set:
            await _remove_from_state(app, tx, draft, requester.user_id, room_alias)

    await write_to_room(app, alias.room_id, item)


async def _may_set_canonical_alias(app: App, tx: Transaction, draft: RoomDraft, user_id: str) -> bool:
    if await draft.membership(app, tx, user_id) != "join":
        return False
    create = await draft.state(app, tx, CREATE_KEY)
    levels = await draft.state(app, tx, POWER_LEVELS_KEY)
    power_levels = build_power_levels(
        None if create is None else create.event, None if levels is None else levels.event
    )
    return power_levels.can_send(user_id, CANONICAL_ALIAS, is_state=True)


async def _remove_from_state(app: App, tx: Transaction, draft: RoomDraft, user_id: str, room_alias: str) -> None:
    standing = await draft.state(app, tx, (CANONICAL_ALIAS, ""))
    if standing is None:
        return
    content = without_alias(standing.event.content, room_alias)
    if content == standing.event.content:
        return
    event = await build_authorised(app, tx, draft, Proposal(CANONICAL_ALIAS, user_id, content, ""))
    await append_built(app, tx, draft, event)
    await store_draft(app, tx, draft)


def without_alias(content: dict[str, Any], room_alias: str) -> dict[str, Any]:
    """The content of m.room.canonical_alias without one alias."""
    left = dict(content)
    if left.get("alias") == room_alias:
        del left["alias"]
    others = left.get("alt_aliases")
    if isinstance(others, list) and room_alias in others:
        left["alt_aliases"] = [each for each in others if each != room_alias]
    return left


async def load_room_aliases(app: App, requester: Requester, room_id: str) -> list[str]:
    """The local aliases of a room, for its members, and for anybody where it is world-readable."""
    access = await access_room(app, app.db.reader, requester.user_id, room_id)
    if access.end != NOW:
        raise forbidden("You are not in this room.")
    found = await app.stores.directory.load_aliases(app.db.reader, access.head.row.room_nid)
    return [alias.room_alias for alias in found]


async def load_visibility(app: App, room_id: str) -> str:
    """Whether a room is in the list of published rooms: "public" or "private". Raises M_NOT_FOUND."""
    row = await app.stores.rooms.load_row(app.db.reader, room_id)
    if row is None:
        raise not_found("This server does not know that room.")
    return "public" if row.is_public else "private"


async def set_visibility(app: App, requester: Requester, room_id: str, *, is_public: bool) -> None:
    """Publish a room or take it off the list: for who may set its canonical alias, and administrators."""

    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, room_id)
        if not (requester.is_admin or await _may_set_canonical_alias(app, tx, draft, requester.user_id)):
            raise forbidden("You may not change whether this room is published.")
        await publish(app, tx, draft.head, is_public=is_public)
        tx.touch(Stream.EVENTS, room_id)  # another process's memory of the room says otherwise

    await app.db.write(item, rooms=(room_id,))


async def publish(app: App, tx: Transaction, head: RoomHead, *, is_public: bool) -> None:
    """Set the flag inside a transaction."""
    await app.stores.directory.set_published(tx, head.row.room_nid, is_public)

    def remember() -> None:
        head.row.is_public = is_public

    tx.on_commit(remember)
