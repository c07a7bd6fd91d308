"""Who may see an event (spec: Room History Visibility). One function for /sync, /messages, /context, /event, /search."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from zajil.core.events import Event

HISTORY_VISIBILITIES: Final = ("world_readable", "shared", "invited", "joined")
HISTORY_VISIBILITY_DEFAULT: Final = "shared"


class Access(Enum):
    """What a user gets of an event."""

    HIDDEN = "hidden"
    REDACTED = "redacted"
    """Only the redacted form: the sender has asked for erasure, and the user was not there when it was sent."""
    SHOWN = "shown"


def parse_history_visibility(content: Mapping[str, Any] | None) -> str:
    """The value of an m.room.history_visibility event; None is its absence. What is not understood is `shared`."""
    value = content.get("history_visibility") if content is not None else None
    return value if isinstance(value, str) and value in HISTORY_VISIBILITIES else HISTORY_VISIBILITY_DEFAULT


def access_event(
    event: Event,
    user_id: str,
    *,
    history_visibility: str,
    membership: str | None,
    joined_later: bool,
    sender_erased: bool = False,
) -> Access:
    """What the user gets of an event.

    history_visibility and membership (None for a user who never had one) are those of the state *before* the event.
    joined_later says that the user joined the room at some time after the event; for a user who has left since, that
    means before the last departure. It is not enough to be joined now if the user has been ever since before the event:
    membership says that.
    """
    if not _is_visible(event, user_id, history_visibility, membership, joined_later):
        return Access.HIDDEN
    if sender_erased and membership != "join" and event.sender != user_id:
        return Access.REDACTED
    return Access.SHOWN


def _is_visible(event: Event, user_id: str, visibility: str, membership: str | None, joined_later: bool) -> bool:
    if _allows(visibility, membership, joined_later):
        return True
    # Changes of the history visibility are seen by those who could see events before or after it.
    if event.type == "m.room.history_visibility" and event.state_key == "":
        return _allows(parse_history_visibility(event.content), membership, joined_later)
    # So are changes of one's own membership. The end of an invitation or a knock is always seen by its user: nothing
    # else would take the room off the list.
    if event.type == "m.room.member" and event.state_key == user_id:
        ended = event.membership in ("leave", "ban") and membership in ("invite", "knock")
        return ended or _allows(visibility, event.membership, joined_later)
    return False


def _allows(visibility: str, membership: str | None, joined_later: bool) -> bool:
    # 1. World-readable: allow.
    if visibility == "world_readable":
        return True
    # 2. The user was joined: allow.
    if membership == "join":
        return True
    # 3. Shared, and the user joined at any point after the event: allow.
    if visibility == "shared" and joined_later:
        return True
    # 4. The user was invited, and invited users see the history: allow.
    # 5. Otherwise, deny.
    return membership == "invite" and visibility == "invited"
