"""Looking things up for other servers (server-server API, "Performing profile look-up", "Published Room Directory")."""

from typing import Any

from zajil.core.identifiers import parse_room_alias, parse_user_id
from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.accounts.set_profile import load_profile
from zajil.services.app import App
from zajil.services.errors import invalid_param, not_found


async def get_directory(app: App, request: Request) -> dict[str, Any]:
    alias = parse_room_alias(request.query_required("room_alias"))
    if alias is None or alias.server_name != app.server_name:
        raise invalid_param("This is no room alias of this server.")
    found = await app.stores.directory.load_alias(app.db.reader, str(alias))
    if found is None:
        raise not_found("There is no room with this alias.")
    row = await app.stores.rooms.load_row(app.db.reader, found.room_id)
    servers = {} if row is None else await app.stores.federation_queue.load_joined_servers(app.db.reader, row.room_nid)
    return {"room_id": found.room_id, "servers": sorted(servers, key=lambda name: (-servers[name], name))[:50]}


async def get_profile(app: App, request: Request) -> dict[str, Any]:
    user_id = parse_user_id(request.query_required("user_id"))
    if user_id is None or user_id.server_name != app.server_name:
        raise invalid_param("This is no user of this server.")
    fields = await load_profile(app, str(user_id))
    asked = request.query_text("field")
    return fields if asked is None else {key: value for key, value in fields.items() if key == asked}


ROUTES = [
    *routes("GET", "/_matrix/federation/v1/query/directory", get_directory, auth=Auth.SERVER),
    *routes("GET", "/_matrix/federation/v1/query/profile", get_profile, auth=Auth.SERVER),
]
