"""What a room ended with here when the last of our users had left it: what others have still sent, and how ours have left. Whoever lets us in again may
not have that, and nobody sends it again: the room here would go on as if it had not happened."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from typing import Final

from zajil.core.event_auth import check_event_auth
from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.core.state_map import StateKey
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.federation.fetch_events import federation_path
from zajil.services.federation.server_acl import is_allowed_by
from zajil.services.rooms.room_heads import RoomHead

ENDS_MAX: Final = 10
"""The newest. With the join they are what the next event here follows, which names twenty at most."""
ANSWERS_S_MAX: Final = 10.0
ACL_KEY: Final = ("m.room.server_acl", "")


async def find_former_ends(
    app: App, head: RoomHead, resident: str, told: Collection[str], state: Mapping[StateKey, Event]
) -> list[str]:
    """Those that the server which lets us in (`resident`) lacks.

    `told` are the events that it has given with the join, `state` what holds in the room as it says: what that does not allow is forgotten,
    as it would fail softly if it came now. So is what the resident does not answer about.
    """
    found = await app.stores.events.load_by_ids(app.db.reader, head.row.extremities)
    ends = sorted(found, key=lambda each: each.position or 0)[-ENDS_MAX:]
    lacking: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWERS_S_MAX):
            for each in ends:
                event_id = each.event.event_id
                if event_id not in told and _is_allowed(each.event, state) and await _is_missing(app, resident, each):
                    lacking.append(event_id)
    return lacking


def _is_allowed(event: Event, state: Mapping[StateKey, Event]) -> bool:
    if check_event_auth(event, state, event.rules) is not None:
        return False
    acl = state.get(ACL_KEY)
    return acl is None or is_allowed_by(acl.content, server_name_of(event.sender) or "")


async def _is_missing(app: App, resident: str, stored: StoredEvent) -> bool:
    path = federation_path("v1", "event", stored.event.event_id)
    try:
        await app.federation.request(FederationRequest(resident, "GET", path))
    except FederationFailed as failure:
        return failure.status == 404
    return False
