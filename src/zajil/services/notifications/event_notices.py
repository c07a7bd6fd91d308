"""What an event means for those it reaches, worked out once per event: its thread, the room's facts when it was sent, and push verdicts.

The facts are found by undoing events one after the other from the room's head back to the event.
"""

from collections.abc import Sequence
from typing import Final

from zajil.core.power_levels import build_power_levels
from zajil.core.push_rules_evaluation import (
    CompiledRules,
    EventView,
    RoomFacts,
    SharedVerdict,
    Verdict,
    evaluate,
    evaluate_shared,
)
from zajil.core.relations import THREAD, THREAD_HOPS_MAX, parse_relation
from zajil.core.room_rules import RoomRules
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

MAIN_THREAD: Final = "main"
RULE_SETS_MAX: Final = 256
"""Verdicts kept per event."""
MEMBER: Final = "m.room.member"
POWER_LEVELS: Final = ("m.room.power_levels", "")


class EventNotice:
    """An event as push rules see it. Kept with the stored event, and gone with it."""

    __slots__ = ("facts", "is_plain", "is_redacted", "is_state", "sender", "thread", "verdicts", "view")

    def __init__(self, stored: StoredEvent, thread: str, facts: RoomFacts) -> None:
        event = stored.event
        self.sender = event.sender
        self.is_state = event.is_state
        self.is_redacted = stored.redacted_by is not None
        self.is_plain = not self.is_redacted and event.redacts is None
        """Neither redacted nor a redaction."""
        self.thread = thread
        self.facts = facts
        shown = {
            "type": event.type,
            "sender": event.sender,
            "room_id": event.room_id,
            "content": event.content,
            "origin_server_ts": event.origin_server_ts,
        }
        if event.state_key is not None:
            shown["state_key"] = event.state_key
        self.view = EventView(shown)
        self.verdicts: dict[CompiledRules, SharedVerdict] = {}

    def find_shared(self, rules: CompiledRules) -> SharedVerdict:
        """The verdict for all users with these rules."""
        shared = self.verdicts.get(rules)
        if shared is None:
            if len(self.verdicts) >= RULE_SETS_MAX:
                self.verdicts.clear()
            shared = self.verdicts[rules] = evaluate_shared(rules, self.view, self.facts)
        return shared

    def find_verdict(self, rules: CompiledRules, user_id: str, display_name: str | None) -> Verdict:
        """The verdict for one user; `display_name` matters only where `find_shared` says so."""
        shared = self.find_shared(rules)
        if shared.holds_for(user_id):
            return shared.verdict
        return evaluate(rules, self.view, self.facts, user_id, display_name)


async def load_display_name(
    app: App, tx: Read, head: RoomHead, stored: StoredEvent, rules: CompiledRules, user_id: str
) -> str | None:
    """The user's display name in the room at an event, if any of the user's rules asks for it."""
    notice = stored.notice
    if notice is None or not notice.find_shared(rules).everyone:
        return None
    member = await app.rooms.member(tx, head, user_id)
    if member is not None and (member.position or 0) > (stored.position or 0):
        member = await _load_member_before(app, tx, stored, user_id)
    name = None if member is None else member.event.content.get("displayname")
    return name if isinstance(name, str) else None


async def _load_member_before(app: App, tx: Read, stored: StoredEvent, user_id: str) -> StoredEvent | None:
    snapshots = await app.stores.rooms.load_snapshots_before(tx, [stored.nid])
    roots = await app.stores.rooms.load_snapshot(tx, snapshots.get(stored.nid, -1))
    if roots is None:
        return None
    nid = (await app.rooms.read_state_keys(tx, roots[0], [(MEMBER, user_id)])).get((MEMBER, user_id))
    found = [] if nid is None else await app.stores.events.load_by_nids(tx, [nid])
    return found[0] if found else None


async def prepare_notices(app: App, tx: Read, head: RoomHead, events: Sequence[StoredEvent]) -> None:
    """Give every event its notice. `events` are a room's newest, oldest first, without a gap up to the head's last one."""
    unready = next((index for index, stored in enumerate(events) if stored.notice is None), None)
    if unready is None:
        return
    # The facts are those of this moment, so what has been appended since `events` were read is to be undone as well.
    facts = _Facts(head)
    walked = [*events[unready:], *(head.events_after(events[-1].position or 0) or [])]
    undone = await _load_replaced(app, tx, walked)
    for stored in reversed(walked):
        if stored.notice is None:
            thread = await find_thread(app, tx, head, stored)
            stored.notice = EventNotice(stored, thread, facts.build(stored.event.sender))
        if stored.event.is_state:
            facts.undo(stored, undone.get(stored.replaces_nid or -1))


async def prepare_old_notices(app: App, tx: Read, head: RoomHead, events: Sequence[StoredEvent]) -> None:
    """Give events from anywhere in the room's history notices, with the room's facts as they are now. For lists, not for counts."""
    facts = _Facts(head)
    for stored in events:
        if stored.notice is None:
            thread = await find_thread(app, tx, head, stored)
            stored.notice = EventNotice(stored, thread, facts.build(stored.event.sender))


async def _load_replaced(app: App, tx: Read, events: Sequence[StoredEvent]) -> dict[int, StoredEvent]:
    """The state events that members' events and power levels among `events` replaced, by number."""
    nids = [
        stored.replaces_nid
        for stored in events
        if stored.replaces_nid is not None and (stored.event.type == MEMBER or stored.event.key == POWER_LEVELS)
    ]
    return {each.nid: each for each in await app.stores.events.load_by_nids(tx, nids)} if nids else {}


class _Facts:
    """What push rules ask about a room, on its way back in time."""

    def __init__(self, head: RoomHead) -> None:
        self._create = head.state_event("m.room.create")
        self._rules: RoomRules = head.rules
        # Of a room that was joined without its members two may be known, and it may look like a talk of two people.
        self._member_count = None if head.row.partial_state else head.row.joined_count
        self._set_levels(head.rest.get(POWER_LEVELS))

    def _set_levels(self, stored: StoredEvent | None) -> None:
        self._levels = build_power_levels(self._create, None if stored is None else stored.event)

    def build(self, sender: str) -> RoomFacts:
        return RoomFacts(self._member_count, self._levels.user_level(sender), self._levels.content.notifications)

    def undo(self, stored: StoredEvent, replaced: StoredEvent | None) -> None:
        event = stored.event
        if event.type == MEMBER and self._member_count is not None:
            before = None if replaced is None else replaced.event.membership
            self._member_count -= (event.membership == "join") - (before == "join")
        elif event.key == POWER_LEVELS:
            self._set_levels(replaced)


async def find_thread(app: App, tx: Read, head: RoomHead, stored: StoredEvent) -> str:
    """The event ID of the root of the thread an event is in, or "main" (client-server API, "Threaded read receipts")."""
    if "m.relates_to" not in stored.event.content:
        return MAIN_THREAD
    event = stored.event
    for _ in range(THREAD_HOPS_MAX):
        relation = parse_relation(event.content)
        if relation is None:
            return MAIN_THREAD
        if relation.rel_type == THREAD:
            return relation.event_id
        parents = await app.stores.events.load_by_ids(tx, [relation.event_id])
        if not parents or parents[0].room_nid != head.row.room_nid:
            return MAIN_THREAD
        event = parents[0].event
    relation = parse_relation(event.content)
    return relation.event_id if relation is not None and relation.rel_type == THREAD else MAIN_THREAD
