"""The look of the few pages that are not the web client: nothing third-party, nothing inline, a strict policy."""

from pathlib import Path
from typing import Final

from zajil.http.request import Request
from zajil.http.response import Headers, Response
from zajil.http.router import Auth, Route
from zajil.services.app import App

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STYLE_PATH: Final = "/_zajil/pages/page.css"
STYLE: Final = (Path(__file__).parent / "page.css").read_bytes()
HEADERS: Final[Headers] = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]


async def get_style(_app: App, _request: Request) -> Response:
    return Response(STYLE, 200, [(b"content-type", b"text/css; charset=utf-8"), *HEADERS])


def build_page(content: str, status: int = 200) -> Response:
    """A page with `content`, which is HTML."""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Zajil</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{STYLE_PATH}">'
        f"<main>{content}</main></html>"
    )
    return Response(page.encode(), status, [(b"content-type", b"text/html; charset=utf-8"), *HEADERS])


ROUTES: Final = [Route("GET", STYLE_PATH, get_style, Auth.NONE, summary="The style sheet of the server's own pages.")]
