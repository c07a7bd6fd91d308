"""The published rooms of other servers (server-server API, "Published Room Directory")."""

from typing import Any, Final

from zajil.core.canonical_json import parse_canonical_integer
from zajil.core.identifiers import is_server_name
from zajil.ports.federation import FederationRequest
from zajil.services.app import App
from zajil.services.directory.list_public_rooms import ROOMS_MAX, RoomSearch
from zajil.services.errors import invalid_param
from zajil.services.federation.ask_server import LOOK_UP_BYTES_MAX, LOOK_UP_TIMEOUT_MS, ask_server
from zajil.services.federation.check_room_summary import build_checked_entry

PATH: Final = "/_matrix/federation/v1/publicRooms"
ROOMS_ASKED_MAX: Final = 100
TOKEN_CHARACTERS_MAX: Final = 2_048


async def ask_public_rooms(app: App, search: RoomSearch) -> dict[str, Any]:
    """A page of `search.server`'s list. Raises M_INVALID_PARAM, M_NOT_FOUND, 403 M_FORBIDDEN, 502 M_UNREACHABLE."""
    server_name = search.server or ""
    if not is_server_name(server_name):
        raise invalid_param("The query parameter 'server' is no server name.")
    limit = min(search.limit or ROOMS_MAX, ROOMS_ASKED_MAX)
    missing = f"{server_name} does not show its rooms to other servers."
    answer = await ask_server(app, build_request(server_name, search, limit), missing)
    listed = answer.get("chunk")
    chunk = [build_checked_entry(each) for each in (listed if isinstance(listed, list) else [])[:limit]]
    page: dict[str, Any] = {"chunk": [entry for entry in chunk if entry is not None]}
    for key in ("next_batch", "prev_batch"):
        token = answer.get(key)
        if isinstance(token, str) and 0 < len(token) <= TOKEN_CHARACTERS_MAX:
            page[key] = token
    estimate = parse_canonical_integer(answer.get("total_room_count_estimate"))
    if estimate is not None and estimate >= 0:
        page["total_room_count_estimate"] = estimate
    return page


def build_request(server_name: str, search: RoomSearch, limit: int) -> FederationRequest:
    """GET for the plain list, POST for a search."""
    if not search.term and search.room_types is None:
        query = [("limit", str(limit)), *([("since", search.since)] if search.since else [])]
        return FederationRequest(
            server_name, "GET", PATH, query=query, timeout_ms=LOOK_UP_TIMEOUT_MS, body_bytes_max=LOOK_UP_BYTES_MAX
        )
    wanted: dict[str, Any] = {}
    if search.term:
        wanted["generic_search_term"] = search.term
    if search.room_types is not None:
        wanted["room_types"] = sorted(search.room_types, key=lambda each: each or "")
    content: dict[str, Any] = {"limit": limit, "filter": wanted}
    if search.since:
        content["since"] = search.since
    return FederationRequest(
        server_name, "POST", PATH, content=content, timeout_ms=LOOK_UP_TIMEOUT_MS, body_bytes_max=LOOK_UP_BYTES_MAX
    )
