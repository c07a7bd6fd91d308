"""From what a client names a room by to its ID and the servers through which it can be reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.identifiers import is_room_id, is_server_name, parse_room_alias, server_name_of
from zajil.core.power_levels import CREATE_KEY
from zajil.ports.database import Read
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param, not_found
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.rooms.room_heads import RoomHead

VIA_MAX: Final = 20
DIRECTORY_TIMEOUT_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A room, and who may help to reach it."""

    room_id: str
    servers: tuple[str, ...]


async def locate_room(app: App, room: str, via: Sequence[str] = ()) -> Place:
    """The place of a room ID or an alias. Raises M_INVALID_PARAM, and M_NOT_FOUND for an alias that points nowhere."""
    servers = [each for each in via[:VIA_MAX] if is_server_name(each)]
    if not room.startswith("#"):
        if not is_room_id(room):
            raise invalid_param("This is neither a room ID nor a room alias.")
        # Before room version 12 the ID names the server where the room began.
        return Place(room, tuple(servers + [each for each in [server_name_of(room)] if each]))
    alias = parse_room_alias(room)
    if alias is None:
        raise invalid_param("This is not a room alias.")
    if alias.server_name == app.server_name:
        found = await app.stores.directory.load_alias(app.db.reader, room)
        if found is None:
            raise not_found("There is no room with this alias.")
        return Place(found.room_id, tuple(servers))
    answer = await ask_directory(app, alias.server_name, room)
    return Place(answer.room_id, (*answer.servers, *servers))


async def ask_directory(app: App, server_name: str, room_alias: str) -> Place:
    """GET /query/directory. Raises M_NOT_FOUND."""
    if not is_server_allowed(app, server_name):
        raise not_found("This server does not talk with the one of the alias.")
    request = FederationRequest(
        server_name,
        "GET",
        "/_matrix/federation/v1/query/directory",
        query=[("room_alias", room_alias)],
        timeout_ms=DIRECTORY_TIMEOUT_MS,
    )
    try:
        answer: Any = await app.federation.request(request)
    except FederationFailed as failure:
        if failure.is_refusal:
            raise not_found("There is no room with this alias.") from failure
        raise MatrixError(502, "M_UNREACHABLE", "The alias's server does not answer. Try again later.") from failure
    room_id = answer.get("room_id") if isinstance(answer, dict) else None
    servers = answer.get("servers") if isinstance(answer, dict) else None
    if not isinstance(room_id, str) or not is_room_id(room_id):
        raise not_found("There is no room with this alias.")
    listed = (
        [each for each in servers if isinstance(each, str) and is_server_name(each)]
        if isinstance(servers, list)
        else []
    )
    return Place(room_id, (*listed[:VIA_MAX], server_name))


async def is_server_in_room(app: App, room_id: str) -> bool:
    """Whether the room goes on here."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    return head is not None and await is_room_here(app, app.db.reader, head)


async def is_room_here(app: App, tx: Read, head: RoomHead) -> bool:
    """Whether what this server knows of a room is as it stands: somebody of this server is in it; or nobody at all is, and it was made here.

    Only the server that made an empty room lets people in again: of several, each would go on with a room of its own.
    """
    if not head.row.extremities:
        return False
    if not head.row.partial_state:
        if not app.config.federation:
            return True
        if head.row.joined_count == 0:
            return find_maker(head) == app.server_name
        if head.has_remote_members is False:
            return True
    return await app.stores.federation_queue.has_members_of(tx, head.row.room_nid, app.server_name, ["join"])


def find_maker(head: RoomHead) -> str:
    """The server that has made the room; empty when that is not known."""
    create = head.rest.get(CREATE_KEY)
    return "" if create is None else server_name_of(create.event.sender) or ""


async def list_helpers(app: App, place: Place, user_id: str) -> list[str]:
    """Servers through which the user may enter the room, the likeliest first: that of who has invited them, then those named."""
    servers = []
    row = await app.stores.rooms.load_row(app.db.reader, place.room_id)
    if row is not None:
        member = await app.stores.rooms.load_member_event(app.db.reader, row.room_nid, user_id)
        if member is not None and member.event.membership == "invite":
            servers.append(server_name_of(member.event.sender) or "")
    servers += place.servers
    if row is not None:
        servers += await app.stores.federation_queue.load_joined_servers(app.db.reader, row.room_nid)
        head = await app.rooms.find(app.db.reader, place.room_id, app.db.position)
        servers.append("" if head is None else find_maker(head))  # it may have an empty room again
    return [each for each in dict.fromkeys(servers) if each and each != app.server_name]
