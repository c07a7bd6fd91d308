"""PUT /rooms/{room_id}/typing/{user_id} (client-server API, "Typing Notifications")."""

from typing import Any

import msgspec

from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.errors import forbidden, invalid_param
from zajil.services.federation.tell_fleeting import tell_typing
from zajil.services.signals.typing import TIMEOUT_MS_DEFAULT


class TypingBody(msgspec.Struct):
    """Whether somebody types, and for how many milliseconds at most."""

    typing: bool
    timeout: int | None = None


async def put_typing(app: App, request: Request) -> dict[str, Any]:
    body: TypingBody = request.decode(TypingBody)
    user_id, room_id = request.requester.user_id, request.params["room_id"]
    if request.params["user_id"] != user_id:
        raise forbidden("You can only say of yourself that you are typing.")
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or await app.rooms.membership(app.db.reader, head, user_id) != "join":
        raise forbidden("You are not in this room.")
    timeout_ms = TIMEOUT_MS_DEFAULT if body.timeout is None else body.timeout
    if timeout_ms < 0:
        raise invalid_param("The timeout must not be negative.")
    if body.typing and timeout_ms:
        app.typing.start(room_id, user_id, timeout_ms)
        await tell_typing(app, room_id, user_id, is_typing=True)
    else:
        app.typing.stop(room_id, user_id)
        await tell_typing(app, room_id, user_id, is_typing=False)
    return {}


ROUTES = routes(
    "PUT", client("/rooms/{room_id}/typing/{user_id}"), put_typing, body=TypingBody, limit="typing", suspended_may=False
)
