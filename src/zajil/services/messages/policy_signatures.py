"""Events of ours in rooms with a policy server, which must sign them before they are appended (server-server API, "Policy Servers").

That takes a request, and nobody waits for one inside of a group commit. So an item that comes to such an event fails with it, the signature is fetched
outside (`send_event.write_to_room`), and the item runs again with the signed event at hand.

One's own leave goes out without a signature if there is none to be had: nobody is kept in a room by a server that is gone.
"""

from typing import TYPE_CHECKING, Final

from zajil.core.events import Event
from zajil.core.policy_server import POLICY_KEY, Policy, find_same, is_exempt, is_recommended, parse_policy
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App

if TYPE_CHECKING:
    from zajil.services.messages.append_events import RoomDraft

ASKED_ABOUT: Final = "events about which a policy server has been asked"
"""Where in `tx.scratch` an item that runs again finds them."""


class SignatureWanted(Exception):
    """The event must be signed by the room's policy server before it can be appended."""

    def __init__(self, event: Event, policy: Policy) -> None:
        super().__init__(f"{event.event_id} needs the signature of {policy.server_name}")
        self.event = event
        self.policy = policy


async def find_policy(app: App, tx: Read, room_nid: int, stored: StoredEvent | None) -> Policy | None:
    """The room's policy server by its `m.room.policy`, if one of its users is in the room."""
    policy = None if stored is None else parse_policy(stored.event.content)
    if policy is None or not app.config.federation:
        return None
    is_there = await app.stores.federation_queue.has_members_of(tx, room_nid, policy.server_name, ["join"])
    return policy if is_there else None


async def find_draft_policy(app: App, tx: Transaction, draft: "RoomDraft") -> Policy | None:
    """The policy server of a room as the draft has it."""
    return await find_policy(app, tx, draft.row.room_nid, await draft.state(app, tx, POLICY_KEY))


def reuse_signed(tx: Transaction, event: Event) -> Event:
    """The event as it was signed before the item ran again, if it still has the same place in the room."""
    asked_about = tx.scratch.get(ASKED_ABOUT)
    return find_same(asked_about, event) if asked_about else event


async def check_recommended(app: App, tx: Transaction, draft: "RoomDraft", event: Event) -> None:
    """Raises SignatureWanted."""
    policy = await find_draft_policy(app, tx, draft)
    if policy is None or is_exempt(event) or event in tx.scratch.get(ASKED_ABOUT, ()):
        return
    if not is_recommended(event, policy):
        raise SignatureWanted(event, policy)
