"""Finding rooms: aliases, the list of published rooms, summaries, spaces (client-server API, "Rooms")."""

from typing import Annotated, Any, Literal

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.directory.list_public_rooms import ROOMS_MAX, RoomSearch, list_public_rooms
from zajil.services.directory.manage_aliases import (
    delete_alias,
    find_alias,
    load_room_aliases,
    load_visibility,
    set_visibility,
    store_alias,
)
from zajil.services.errors import invalid_param
from zajil.services.federation.ask_public_rooms import ask_public_rooms
from zajil.services.federation.ask_server import check_may_look_elsewhere
from zajil.services.rooms.summarise_room import summarise_room
from zajil.services.rooms.walk_space import DEPTH_MAX, ROOMS_PER_PAGE_MAX, SpaceWalk, walk_space

TERM_CHARACTERS_MAX = 1024
ROOM_TYPES_MAX = 100
NO_ROOMS: dict[str, Any] = {"chunk": [], "total_room_count_estimate": 0}
"""What a bridge has here: there is none."""


class AliasBody(msgspec.Struct):
    """Where an alias points."""

    room_id: str


class VisibilityBody(msgspec.Struct):
    """Whether a room is published."""

    visibility: Literal["public", "private"] = "public"


class PublicRoomsFilter(msgspec.Struct):
    """Which published rooms."""

    generic_search_term: str | None = None
    room_types: list[str | None] | None = None


class PublicRoomsBody(msgspec.Struct):
    """The body of POST /publicRooms."""

    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    since: str | None = None
    filter: PublicRoomsFilter | None = None
    include_all_networks: bool = False
    third_party_instance_id: str | None = None


async def get_alias(app: App, request: Request) -> dict[str, Any]:
    return await find_alias(app, request.requester, request.params["room_alias"])


async def put_alias(app: App, request: Request) -> dict[str, Any]:
    body: AliasBody = request.decode(AliasBody)
    await store_alias(app, request.requester, request.params["room_alias"], body.room_id)
    return {}


async def delete_room_alias(app: App, request: Request) -> dict[str, Any]:
    await delete_alias(app, request.requester, request.params["room_alias"])
    return {}


async def get_room_aliases(app: App, request: Request) -> dict[str, Any]:
    return {"aliases": await load_room_aliases(app, request.requester, request.params["room_id"])}


async def get_visibility(app: App, request: Request) -> dict[str, Any]:
    return {"visibility": await load_visibility(app, request.params["room_id"])}


async def put_visibility(app: App, request: Request) -> dict[str, Any]:
    body: VisibilityBody = request.decode(VisibilityBody)
    is_public = body.visibility == "public"
    await set_visibility(app, request.requester, request.params["room_id"], is_public=is_public)
    return {}


async def get_public_rooms(app: App, request: Request) -> dict[str, Any]:
    search = RoomSearch(
        limit=request.query_integer("limit", ROOMS_MAX, at_most=ROOMS_MAX),
        since=request.query_text("since"),
        server=request.query_text("server"),
    )
    return await find_public_rooms(app, request, search)


async def post_public_rooms(app: App, request: Request) -> dict[str, Any]:
    search = build_search(request, request.query_text("server"))
    return NO_ROOMS if search is None else await find_public_rooms(app, request, search)


async def find_public_rooms(app: App, request: Request, search: RoomSearch) -> dict[str, Any]:
    """A page of our list, or of another server's."""
    if search.server in (None, "", app.server_name):
        return await list_public_rooms(app, search)
    check_may_look_elsewhere(request.requester)
    return await ask_public_rooms(app, search)


def build_search(request: Request, server: str | None) -> RoomSearch | None:
    """What the body of POST /publicRooms looks for; None for rooms of a bridge, of which there is none here."""
    body: PublicRoomsBody = request.decode(PublicRoomsBody)
    if body.include_all_networks and body.third_party_instance_id is not None:
        raise invalid_param("third_party_instance_id cannot be used with include_all_networks.")
    if body.third_party_instance_id is not None:
        return None
    wanted = body.filter or PublicRoomsFilter()
    return RoomSearch(
        limit=ROOMS_MAX if body.limit is None else body.limit,
        since=body.since,
        server=server,
        term=(wanted.generic_search_term or "")[:TERM_CHARACTERS_MAX],
        room_types=None if wanted.room_types is None else frozenset(wanted.room_types[:ROOM_TYPES_MAX]),
    )


async def get_room_summary(app: App, request: Request) -> dict[str, Any]:
    return await summarise_room(app, request.requester, request.params["room"], request.query.get("via", []))


async def get_hierarchy(app: App, request: Request) -> dict[str, Any]:
    walk = SpaceWalk(
        request.params["room_id"],
        suggested_only=request.query_flag("suggested_only"),
        max_depth=request.query_integer("max_depth", DEPTH_MAX, at_most=DEPTH_MAX),
        limit=request.query_integer("limit", ROOMS_PER_PAGE_MAX, at_least=1, at_most=ROOMS_PER_PAGE_MAX),
        start=request.query_text("from"),
    )
    return await walk_space(app, request.requester, walk)


ALIAS = client("/directory/room/{room_alias}")
VISIBILITY = client("/directory/list/room/{room_id}")
_CHANGES: dict[str, Any] = {"limit": "directory", "suspended_may": False}

ROUTES = [
    *routes("GET", ALIAS, get_alias, auth=Auth.OPTIONAL, limit="default"),
    *routes("PUT", ALIAS, put_alias, body=AliasBody, **_CHANGES),
    *routes("DELETE", ALIAS, delete_room_alias, **_CHANGES),
    *routes("GET", client("/rooms/{room_id}/aliases"), get_room_aliases),
    *routes("GET", VISIBILITY, get_visibility, auth=Auth.NONE, limit="default"),
    *routes("PUT", VISIBILITY, put_visibility, body=VisibilityBody, **_CHANGES),
    *routes(
        "GET",
        client("/publicRooms"),
        get_public_rooms,
        auth=Auth.OPTIONAL,
        limit="default",
        query=("limit", "since", "server"),
    ),
    *routes(
        "POST", client("/publicRooms"), post_public_rooms, body=PublicRoomsBody, limit="default", query=("server",)
    ),
    *routes(
        "GET",
        client("/room_summary/{room}", "v1"),
        get_room_summary,
        auth=Auth.OPTIONAL,
        limit="default",
        query=("via",),
    ),
    *routes(
        "GET",
        client("/rooms/{room_id}/hierarchy", "v1"),
        get_hierarchy,
        limit="default",
        query=("suggested_only", "max_depth", "limit", "from"),
    ),
]
