"""What an event means for one user: the verdict of the user's push rules."""

from zajil.core.push_rules_evaluation import NO_VERDICT, Verdict
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.notifications.event_notices import EventNotice, load_display_name, prepare_notices
from zajil.services.notifications.unread_counts import load_events_after
from zajil.services.rooms.room_heads import RoomHead


async def find_prepared(app: App, tx: Read, head: RoomHead, events: list[StoredEvent]) -> list[StoredEvent]:
    """The same events, in order, each with its notice. Those so old that memory and bounds do not reach them are left out."""
    wanted = {stored.nid for stored in events}
    after = min(stored.position or 0 for stored in events) - 1
    known = await load_events_after(app, tx, head, after)
    await prepare_notices(app, tx, head, known)
    return [stored for stored in known if stored.nid in wanted]


async def evaluate_event(app: App, tx: Read, head: RoomHead, stored: StoredEvent, user_id: str) -> Verdict:
    """The verdict for a user in the room, or one who is invited by the event; its notice is prepared."""
    notice: EventNotice = stored.notice
    if notice.sender == user_id or notice.is_redacted:
        return NO_VERDICT
    rules = await app.push_rules.load(tx, user_id)
    name = await load_display_name(app, tx, head, stored, rules, user_id)
    verdict = notice.find_verdict(rules, user_id, name)
    if not verdict.notify or notice.sender in await load_ignored_users(app, tx, user_id):
        return NO_VERDICT
    return verdict


async def may_be_told(app: App, tx: Read, head: RoomHead, stored: StoredEvent, user_id: str) -> bool:
    """Whether the user was in the room when it was sent, and still is, or is the one it invites."""
    event = stored.event
    if event.membership == "invite" and event.key[1] == user_id:
        return await app.rooms.membership(tx, head, user_id) == "invite"
    joined_at = await app.rooms.joined_at(tx, head, user_id)
    return joined_at is not None and joined_at < (stored.position or 0)
