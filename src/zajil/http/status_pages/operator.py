"""The page on which an operator writes on incidents. It works without scripts; the access token is asked for each time and kept nowhere."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs

from zajil.core.health import Component, State
from zajil.core.incidents import Incident, load_incident
from zajil.http.request import Request
from zajil.http.response import Headers, Response
from zajil.http.router import Auth, Route
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.status.page_html import build_policy, load_style
from zajil.status.words import DIRECTIONS, Language, build_title, write

PATH: Final = "/_zajil/status/operator"
HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        build_policy().replace("form-action 'none'", "form-action 'self'; frame-ancestors 'none'").encode(),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
FIELDS_MAX: Final = 40
ACTIONS: Final = ("open", "update", "close")


def build_form(
    language: Language, opened: Sequence[Incident], given: dict[str, list[str]], result: str = "", is_bad: bool = False
) -> Response:
    """The page, with what was typed still in it after a mistake."""
    other = next(each for each in Language if each is not language)
    chosen = (given.get("incident") or [""])[0]
    incidents = [("", write(language, "operator.none"))] if not opened else []
    incidents += [(each.incident_id, build_title(each, language)) for each in opened]
    fields = (
        f'<label>{_text(language, "operator.token")}<input name="token" type="password" autocomplete="off" required></label>'
        + _build_select(language, "action", [(each, write(language, f"operator.{each}")) for each in ACTIONS], given)
        + _build_select(language, "incident", incidents, {"incident": [chosen]})
        + _build_select(
            language,
            "state",
            [(each, write(language, f"state.{each}")) for each in reversed(State)],
            {"state": ["degraded"], **given},
        )
        + _build_components(language, given)
        + "".join(_build_text(language, name, given) for name in ("title_en", "title_ar", "text_en", "text_ar"))
        + f"<button>{_text(language, 'operator.send')}</button>"
    )
    kind = "result bad" if is_bad else "result"
    told = f'<p class="{kind}" role="status">{escape(result)}</p>' if result else ""
    title = write(language, "operator.title")
    page = (
        f'<!doctype html><html lang="{language}" dir="{DIRECTIONS[language]}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{load_style()}</style></head><body><header>"
        f'<p class="name"><a href="/status?lang={language}">/status</a></p><nav><a href="{PATH}?lang={other}" lang="{other}">'
        f"{_text(language, 'other')}</a></nav></header><main><h1>{escape(title)}</h1>"
        f'<p class="lead">{_text(language, "operator.lead")}</p>{told}'
        f'<form method="post" action="{PATH}?lang={language}">{fields}</form></main></body></html>'
    )
    return Response(page.encode(), 400 if is_bad else 200, HEADERS)


def _text(language: Language, key: str) -> str:
    return escape(write(language, key))


def _build_select(
    language: Language, name: str, choices: Sequence[tuple[str, str]], given: dict[str, list[str]]
) -> str:
    chosen = (given.get(name) or [choices[0][0]])[0]
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in choices
    )
    return f'<label>{_text(language, f"operator.{name}")}<select name="{name}">{options}</select></label>'


def _build_components(language: Language, given: dict[str, list[str]]) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" name="component" value="{each}"'
        f"{' checked' if each in given.get('component', ['messaging']) else ''}>{_text(language, f'component.{each}')}</label>"
        for each in Component
    )
    return f"<fieldset><legend>{_text(language, 'operator.components')}</legend>{boxes}</fieldset>"


def _build_text(language: Language, name: str, given: dict[str, list[str]]) -> str:
    written = name[-2:]
    attributes = f'name="{name}" lang="{written}" dir="{DIRECTIONS[Language(written)]}"'
    value = escape((given.get(name) or [""])[0])
    if name.startswith("title"):
        field = f'<input {attributes} value="{value}" maxlength="200">'
    else:
        field = f'<textarea {attributes} maxlength="4000">\n{value}</textarea>'
    return f"<label>{_text(language, f'operator.{name}')}{field}</label>"


def _language(request: Request) -> Language:
    wanted = request.query_text("lang")
    return Language(wanted) if wanted in tuple(Language) else Language.EN


async def _ask(app: App, question: dict[str, Any]) -> dict[str, Any]:
    if app.status.tell_watcher is None:
        raise ConnectionError("the status is switched off")
    return dict(await app.status.tell_watcher(question))


async def _list_opened(app: App) -> list[Incident]:
    answer = await _ask(app, {"operator": "list"})
    return [load_incident(each) for each in answer.get("incidents", ())]


async def get_operator(app: App, request: Request) -> Response:
    language = _language(request)
    try:
        return build_form(language, await _list_opened(app), {})
    except OSError:
        return build_form(language, [], {}, write(language, "operator.unavailable"), is_bad=True)


async def post_operator(app: App, request: Request) -> Response:
    language = _language(request)
    try:
        given = parse_qs(request.body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        given = {}
    given = {name: [each.replace("\r\n", "\n") for each in values] for name, values in given.items()}
    try:
        opened = await _list_opened(app)
        if not await _is_admin(app, (given.pop("token", None) or [""])[0]):
            return build_form(language, opened, given, write(language, "operator.forbidden"), is_bad=True)
        answer = await _ask(app, build_question(given))
        if not answer["ok"]:
            return build_form(language, opened, given, str(answer["error"]), is_bad=True)
        return build_form(language, await _list_opened(app), {}, write(language, "operator.done"))
    except OSError:
        return build_form(language, [], given, write(language, "operator.unavailable"), is_bad=True)


async def _is_admin(app: App, token: str) -> bool:
    try:
        requester = await app.sessions.find(token.strip())
    except MatrixError:
        return False
    return requester.is_admin and not requester.is_locked


def build_question(given: dict[str, list[str]]) -> dict[str, Any]:
    """What the form says, as the watcher understands it."""
    first = {name: values[0] for name, values in given.items() if values}
    texts = {part: {each: first.get(f"{part}_{each}", "") for each in ("en", "ar")} for part in ("title", "text")}
    action = first.get("action", "")
    return {
        "operator": action if action in ACTIONS else "",
        "id": first.get("incident", ""),
        "state": first.get("state", ""),
        "components": given.get("component", []),
        "title": texts["title"],
        "text": texts["text"] if action != "close" or any(texts["text"].values()) else None,
    }


ROUTES: Final = [
    Route(
        "GET", PATH, get_operator, Auth.NONE, query=("lang",), summary="The page on which operators write on incidents."
    ),
    Route("POST", PATH, post_operator, Auth.NONE, query=("lang",), limit="login", summary="What was written there."),
]
