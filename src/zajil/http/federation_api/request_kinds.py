"""Of which kind another server's request is, for its budget."""

from typing import Final

from zajil.core.origin_budget import Kind
from zajil.http.router import Route

BY_WORD: Final[dict[str, Kind]] = {
    "send": Kind.TRANSACTION,
    "make_join": Kind.MEMBERSHIP,
    "make_leave": Kind.MEMBERSHIP,
    "make_knock": Kind.MEMBERSHIP,
    "send_join": Kind.MEMBERSHIP,
    "send_leave": Kind.MEMBERSHIP,
    "send_knock": Kind.MEMBERSHIP,
    "invite": Kind.MEMBERSHIP,
    "state": Kind.STATE,
    "state_ids": Kind.STATE,
    "event_auth": Kind.STATE,
    "event": Kind.HISTORY,
    "backfill": Kind.HISTORY,
    "get_missing_events": Kind.HISTORY,
    "timestamp_to_event": Kind.HISTORY,
    "hierarchy": Kind.HISTORY,
    "user": Kind.KEYS,
    "media": Kind.MEDIA,
}
"""By the word behind `/_matrix/federation/v1/`. What is not here is a look-up."""


def find_request_kind(route: Route) -> Kind:
    """The kind of a route for servers."""
    words = route.path.split("/")
    return BY_WORD.get(words[4], Kind.LOOK_UP) if len(words) > 4 else Kind.LOOK_UP
