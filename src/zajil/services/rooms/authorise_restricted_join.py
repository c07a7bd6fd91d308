"""Restricted joins: who may join because of another room, and in whose name (client-server API, "Restricted rooms")."""

from collections.abc import Iterator
from typing import Any, Final

from zajil.core.auth_rules_member import JOIN_RULES_KEY
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, PowerLevels, build_power_levels
from zajil.ports.database import Read, Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden
from zajil.services.messages.append_events import RoomDraft

CONDITIONS_MAX: Final = 100
AUTHORISERS_TRIED_MAX: Final = 100
RESTRICTED: Final = frozenset({"restricted", "knock_restricted"})


async def find_authoriser(app: App, tx: Transaction, draft: RoomDraft, user_id: str) -> str | None:
    """The local user in whose name `user_id` joins; None where the room is not restricted.

    Raises M_FORBIDDEN when the user meets no condition, M_UNABLE_TO_GRANT_JOIN when nobody here may grant it.
    """
    join_rules = await draft.state(app, tx, JOIN_RULES_KEY)
    content = {} if join_rules is None else join_rules.event.content
    if not is_restricted(draft, content):
        return None
    if not await meets_condition(app, tx, content, user_id):
        raise forbidden("Joining this room takes an invitation, or membership of a room that you are not in.")
    create = await draft.state(app, tx, CREATE_KEY)
    levels = await draft.state(app, tx, POWER_LEVELS_KEY)
    power_levels = build_power_levels(
        None if create is None else create.event, None if levels is None else levels.event
    )
    for candidate, _ in zip(_list_candidates(power_levels), range(AUTHORISERS_TRIED_MAX), strict=False):
        if candidate.endswith(":" + app.server_name) and await draft.membership(app, tx, candidate) == "join":
            return candidate
    if power_levels.content.users_default >= power_levels.content.invite:
        for row in await app.stores.rooms.load_members(tx, draft.row.room_nid, ["join"], AUTHORISERS_TRIED_MAX):
            if row.user_id.endswith(":" + app.server_name) and power_levels.can_invite(row.user_id):
                return row.user_id
    raise MatrixError(403, "M_UNABLE_TO_GRANT_JOIN", "Nobody of this server who is in the room may let you in.")


def is_restricted(draft: RoomDraft, content: dict[str, Any]) -> bool:
    """Whether the room version and the join rules together make joins restricted."""
    join_rule = content.get("join_rule")
    if join_rule == "knock_restricted":
        return draft.rules.knock_restricted
    return join_rule == "restricted" and draft.rules.restricted_joins


def _list_candidates(power_levels: PowerLevels) -> Iterator[str]:
    yield from sorted(power_levels.creators)
    for user_id in power_levels.content.users:
        if power_levels.can_invite(user_id):
            yield user_id


async def meets_condition(app: App, tx: Read, join_rules: dict[str, Any], user_id: str) -> bool:
    """Whether the user is in one of the rooms that the join rules allow."""
    for room_id in list_allowed_rooms(join_rules):
        row = await app.stores.rooms.load_row(tx, room_id)
        member = None if row is None else await app.stores.rooms.load_membership(tx, row.room_nid, user_id)
        if member is not None and member.membership == "join":
            return True
    return False


def list_allowed_rooms(join_rules: dict[str, Any]) -> list[str]:
    """The room IDs whose members may join."""
    allow = join_rules.get("allow")
    if not isinstance(allow, list):
        return []
    return [
        condition["room_id"]
        for condition in allow[:CONDITIONS_MAX]
        if isinstance(condition, dict)
        and condition.get("type") == "m.room_membership"
        and isinstance(condition.get("room_id"), str)
    ]
