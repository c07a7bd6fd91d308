"""Stages of registration in the browser, for clients that do not know them (client-server API, "Fallback")."""

from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl

from zajil.http.request import Request
from zajil.http.response import Headers, Response
from zajil.http.router import Auth, client, routes
from zajil.services.accounts.register_account import build_challenge
from zajil.services.accounts.user_interactive_auth import DUMMY, REGISTRATION_TOKEN, TERMS
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param

FORM_BYTES_MAX: Final = 16 * 1024
FORM_FIELDS_MAX: Final = 10
HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
# The client that opened this page waits for one of these two calls.
DONE_SCRIPT: Final = b"""\
"use strict";
if (window.onAuthDone) window.onAuthDone();
else if (window.opener && window.opener.postMessage) window.opener.postMessage("authDone", "*");
"""


async def get_stage(app: App, request: Request) -> Response:
    stage, session = request.params["type"], request.query_required("session")
    return build_page(await build_form(app, stage, session, ""))


async def post_stage(app: App, request: Request) -> Response:
    stage = request.params["type"]
    form = parse_form(request.body)
    session = form.get("session", "")
    try:
        await app.interactive_auth.complete_stage(await build_challenge(app), session, stage, form)
    except MatrixError as error:
        if error.status == 404:
            raise
        return build_page(await build_form(app, stage, session, error.message), error.status)
    return build_page('<p>Done. You can go back to your app.<script src="/_zajil/pages/auth_done.js"></script>')


async def get_done_script(app: App, request: Request) -> Response:
    return Response(DONE_SCRIPT, 200, [(b"content-type", b"text/javascript; charset=utf-8")])


async def build_form(app: App, stage: str, session: str, problem: str) -> str:
    """The form of one stage. Raises 404 M_UNRECOGNIZED for a stage that has none."""
    if stage == TERMS:
        links = [
            f'<li><a href="{escape(each.url)}" target="_blank" rel="noreferrer">{escape(each.name)}</a>'
            for each in app.config.terms_documents
        ]
        fields, button = f"<p>Please read and accept:<ul>{''.join(links)}</ul>", "I accept"
    elif stage == REGISTRATION_TOKEN:
        fields, button = '<p><label>Invitation code <input name="token" autocomplete="off"></label>', "Go on"
    elif stage == DUMMY:
        fields, button = "", "Go on"
    else:
        raise MatrixError(404, "M_UNRECOGNIZED", "This authentication stage has no page.")
    warning = f'<p role="alert">{escape(problem)}' if problem else ""
    return (
        f'{warning}<form method="post">{fields}<input type="hidden" name="session" value="{escape(session)}">'
        f"<p><button>{button}</button></form>"
    )


def build_page(content: str, status: int = 200) -> Response:
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Zajil</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/_zajil/pages/page.css">'
        f"<main>{content}</main></html>"
    )
    return Response(page.encode(), status, HEADERS)


def parse_form(body: bytes) -> dict[str, Any]:
    """The fields of a form as a browser sends it. Raises M_INVALID_PARAM."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise invalid_param("The form is not valid.") from None
    return dict(pairs)


ROUTES = [
    *routes("GET", client("/auth/{type}/fallback/web"), get_stage, auth=Auth.NONE, limit="login", query=("session",)),
    *routes(
        "POST",
        client("/auth/{type}/fallback/web"),
        post_stage,
        auth=Auth.NONE,
        limit="login",
        body_bytes_max=FORM_BYTES_MAX,
    ),
    *routes(
        "GET",
        "/_zajil/pages/auth_done.js",
        get_done_script,
        auth=Auth.NONE,
        summary="Tells the app that opened the page that the stage is done.",
    ),
]
