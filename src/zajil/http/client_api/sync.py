"""GET /sync (client-server API, "Syncing")."""

import orjson

from zajil.core.filters import FilterFailure, SyncFilter, parse_sync_filter
from zajil.core.sync_tokens import SyncToken, parse_sync_token
from zajil.http.request import Request, parse_json
from zajil.http.response import Response
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param
from zajil.services.signals.presence import ONLINE, STATES
from zajil.services.sync.request import SyncRequest
from zajil.services.sync.run_sync import run_sync

FILTER_CHARACTERS_MAX = 32 * 1024
PARSED_FILTERS_MAX = 1024
DEFAULT_FILTER = SyncFilter()

_parsed: dict[str, SyncFilter] = {}


async def get_sync(app: App, request: Request) -> Response:
    authorised_at = app.db.position
    text = request.query_text("since")
    sync = SyncRequest(
        requester=request.requester,
        since=_parse_since(text),
        filter=await _find_filter(app, request),
        timeout_ms=request.query_integer("timeout", 0, at_most=app.config.sync_timeout_s_max * 1000),
        full_state=request.query_flag("full_state"),
        authorised_at=authorised_at,
        state_key=_state_key(request),
    )
    state = _presence_state(request)
    request.release()
    person = app.presence.arrive(sync.user_id, state)
    try:
        return Response(await run_sync(app, sync))
    finally:
        app.presence.leave(person, state)


def _presence_state(request: Request) -> str:
    state = request.query_text("set_presence") or ONLINE
    if state not in STATES:
        raise invalid_param(f"set_presence must be one of {', '.join(STATES)}.")
    return state


def _state_key(request: Request) -> bytes:
    """The answer uses the name under which the client asked; matrix-js-sdk still knows the unstable one only."""
    if request.query_flag("use_state_after"):
        return b"state_after"
    if request.query_flag("org.matrix.msc4222.use_state_after"):
        return b"org.matrix.msc4222.state_after"
    return b"state"


def _parse_since(text: str | None) -> SyncToken | None:
    """The token; an empty one counts as none."""
    if not text:
        return None
    token = parse_sync_token(text)
    if token is None:
        raise invalid_param("The since token is not one of this server's.")
    return token


async def _find_filter(app: App, request: Request) -> SyncFilter:
    text = request.query_text("filter")
    if not text:
        return DEFAULT_FILTER
    if text.startswith("{"):
        return parse_inline_filter(text)
    return await load_filter(app, request.requester.user_id, text)


def parse_inline_filter(text: str) -> SyncFilter:
    """A filter given as JSON in the query. Clients send the same few again and again, so they are remembered."""
    known = _parsed.get(text)
    if known is not None:
        return known
    if len(text) > FILTER_CHARACTERS_MAX:
        raise MatrixError(413, "M_TOO_LARGE", "The filter is too long.")
    parsed = parse_sync_filter(parse_json(text.encode()))
    if isinstance(parsed, FilterFailure):
        raise MatrixError(400, parsed.errcode, parsed.message)
    if len(_parsed) >= PARSED_FILTERS_MAX:
        _parsed.clear()
    _parsed[text] = parsed
    return parsed


async def load_filter(app: App, user_id: str, filter_id: str) -> SyncFilter:
    """A filter stored by POST /user/{user_id}/filter. Filters never change, so a parsed one stays true."""
    key = f"{user_id} {filter_id}"
    known = _parsed.get(key)
    if known is None:
        stored = await app.stores.filters.load(app.db.reader, user_id, filter_id)
        if stored is None:
            raise invalid_param("There is no such filter.")
        known = _parsed[key] = parse_inline_filter(orjson.dumps(stored).decode())
    return known


QUERY = ("since", "timeout", "filter", "full_state", "set_presence", "use_state_after")

ROUTES = routes("GET", client("/sync"), get_sync, auth=Auth.GUEST, query=QUERY)
