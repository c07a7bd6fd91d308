"""Publishing signing keys, our own and as a notary those of others (server-server API, "Server discovery")."""

from typing import Any, Final

from zajil.core.identifiers import is_server_name
from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.errors import bad_json, invalid_param
from zajil.services.federation import server_keys

TIMESTAMP_MAX: Final = 2**53 - 1


async def get_server_keys(app: App, request: Request) -> dict[str, Any]:
    return server_keys.build_own_keys(app)


async def get_queried_keys(app: App, request: Request) -> dict[str, Any]:
    """One server's keys through us. Without a time, what is good for now will do."""
    server_name = request.params["serverName"]
    if not is_server_name(server_name):
        raise invalid_param("That is not a server name.")
    wanted_ms = request.query_integer("minimum_valid_until_ts", app.clock.now_ms(), at_most=TIMESTAMP_MAX)
    return await server_keys.query_keys(app, {server_name: {"": wanted_ms}})


async def post_key_query(app: App, request: Request) -> dict[str, Any]:
    asked = request.json().get("server_keys")
    if not isinstance(asked, dict) or len(asked) > server_keys.NOTARY_SERVERS_MAX:
        raise bad_json(f"server_keys must be an object of at most {server_keys.NOTARY_SERVERS_MAX} servers.")
    now_ms = app.clock.now_ms()
    wanted: dict[str, dict[str, int]] = {}
    for server_name, keys in asked.items():
        if not is_server_name(server_name) or not isinstance(keys, dict):
            raise bad_json("server_keys must map server names to objects.")
        wanted[server_name] = {key_id: _parse_wanted(criteria, now_ms) for key_id, criteria in keys.items()}
    return await server_keys.query_keys(app, wanted)


def _parse_wanted(criteria: object, now_ms: int) -> int:
    if not isinstance(criteria, dict):
        raise bad_json("The criteria of a key must be an object.")
    wanted = criteria.get("minimum_valid_until_ts", now_ms)
    if type(wanted) is not int or not 0 <= wanted <= TIMESTAMP_MAX:
        raise bad_json("minimum_valid_until_ts must be a time in milliseconds.")
    return wanted


ROUTES = [
    *routes("GET", ["/_matrix/key/v2/server", "/_matrix/key/v2/server/{keyId}"], get_server_keys, auth=Auth.NONE),
    *routes("GET", "/_matrix/key/v2/query/{serverName}", get_queried_keys, auth=Auth.NONE, limit="directory"),
    *routes("POST", "/_matrix/key/v2/query", post_key_query, auth=Auth.NONE, limit="directory"),
]
