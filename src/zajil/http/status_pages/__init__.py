"""`/status`, `/status.json` and `/status.atom`: bytes that lie ready in memory, whatever else happens in this process."""

from typing import Any, Final

from zajil.http.request import Request
from zajil.http.response import CORS, Headers, Response
from zajil.http.router import Auth, Route
from zajil.services.app import App
from zajil.services.errors import MatrixError, not_found
from zajil.status.page_html import build_policy
from zajil.status.words import Language

FRESH_S: Final = 10
SHARED: Final[Headers] = [(b"cache-control", b"public, max-age=%d" % FRESH_S), (b"x-content-type-options", b"nosniff")]
PAGE_HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", f"{build_policy()}; frame-ancestors 'none'".encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept-language"),
    *SHARED,
]
JSON_HEADERS: Final[Headers] = [(b"content-type", b"application/json"), *CORS, *SHARED]
ATOM_HEADERS: Final[Headers] = [(b"content-type", b"application/atom+xml; charset=utf-8"), *CORS, *SHARED]
LANGUAGES_READ_MAX: Final = 20
LINKS: Final = tuple(
    (f'href="{name}"'.encode(), f'href="{path}"'.encode())
    for name, path in (
        *((f"{language}.html", f"/status?lang={language}") for language in Language),
        ("status.atom", "/status.atom"),
        ("status.json", "/status.json"),
    )
)
"""The copy's links are between files of a folder."""


def choose_language(wanted: str | None, accepted: str | None) -> Language:
    """The language asked for in the URL, else the one that the browser prefers, else the first."""
    if wanted in tuple(Language):
        return Language(wanted)
    ranked: list[tuple[float, Language]] = []
    for index, part in enumerate((accepted or "").lower().split(",")[:LANGUAGES_READ_MAX]):
        tag, _, quality = part.strip().partition(";q=")
        language = tag.split("-")[0]
        if language in tuple(Language):
            try:
                rank = float(quality) if quality else 1.0
            except ValueError:
                continue
            if rank > 0:
                ranked.append((rank - index / 1000, Language(language)))
    return max(ranked, default=(0.0, next(iter(Language))), key=lambda each: each[0])[1]


def _respond(app: App, request: Request, name: str, headers: Headers) -> Response:
    page = app.status.pages.get(name)
    if page is None:
        raise not_found("This server does not watch its status.")
    etag = f'{app.status.etag[:-1]}-{name}"'.encode()
    headers = [*headers, (b"etag", etag)]
    if (known := request.header(b"if-none-match")) is not None and etag.decode() in known:
        return Response(b"", 304, headers)
    return Response(page, 200, headers)


async def get_page(app: App, request: Request) -> Response:
    language = choose_language(request.query_text("lang"), request.header(b"accept-language"))
    response = _respond(app, request, f"{language}.html", PAGE_HEADERS)
    if response.status == 200:
        served = app.status.served.get(language)
        if served is None:
            served = response.body
            for there, here in LINKS:
                served = served.replace(there, here)
            app.status.served[language] = served
        response.body = served
    return response


async def get_json(app: App, request: Request) -> Response:
    return _respond(app, request, "status.json", JSON_HEADERS)


async def get_feed(app: App, request: Request) -> Response:
    return _respond(app, request, "status.atom", ATOM_HEADERS)


async def ask_watcher(app: App, question: dict[str, Any]) -> dict[str, Any]:
    """Pass what an operator wants on to the watcher. Raises 503 when there is none, 400 for what cannot be."""
    if app.status.tell_watcher is None:
        raise MatrixError(503, "M_UNKNOWN", "The status of this server is switched off.")
    try:
        answer = dict(await app.status.tell_watcher(question))
    except OSError:
        raise MatrixError(503, "M_UNKNOWN", "The status process does not answer. Try again soon.") from None
    if not answer.pop("ok", False):
        raise MatrixError(400, "M_INVALID_PARAM", str(answer.get("error", "This is not possible.")))
    return answer


async def list_incidents(app: App, request: Request) -> dict[str, Any]:
    return await ask_watcher(app, {"operator": "list", "all": request.query_flag("all")})


async def post_incident(app: App, request: Request) -> dict[str, Any]:
    return await ask_watcher(app, {**request.json(), "operator": "open"})


async def post_update(app: App, request: Request) -> dict[str, Any]:
    return await ask_watcher(app, {**request.json(), "operator": "update", "id": request.params["incidentId"]})


async def post_close(app: App, request: Request) -> dict[str, Any]:
    return await ask_watcher(app, {**request.json(), "operator": "close", "id": request.params["incidentId"]})


INCIDENTS: Final = "/_zajil/admin/v1/incidents"

ROUTES: Final = [
    Route("GET", "/status", get_page, Auth.NONE, query=("lang",), summary="The status page."),
    Route("GET", "/status.json", get_json, Auth.NONE, summary="The status, for programs."),
    Route("GET", "/status.atom", get_feed, Auth.NONE, summary="Incidents, as a feed."),
    Route("GET", INCIDENTS, list_incidents, Auth.ADMIN, query=("all",), summary="Incidents with their timelines."),
    Route("POST", INCIDENTS, post_incident, Auth.ADMIN, summary="Open an incident."),
    Route("POST", f"{INCIDENTS}/{{incidentId}}/update", post_update, Auth.ADMIN, summary="Write on an incident."),
    Route("POST", f"{INCIDENTS}/{{incidentId}}/close", post_close, Auth.ADMIN, summary="Close an incident."),
]
