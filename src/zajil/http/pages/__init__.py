"""The page at `/` with which an account is made in the browser: no third party, nothing stored, strict CSP."""

from pathlib import Path
from typing import Final

from zajil.http.request import Request
from zajil.http.response import Headers, Response
from zajil.http.router import Auth, Route
from zajil.services.app import App

FOLDER: Final = Path(__file__).parent
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGES: Final = (
    ("/", "register.html", b"text/html; charset=utf-8"),
    ("/_zajil/pages/register.css", "register.css", b"text/css; charset=utf-8"),
    ("/_zajil/pages/register.js", "register.js", b"text/javascript; charset=utf-8"),
)


def build_route(path: str, file: str, content_type: bytes) -> Route:
    """A route that answers with a file of this package, read once."""
    body = (FOLDER / file).read_bytes()
    headers: Headers = [
        (b"content-type", content_type),
        (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
    ]

    async def get_page(_app: App, _request: Request) -> Response:
        return Response(body, 200, headers)

    return Route("GET", path, get_page, Auth.NONE, summary=f"The page file {file}.")


ROUTES: Final = [build_route(*page) for page in PAGES]
