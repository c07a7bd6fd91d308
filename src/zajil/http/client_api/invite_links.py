"""Links into rooms, an extension of the client-server API (docs/decisions/invite-links.md)."""

from typing import Annotated, Any, Final

import msgspec

from zajil.http.request import Request
from zajil.http.router import Auth, client, routes
from zajil.services.app import App
from zajil.services.rooms.invite_links import join_by_link, list_links, make_link, preview_link, revoke_link

REASON_CHARACTERS_MAX: Final = 2000
_VERSION: Final = "unstable/org.zajil"


class LinkBody(msgspec.Struct):
    """For how long, in milliseconds, and how often a link may be used; without an end where that is not said."""

    lifetime_ms: int | None = None
    uses_max: int | None = None


class TokenBody(msgspec.Struct):
    """The token of a link."""

    token: str


class JoinBody(msgspec.Struct):
    """The token of a link, and why its holder comes."""

    token: str
    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARACTERS_MAX)] | None = None


async def post_link(app: App, request: Request) -> dict[str, Any]:
    body: LinkBody = request.decode(LinkBody)
    return await make_link(
        app, request.requester, request.params["room_id"], lifetime_ms=body.lifetime_ms, uses_max=body.uses_max
    )


async def get_links(app: App, request: Request) -> dict[str, Any]:
    return {"links": await list_links(app, request.requester, request.params["room_id"])}


async def delete_link(app: App, request: Request) -> dict[str, Any]:
    await revoke_link(app, request.requester, request.params["room_id"], request.params["link_id"])
    return {}


async def post_preview(app: App, request: Request) -> dict[str, Any]:
    body: TokenBody = request.decode(TokenBody)
    return await preview_link(app, request.requester, request.params["room_id"], body.token)


async def post_join(app: App, request: Request) -> dict[str, Any]:
    body: JoinBody = request.decode(JoinBody)
    content = {} if body.reason is None else {"reason": body.reason}
    return await join_by_link(app, request.requester, request.params["room_id"], body.token, content)


_LINKS = "/rooms/{room_id}/invite_links"

ROUTES = [
    *routes("POST", client(_LINKS, _VERSION), post_link, body=LinkBody, limit="invite", suspended_may=False),
    *routes("GET", client(_LINKS, _VERSION), get_links, limit="default"),
    *routes("DELETE", client(_LINKS + "/{link_id}", _VERSION), delete_link, limit="default"),
    *routes("POST", client("/rooms/{room_id}/preview_link", _VERSION), post_preview, body=TokenBody, limit="join"),
    *routes(
        "POST",
        client("/rooms/{room_id}/join_by_link", _VERSION),
        post_join,
        auth=Auth.GUEST,
        body=JoinBody,
        limit="join",
        suspended_may=False,
    ),
]
