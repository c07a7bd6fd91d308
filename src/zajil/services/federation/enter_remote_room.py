"""Joining, knocking on and leaving rooms that this server is not in, through servers that are (server-server API, "Joining Rooms", "Leaving Rooms
(Rejecting Invites)", "Knocking upon a room")."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from zajil.core.event_auth import check_event_auth, check_event_auth_events
from zajil.core.events import Event, InvalidEvent, build_event, parse_pdu
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.ports.database import Transaction
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import OUTLIER, REJECTED, StoredEvent
from zajil.ports.stores.partial_rooms import PartialRoom
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.adopt_state import build_roots, choose_state, find_create
from zajil.services.federation.check_pdus import Refused, check_pdu
from zajil.services.federation.fetch_events import STATE_BYTES_MAX, check_answer, federation_path
from zajil.services.federation.former_ends import find_former_ends
from zajil.services.federation.partial_rooms import parse_servers
from zajil.services.federation.place_event import (
    Overruled,
    Return,
    announce,
    join_forks,
    load_changes,
    store_snapshots,
)
from zajil.services.federation.receive_events import find_gaps
from zajil.services.federation.room_states import Roots, StateUnknown, update_roots
from zajil.services.federation.store_outliers import store_outliers, store_unplaced
from zajil.services.messages.append_events import (
    Proposal,
    RoomDraft,
    append,
    build_event_id_v1,
    insert_room,
    open_draft,
    store_draft,
)
from zajil.services.messages.send_event import write_to_room

log = structlog.get_logger(__name__)

SERVERS_TRIED_MAX: Final = 5
MAKE_TIMEOUT_MS: Final = 20_000
SEND_TIMEOUT_MS: Final = 180_000


@dataclass(frozen=True, slots=True)
class Template:
    """What a server in the room says our event should look like."""

    server: str
    rules: RoomRules
    event: dict[str, Any]


async def make_membership(app: App, servers: Sequence[str], kind: str, room_id: str, user_id: str) -> Template:
    """GET make_join, make_leave or make_knock from the first server that answers. Raises MatrixError."""
    path = federation_path("v1", f"make_{kind}", room_id, user_id)
    query = [("ver", version) for version in ROOM_RULES] if kind != "leave" else []
    is_known = await app.stores.rooms.load_row(app.db.reader, room_id) is not None
    refusal: MatrixError | None = None
    for server in [each for each in dict.fromkeys(servers) if each != app.server_name][:SERVERS_TRIED_MAX]:
        if not is_server_allowed(app, server):
            continue
        if is_known:
            await app.destinations.hand_over(server)
        try:
            answer = await app.federation.request(
                FederationRequest(server, "GET", path, query=query, timeout_ms=MAKE_TIMEOUT_MS)
            )
        except FederationFailed as failure:
            log.info("a server does not help to enter a room", server=server, kind=kind, cause=str(failure))
            if failure.is_refusal and refusal is None:
                refusal = build_refusal(failure)
            continue
        version = answer.get("room_version", "1") if isinstance(answer, dict) else None
        event = answer.get("event") if isinstance(answer, dict) else None
        rules = ROOM_RULES.get(version) if isinstance(version, str) else None
        if rules is not None and isinstance(event, dict):
            return Template(server, rules, event)
    raise refusal or MatrixError(502, "M_UNREACHABLE", "No server that is in the room can be reached. Try again later.")


def build_refusal(failure: FederationFailed) -> MatrixError:
    """What another server refuses a user's request with, in its words."""
    known = {403: 403, 404: 404, 400: 400}
    message = failure.message[:500] or "Another server has refused this."
    return MatrixError(known.get(failure.status or 0, 502), failure.errcode, message)


def build_from_template(app: App, template: Template, room_id: str, user_id: str, content: dict[str, Any]) -> Event:
    """Our member event. Of the template only its place in the room is taken. Raises MatrixError for one that makes no event."""
    rules, told = template.rules, template.event
    authoriser = (
        told.get("content", {}).get("join_authorised_via_users_server")
        if isinstance(told.get("content"), dict)
        else None
    )
    if isinstance(authoriser, str) and rules.restricted_joins and content.get("membership") == "join":
        content = {**content, "join_authorised_via_users_server": authoriser}
    try:
        event = build_event(
            rules,
            room_id=room_id,
            type="m.room.member",
            sender=user_id,
            state_key=user_id,
            content=content,
            prev_events=_references(told.get("prev_events"), rules),
            auth_events=_references(told.get("auth_events"), rules),
            depth=told["depth"] if type(told.get("depth")) is int else 1,
            origin_server_ts=app.clock.now_ms(),
            event_id_v1=build_event_id_v1(app) if rules.event_id_in_pdu else None,
            sign=app.sign_event,
        )
        checked = parse_pdu(event.pdu, rules)
    except (TypeError, ValueError, KeyError):
        checked = InvalidEvent("malformed")
    if isinstance(checked, InvalidEvent):
        raise MatrixError(502, "M_UNKNOWN", "The room's server gives an answer that cannot be used.")
    return checked


def _references(value: object, rules: RoomRules) -> list[Any]:
    listed = value if isinstance(value, list) else []
    if rules.event_id_in_pdu:
        return [(each[0], each[1]) for each in listed if isinstance(each, list) and len(each) == 2]
    return [each for each in listed if isinstance(each, str)]


async def join_remote_room(
    app: App, room_id: str, user_id: str, servers: Sequence[str], content: dict[str, Any]
) -> Event:
    """Bring this server into a room, with one of its users. `join_on_top` must follow. Raises MatrixError."""
    template = await make_membership(app, servers, "join", room_id, user_id)
    event = build_from_template(app, template, room_id, user_id, content)
    row = await app.stores.rooms.load_row(app.db.reader, room_id)
    # Of a room that was here before, nearly all of the state is.
    query = [("omit_members", "true")] if row is None or not row.extremities else []
    answer = await _send(app, template, "v2", "join", room_id, event, SEND_TIMEOUT_MS, query)
    if "join_authorised_via_users_server" in event.content:
        signed = await check_pdu(app, answer.get("event"), template.rules)
        if isinstance(signed, Refused) or signed.event_id != event.event_id:
            raise MatrixError(502, "M_UNKNOWN", "The room's server has not signed the join.")
        event = signed
    state = await check_answer(app, answer.get("state"), template.rules, room_id)
    chain = await check_answer(app, answer.get("auth_chain"), template.rules, room_id)
    create = find_create([*state, *chain])
    if create is None or create.content.get("room_version", "1") != template.rules.version:
        raise MatrixError(502, "M_UNKNOWN", "The room's server does not say how the room began.")
    part = None
    if answer.get("members_omitted") is True:
        named = parse_servers(answer.get("servers_in_room"))
        if named is None or not query:
            raise MatrixError(502, "M_UNKNOWN", "The room's server does not say which servers are in the room.")
        part = Part(template.server, named)
        log.info("a room is joined without most of its members", room_id=room_id, servers=len(named))
    await adopt_room(app, template, create, event, state, chain, part)
    return event


@dataclass(frozen=True, slots=True)
class Part:
    """Of a join that was answered without the members: who has answered, and which servers are said to be in the room."""

    resident: str
    servers: tuple[str, ...]


async def _send(
    app: App,
    template: Template,
    version: str,
    kind: str,
    room_id: str,
    event: Event,
    timeout_ms: int,
    query: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    path = federation_path(version, f"send_{kind}", room_id, event.event_id)
    request = FederationRequest(
        template.server,
        "PUT",
        path,
        query=query,
        content=event.pdu,
        timeout_ms=timeout_ms,
        body_bytes_max=STATE_BYTES_MAX,
        splits_lists=kind == "join",
    )
    try:
        answer = await app.federation.request(request)
    except FederationFailed as failure:
        if failure.is_refusal:
            raise build_refusal(failure) from failure
        raise MatrixError(502, "M_UNREACHABLE", "The room's server does not answer. Try again later.") from failure
    return answer if isinstance(answer, dict) else {}


async def adopt_room(
    app: App,
    template: Template,
    create: Event,
    event: Event,
    state: Sequence[Event],
    chain: Sequence[Event],
    part: Part | None = None,
) -> None:
    """Begin a room here, or begin it anew, with the state that a join returned and the join itself. Raises MatrixError.

    With `part` the state lacks members, which are brought in the background. Of a whole room what it ended with here stays.
    """
    room_id, rules = event.room_id, template.rules
    row = await app.stores.rooms.load_row(app.db.reader, room_id)
    if row is not None:
        room_nid: int | None = row.room_nid
    else:
        # Of an attempt that did not come to its end the events may be here.
        room_nid = await app.stores.events.find_room_of_event(app.db.reader, create.event_id)
    if room_nid is None:
        room_nid = await app.db.write(lambda tx: tx.new_ids(1))
    stored = await store_outliers(app, room_nid, [*chain, *state], rules)
    held = [stored[each.event_id] for each in state if each.event_id in stored]
    auth = [stored[event_id] for event_id in event.auth_event_ids if event_id in stored]
    if part is not None:
        check_part(rules, event, held, auth, stored[create.event_id])
        members = {each.event.key for each in held}
        held += [each for each in auth if each.event.type == "m.room.member" and each.event.key not in members]

    arrival = Arrival(rules, create, event, room_nid, held, auth, await find_gaps(app, event), part)

    is_here, former = await _look_back(app, template.server, arrival, stored)
    is_branch = is_here or bool(former)
    joined, before = await write_to_room(app, room_id, partial(_store_join, app, arrival, is_branch))
    if not is_branch:
        return
    try:
        await join_forks(app, room_id, joined, None if is_here else Return(before, former))
    except Overruled as error:
        raise forbidden("You may not enter this room any more.") from error
    except StateUnknown as error:
        log.warning("a room is entered without what it ended with here", room_id=room_id, cause=str(error))
        await write_to_room(app, room_id, partial(_store_join, app, arrival, False))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Our join, and what came with it."""

    rules: RoomRules
    create: Event
    event: Event
    room_nid: int
    state: Sequence[StoredEvent]
    auth: Sequence[StoredEvent]
    gaps: Sequence[str]
    part: Part | None


async def _look_back(app: App, resident: str, arrival: Arrival, told: Collection[str]) -> tuple[bool, list[str]]:
    """Whether somebody of ours is in the room already; if not, which of its former ends the resident server lacks."""
    head = await app.rooms.find(app.db.reader, arrival.event.room_id, app.db.position)
    if head is None or arrival.part is not None or head.row.partial_state:
        return False, []
    room_nid = head.row.room_nid
    if await app.stores.federation_queue.has_members_of(app.db.reader, room_nid, app.server_name, ["join"]):
        return True, []
    holds = {key: each.event for key, each in choose_state(arrival.state).items()}
    return False, await find_former_ends(app, head, resident, told, holds)


async def _store_join(app: App, arrival: Arrival, is_branch: bool, tx: Transaction) -> tuple[StoredEvent, Roots]:
    """Store the join, and the state before it; unless it `is_branch`, the room stands as they say, and everybody is told."""
    event, part = arrival.event, arrival.part
    draft = await _open_room(app, tx, arrival.rules, arrival.create, arrival.room_nid)
    draft.row.partial_state = part is not None
    before = await build_roots(app, tx, arrival.state)
    joined = await store_unplaced(app, tx, event, draft.row.room_nid, OUTLIER if is_branch else 0)
    await app.stores.events.insert_auth(tx, joined.nid, [each.nid for each in arrival.auth])
    await app.stores.events.insert_backward_extremities(tx, draft.row.room_nid, joined.nid, arrival.gaps)
    after = await update_roots(app, tx, before, {event.key: joined.nid})
    if is_branch:
        # What it leads to together with the others is worked out before anybody is told.
        first, second = await store_snapshots(app, tx, before, after)
        await app.stores.rooms.insert_branch_snapshots(tx, joined.nid, first, second)
        return joined, before
    changes = await load_changes(app, tx, Roots(draft.row.members_root, draft.row.rest_root), after)
    announced = await announce(app, tx, draft, joined, [event.event_id], after, changes, before=before)
    if part is None:
        await app.stores.partial_rooms.complete(tx, draft.row.room_nid, announced.position or 0)
    else:
        room = PartialRoom(draft.row.room_nid, joined.nid, part.resident, part.servers)
        await app.stores.partial_rooms.store(tx, room)
        tx.on_commit(partial(app.partial_rooms.begin, event.room_id))
    return announced, before


async def join_on_top(app: App, tx: Transaction, draft: RoomDraft, event: Event) -> None:
    """The server that has let the user in had not heard how they left, and its join may not stand against that: then one is built on both.

    Raises MatrixError.
    """
    standing = await draft.state(app, tx, event.key)
    if standing is None or standing.event.membership != "leave" or standing.event.sender != event.sender:
        return
    if "join_authorised_via_users_server" in event.content:
        raise MatrixError(502, "M_UNREACHABLE", "The room's server has not heard yet how you left. Try again later.")
    await append(app, tx, draft, Proposal("m.room.member", event.sender, event.content, state_key=event.sender))
    await store_draft(app, tx, draft)


def check_part(
    rules: RoomRules, event: Event, held: Sequence[StoredEvent], auth: Sequence[StoredEvent], create: StoredEvent
) -> None:
    """Whether a part of a state lacks nothing but members, as far as the join shows that: all that it depends on is there, allows it, and holds.

    Raises MatrixError.
    """
    rejected = {each.event.event_id for each in auth if each.flags & REJECTED}
    events = [each.event for each in auth]
    state = {each.key: each for each in events} | {create.event.key: create.event}
    holds = {each.event.event_id for each in held if not each.flags & REJECTED}
    is_wrong = (
        len(events) != len(set(event.auth_event_ids))
        or any(each.type != "m.room.member" and each.event_id not in holds for each in state.values())
        or check_event_auth_events(event, events, rejected, rules, create=create.event) is not None
        or check_event_auth(event, state, rules) is not None
    )
    if is_wrong:
        raise MatrixError(502, "M_UNKNOWN", "The room's server does not give what the join depends on.")


async def _open_room(app: App, tx: Transaction, rules: RoomRules, create: Event, room_nid: int) -> RoomDraft:
    """The draft of the room, made if there is none."""
    row = await app.stores.rooms.load_row(tx, create.room_id)
    if row is not None:
        return await open_draft(app, tx, create.room_id)
    draft = await insert_room(app, tx, rules, create.room_id, create.sender, create.origin_server_ts, room_nid)
    draft.head.has_remote_members = True
    return draft


async def leave_remote_room(
    app: App, room_id: str, user_id: str, servers: Sequence[str], content: dict[str, Any]
) -> Event:
    """Decline an invitation to a room that this server is not in, or take back a knock. Raises MatrixError."""
    template = await make_membership(app, servers, "leave", room_id, user_id)
    event = build_from_template(app, template, room_id, user_id, content)
    await _send(app, template, "v2", "leave", room_id, event, MAKE_TIMEOUT_MS)
    return event


async def knock_on_remote_room(
    app: App, room_id: str, user_id: str, servers: Sequence[str], content: dict[str, Any]
) -> tuple[Event, list[dict[str, Any]]]:
    """Ask to be let into a room that this server is not in; returns the knock and what the room shows of itself. Raises MatrixError."""
    template = await make_membership(app, servers, "knock", room_id, user_id)
    event = build_from_template(app, template, room_id, user_id, content)
    answer = await _send(app, template, "v1", "knock", room_id, event, MAKE_TIMEOUT_MS)
    shown = answer.get("knock_room_state")
    return event, shown if isinstance(shown, list) else []
