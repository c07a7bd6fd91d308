"""Placing events that simply go on where a room stands: many in one commit, without a look at any other state than the room's own."""

from collections.abc import Sequence

from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event
from zajil.core.policy_server import is_exempt, is_recommended
from zajil.core.power_levels import CREATE_KEY
from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.federation.inbound_turns import SLICE_EVENTS_MAX
from zajil.services.messages.append_events import RoomDraft, append_built, open_draft, store_draft
from zajil.services.messages.policy_signatures import find_draft_policy
from zajil.services.messages.send_event import write_to_room


async def place_run(app: App, room_id: str, events: Sequence[Event]) -> int:
    """Place as many of the events, from the first on, as each follow all that the room ends with, cite just what holds in it, and are allowed.

    Returns how many; the next one needs a closer look (place_event).
    """
    first, events = events[0], events[:SLICE_EVENTS_MAX]
    head = app.rooms.known(room_id)
    if head is None or set(first.prev_event_ids) != set(head.row.extremities):
        return 0

    async def item(tx: Transaction) -> int:
        known = {each.event.event_id for each in await app.stores.events.load_by_ids(tx, [e.event_id for e in events])}
        draft = await open_draft(app, tx, room_id)
        gaps = await app.stores.events.load_backward_extremities(tx, draft.row.room_nid)
        placed = 0
        for event in events:
            if event.event_id in known or event.event_id in gaps or not await _goes_on(app, tx, draft, event):
                break
            await append_built(app, tx, draft, event, is_ours=False)
            placed += 1
        if placed:
            await store_draft(app, tx, draft)
        return placed

    async with app.inbound_turns.hold():
        return await write_to_room(app, room_id, item)


async def _goes_on(app: App, tx: Transaction, draft: RoomDraft, event: Event) -> bool:
    """The state before the event, the state by its auth events and the room's current state are one: the rules are asked once."""
    if set(event.prev_event_ids) != set(draft.row.extremities):
        return False
    policy = await find_draft_policy(app, tx, draft)
    if policy is not None and not is_exempt(event) and not is_recommended(event, policy):
        return False
    keys = auth_event_keys(event.type, event.state_key, event.sender, event.content, draft.rules)
    state = await draft.state_events(app, tx, keys)
    cited = {each.event_id for each in state.values()}
    if cited != set(event.auth_event_ids) or len(cited) != len(event.auth_event_ids):
        return False
    if CREATE_KEY not in state:
        state |= await draft.state_events(app, tx, [CREATE_KEY])
    return check_event_auth(event, state, draft.rules) is None
