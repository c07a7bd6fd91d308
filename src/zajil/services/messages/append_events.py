"""Appending events to rooms: the one way an event made here enters the log (DESIGN §3).

An item of a group commit opens a draft of the room's head, appends to it, and stores it. Items of one batch share the draft, so a room's events
follow one another within a batch as they do across batches. The head in memory changes when the batch is on disk, and not before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zajil.core.canonical_json import CanonicalJsonError
from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event, build_event, check_event_size
from zajil.core.power_levels import CREATE_KEY
from zajil.core.relations import parse_relation
from zajil.core.room_rules import RoomRules
from zajil.core.state_map import EMPTY_ROOT, StateKey
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.events import HAS_RELATIONS, Relation, StoredEvent
from zajil.ports.stores.rooms import RoomRow
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, not_found
from zajil.services.messages.change_state import apply_state
from zajil.services.messages.note_outgoing import note_outgoing
from zajil.services.messages.policy_signatures import check_recommended, reuse_signed
from zajil.services.messages.redact_event import apply_redaction, check_may_redact
from zajil.services.rooms.room_heads import RoomHead

EXTREMITIES_REFERENCED_MAX = 20
EVENT_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class HeadMoved(Exception):
    """Another process appended to the room between this draft's opening and its storing; run the item again."""


@dataclass(slots=True)
class Proposal:
    """An event somebody here wants to append."""

    type: str
    sender: str
    content: dict[str, Any]
    state_key: str | None = None
    redacts: str | None = None
    origin_server_ts: int | None = None
    device_id: str | None = None
    txn_id: str | None = None


class RoomDraft:
    """A room's head as this batch will leave it."""

    __slots__ = ("changed_members", "changed_rest", "events", "head", "removed", "replaced", "row", "rules")

    def __init__(self, head: RoomHead) -> None:
        self.head = head
        self.rules = head.rules
        self.row = replace(head.row)
        self.changed_rest: dict[StateKey, StoredEvent] = {}
        self.changed_members: dict[str, StoredEvent] = {}
        self.removed: set[StateKey] = set()
        """Keys under which nothing stands any more: a resolution of diverging states took it away."""
        self.events: list[StoredEvent] = []
        self.replaced: list[StoredEvent] = []

    async def state(self, app: App, tx: Transaction, key: StateKey) -> StoredEvent | None:
        """The state event that holds under `key` after everything appended so far."""
        if key in self.removed:
            return None
        if key[0] == "m.room.member":
            return self.changed_members.get(key[1]) or await app.rooms.member(tx, self.head, key[1])
        return self.changed_rest.get(key) or self.head.rest.get(key)

    async def state_events(self, app: App, tx: Transaction, keys: Iterable[StateKey]) -> dict[StateKey, Event]:
        """The state events under those of the keys that have one."""
        found: dict[StateKey, Event] = {}
        for key in keys:
            stored = await self.state(app, tx, key)
            if stored is not None:
                found[key] = stored.event
        return found

    async def membership(self, app: App, tx: Transaction, user_id: str) -> str:
        stored = await self.state(app, tx, ("m.room.member", user_id))
        return "leave" if stored is None else stored.event.membership or "leave"

    def commit(self, app: App) -> None:
        """The batch is on disk: the head in memory becomes what the draft says."""
        head = self.head
        head.row = self.row
        head.rest.update(self.changed_rest)
        for user_id, stored in self.changed_members.items():
            head.remember_member(user_id, stored)
            if stored.event.membership != "join":
                head.joined_at.pop(user_id, None)
        for key in self.removed:
            if key[0] == "m.room.member":
                head.remember_member(key[1], None)
                head.joined_at.pop(key[1], None)
            else:
                head.rest.pop(key, None)
        if self.changed_members or self.removed:
            head.heroes = None
        if not head.recent and self.events:
            # Another process may have written to the room before this batch, and not been heard of when the head was loaded.
            head.recent_after = max(head.recent_after, (self.events[0].position or 1) - 1)
        for stored in self.events:
            head.remember_event(stored)
        for stored in self.replaced:
            head.replace_event(stored)
        app.rooms.put(head)
        moved = {user_id: stored.event.membership == "join" for user_id, stored in self.changed_members.items()}
        moved |= {key[1]: False for key in self.removed if key[0] == "m.room.member"}
        app.notifier.remember_committed(head, self.events, moved)


async def open_draft(app: App, tx: Transaction, room_id: str) -> RoomDraft:
    """The batch's draft of a room. Raises M_NOT_FOUND for a room this server does not know."""
    draft = tx.scratch.get(room_id)
    if draft is not None:
        return draft  # type: ignore[no-any-return]
    head = app.rooms.known(room_id)
    if head is not None and await app.stores.rooms.load_head_version(tx, head.row.room_nid) != head.row.head_version:
        app.rooms.forget(room_id)
        head = None
    if head is None:
        head = await app.rooms.load(tx, room_id, app.db.position)
        if head is None:
            raise not_found("This server does not know that room.")
    draft = RoomDraft(head)
    tx.scratch[room_id] = draft
    tx.on_commit(lambda: draft.commit(app))
    return draft


async def peek_room(app: App, tx: Transaction, room_id: str) -> RoomDraft | None:
    """A room as this batch has it so far, to be looked at and not changed; None for a room this server does not know."""
    draft = tx.scratch.get(room_id)
    if draft is not None:
        return draft  # type: ignore[no-any-return]
    head = app.rooms.known(room_id) or await app.rooms.load(tx, room_id, app.db.position)
    return None if head is None else RoomDraft(head)


async def open_new_room(app: App, tx: Transaction, rules: RoomRules, create: Event) -> RoomDraft:
    """A draft of a room that begins with `create`, which is appended to it."""
    room_nid = await tx.new_ids(1)
    draft = await insert_room(app, tx, rules, create.room_id, create.sender, create.origin_server_ts, room_nid)
    await append_built(app, tx, draft, create)
    await store_draft(app, tx, draft)
    return draft


async def insert_room(
    app: App, tx: Transaction, rules: RoomRules, room_id: str, creator: str, created_ts_ms: int, room_nid: int
) -> RoomDraft:
    """A draft of a room of which nothing is known yet but that it exists; without extremities this server is not in it."""
    row = RoomRow(
        room_nid=room_nid,
        room_id=room_id,
        room_version=rules.version,
        creator=creator,
        created_ts_ms=created_ts_ms,
        head_version=0,
        extremities=[],
        depth=0,
        snapshot_id=await tx.new_ids(1),
        members_root=EMPTY_ROOT,
        rest_root=EMPTY_ROOT,
        joined_count=0,
        invited_count=0,
        is_public=False,
        partial_state=False,
        blocked_reason=None,
    )
    await app.stores.rooms.insert_snapshot(tx, row.snapshot_id, EMPTY_ROOT, EMPTY_ROOT)
    await app.stores.rooms.insert_row(tx, row)
    draft = RoomDraft(RoomHead(row, {}, 0))
    tx.scratch[room_id] = draft
    tx.on_commit(lambda: draft.commit(app))
    return draft


async def append(app: App, tx: Transaction, draft: RoomDraft, proposal: Proposal) -> StoredEvent:
    """Build, authorise and append one event. Raises MatrixError without having written when it may not be sent.

    `store_draft` must follow in the same item.
    """
    event = await build_authorised(app, tx, draft, proposal)
    if event.type == "m.room.redaction" and event.redacts is not None:
        await check_may_redact(app, tx, draft, event.sender, event.redacts)
    return await append_built(app, tx, draft, event, proposal)


async def build_authorised(app: App, tx: Transaction, draft: RoomDraft, proposal: Proposal) -> Event:
    """The event that `proposal` becomes on top of the draft, checked against the room's rules."""
    rules = draft.rules
    keys = auth_event_keys(proposal.type, proposal.state_key, proposal.sender, proposal.content, rules)
    state = await draft.state_events(app, tx, keys)
    auth_ids = [event.event_id for event in state.values()]
    if rules.room_id_is_create_hash:
        create = draft.changed_rest.get(CREATE_KEY) or draft.head.rest[CREATE_KEY]
        state[CREATE_KEY] = create.event
    row = draft.row
    event = build_checked(
        app, rules, proposal, state, auth_ids, room_id=row.room_id, prev_events=row.extremities, depth=row.depth + 1
    )
    return reuse_signed(tx, event)


def build_checked(
    app: App,
    rules: RoomRules,
    proposal: Proposal,
    state: Mapping[StateKey, Event],
    auth_ids: list[str],
    *,
    room_id: str,
    prev_events: list[str],
    depth: int,
) -> Event:
    """Build an event and judge it against `state`, which has its auth events and the create event. Raises MatrixError."""
    try:
        event = build_event(
            rules,
            room_id=room_id,
            type=proposal.type,
            sender=proposal.sender,
            content=proposal.content,
            state_key=proposal.state_key,
            prev_events=prev_events[:EXTREMITIES_REFERENCED_MAX],
            auth_events=auth_ids,
            depth=min(depth, 2**53 - 1),
            origin_server_ts=app.clock.now_ms() if proposal.origin_server_ts is None else proposal.origin_server_ts,
            redacts=proposal.redacts,
            event_id_v1=None if not rules.event_id_in_pdu else build_event_id_v1(app),
            sign=app.sign_event,
        )
    except CanonicalJsonError as error:
        raise bad_json(f"The event cannot be sent: {error}") from None
    if (invalid := check_event_size(event)) is not None:
        raise MatrixError(
            413 if invalid.too_large else 400, "M_TOO_LARGE" if invalid.too_large else "M_BAD_JSON", invalid.reason
        )
    if (rejection := check_event_auth(event, state, rules)) is not None:
        steps = rules.auth_steps
        malformed = (steps.levels_are_integers, steps.events_are_integers, steps.users_are_valid)
        raise (bad_json if rejection.rule in malformed else forbidden)(rejection.reason)
    return event


def build_event_id_v1(app: App) -> str:
    """An event ID for room versions 1 and 2, where the server chooses it."""
    return f"${app.randomness.letters(18, EVENT_ID_LETTERS)}:{app.server_name}"


async def append_built(
    app: App,
    tx: Transaction,
    draft: RoomDraft,
    event: Event,
    proposal: Proposal | None = None,
    *,
    is_ours: bool = True,
) -> StoredEvent:
    """Write an authorised event on top of the draft. One that another server sent is not passed on.

    Raises SignatureWanted for one of ours that the room's policy server has not signed.
    """
    if is_ours:
        await check_recommended(app, tx, draft, event)
    position = await tx.append(Stream.EVENTS, draft.row.room_id)
    replaced = await draft.state(app, tx, event.key) if event.is_state else None
    stored = StoredEvent(
        event,
        nid=await tx.new_ids(1),
        room_nid=draft.row.room_nid,
        position=position,
        history=position,
        replaces_nid=None if replaced is None else replaced.nid,
        device_id=None if proposal is None else proposal.device_id,
        txn_id=None if proposal is None else proposal.txn_id,
    )
    await app.stores.events.insert(tx, stored)
    before = draft.row.snapshot_id
    if event.is_state:
        await apply_state(app, tx, draft, stored)
    await app.stores.rooms.insert_event_snapshots(tx, stored.nid, before, draft.row.snapshot_id)
    draft.row.extremities = [event.event_id]
    draft.row.depth = event.depth
    draft.events.append(stored)
    if "m.relates_to" in event.content:
        await store_relation(app, tx, draft, stored)
    if event.type == "m.room.redaction" and event.redacts is not None:
        await apply_redaction(app, tx, draft, stored)
    if is_ours:
        await note_outgoing(app, tx, draft, stored)
    return stored


async def store_draft(app: App, tx: Transaction, draft: RoomDraft) -> None:
    """Compare and swap the room's head."""
    expected = draft.row.head_version
    draft.row.head_version = expected + 1
    if not await app.stores.rooms.swap_head(tx, draft.row, expected):
        app.rooms.forget(draft.row.room_id)
        raise HeadMoved


async def store_relation(app: App, tx: Transaction, draft: RoomDraft, stored: StoredEvent) -> None:
    """Index `m.relates_to` where it is well-formed; anything else in that place is just content."""
    event = stored.event
    found = parse_relation(event.content)
    if found is None:
        return
    relation = Relation(found.event_id, found.rel_type, stored.nid, event.type, event.sender, found.key)
    await app.stores.events.insert_relation(tx, draft.row.room_nid, relation)
    for parent in await app.stores.events.load_by_ids(tx, [relation.parent_id]):
        if parent.room_nid == draft.row.room_nid and not parent.flags & HAS_RELATIONS:
            await app.stores.events.set_flags(tx, parent.nid, parent.flags | HAS_RELATIONS)
            draft.replaced.append(parent.with_changes(flags=parent.flags | HAS_RELATIONS))
