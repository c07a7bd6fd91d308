"""What kind of work each route is."""

from typing import Final

from zajil.core.admission_work import Work
from zajil.http.router import Auth, Route

BY_LIMIT: Final[dict[str, Work]] = {
    "login": Work.LOGIN,
    "password": Work.LOGIN,
    "register": Work.REGISTER,
    "register_available": Work.REGISTER,
    "invite": Work.INVITE,
    "join": Work.JOIN,
    "create_room": Work.JOIN,
    "media": Work.MEDIA,
    "preview": Work.MEDIA,
    "typing": Work.TYPING,
    "receipt": Work.HISTORY,
    "search": Work.HISTORY,
    "media_download": Work.HISTORY,
}
"""By the name of the route's limit for each account."""

READING: Final = (
    "messages",
    "context",
    "event",
    "events",
    "relations",
    "threads",
    "timestamp_to_event",
    "initialSync",
    "members",
    "joined_members",
    "hierarchy",
    "publicRooms",
    "room_summary",
    "download",
    "thumbnail",
    "notifications",
)
"""Words of the paths that read what was there before."""


def find_kind(route: Route) -> Work | None:
    """The kind of a route's requests, before it is known who asks; None for what is let in always.

    Let in are administrators, who may have to end what is going on, and pages without an account: what they cost is next to nothing.
    """
    words = route.path.split("/")
    if route.auth is Auth.ADMIN or route.path == "/_matrix/client/versions":
        return None
    if route.auth is Auth.SERVER:
        return Work.FEDERATION
    if words[-1] == "sync":
        return Work.SYNC
    if "{txn_id}" in words and ("send" in words or "redact" in words):
        return Work.FEW  # the edge finds out which of the sends it is
    if "presence" in words:
        return Work.PRESENCE if route.method == "PUT" else Work.HISTORY
    if route.method == "GET" and any(word in READING for word in words):
        return Work.HISTORY
    if route.limit in BY_LIMIT:
        return BY_LIMIT[route.limit]
    if route.auth is Auth.NONE and route.limit is None:
        return None
    return Work.PERSON
