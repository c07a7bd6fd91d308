"""Helping users of other servers into rooms and out of them: make_join, send_join and their like (server-server API, "Joining Rooms")."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.auth_rules_member import AUTHORISED_VIA
from zajil.core.events import Event, sign_event
from zajil.core.identifiers import server_name_of
from zajil.ports.database import Transaction
from zajil.ports.stores.events import REJECTED, SOFT_FAILED, StoredEvent
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, invalid_param, not_found
from zajil.services.federation.access_servers import has_joined
from zajil.services.federation.check_pdus import Refused, check_pdu
from zajil.services.federation.receive_events import NotPlaced, OriginUnreachable, receive_events
from zajil.services.federation.room_states import load_room_events, load_roots_before, load_with_auth_chain, read_keys
from zajil.services.federation.server_acl import is_banned_from_room
from zajil.services.messages.append_events import Proposal, build_authorised, open_draft
from zajil.services.messages.client_events import build_stripped_state
from zajil.services.rooms.authorise_restricted_join import find_authoriser
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.rooms.room_summary import load_named_members

MEMBERS_TOLD_MAX: Final = 100
"""Who joins a room with fewer gets them all, even if they are not asked for: they would be fetched one by one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The room as it was when the member event took its place."""

    event: StoredEvent
    state: Sequence[StoredEvent]
    auth_chain: Sequence[StoredEvent]
    servers: Sequence[str]
    """Those in the room before it."""
    members_omitted: bool = False


async def find_shared_room(app: App, origin: str, room_id: str) -> RoomHead:
    """A room that this server is in and that the other one may take part in. Raises M_NOT_FOUND, M_FORBIDDEN."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or not head.row.extremities or not await has_joined(app, head, app.server_name):
        raise not_found("This server is not in that room.")
    if head.row.partial_state:
        raise not_found("This server does not know the members of that room yet.")
    if is_banned_from_room(head, origin):
        raise forbidden("Your server is banned from this room.")
    return head


async def make_membership(
    app: App, origin: str, room_id: str, user_id: str, membership: str, versions: Sequence[str]
) -> dict[str, Any]:
    """The member event that the other server is to fill in and sign. Raises MatrixError as the room's rules have it."""
    if server_name_of(user_id) != origin:
        raise forbidden("A server can only ask for its own users.")
    head = await find_shared_room(app, origin, room_id)
    if membership != "leave" and head.row.room_version not in versions:
        raise MatrixError(
            400,
            "M_INCOMPATIBLE_ROOM_VERSION",
            "Your server does not know the version of this room.",
            {"room_version": head.row.room_version},
        )

    async def item(tx: Transaction) -> Event:
        draft = await open_draft(app, tx, room_id)
        content: dict[str, Any] = {"membership": membership}
        if membership == "join" and await draft.membership(app, tx, user_id) not in ("join", "invite"):
            authoriser = await find_authoriser(app, tx, draft, user_id)
            if authoriser is not None:
                content[AUTHORISED_VIA] = authoriser
        return await build_authorised(app, tx, draft, Proposal("m.room.member", user_id, content, user_id))

    event = await app.db.write(item)
    template = {key: value for key, value in event.pdu.items() if key not in ("hashes", "signatures", "event_id")}
    template["origin"] = app.server_name
    return {"room_version": head.row.room_version, "event": template}


async def take_membership(
    app: App, origin: str, room_id: str, event_id: str, pdu: dict[str, Any], membership: str
) -> StoredEvent:
    """Place the signed member event. Raises MatrixError if it is not what it should be, or is not allowed."""
    head = await find_shared_room(app, origin, room_id)
    event = await check_pdu(app, await _cosign(app, head, pdu), head.rules)
    if isinstance(event, Refused):
        raise bad_json(event.reason)
    if event.event_id != event_id:
        raise invalid_param("The event is not that of the path.")
    if event.type != "m.room.member" or event.membership != membership or event.state_key != event.sender:
        raise invalid_param(f"This is no event in which a user sets their own membership to {membership}.")
    if event.room_id != room_id or server_name_of(event.sender) != origin:
        raise invalid_param("The event is of another room or of another server's user.")
    try:
        await receive_events(app, origin, room_id, [event])
    except OriginUnreachable as error:
        raise MatrixError(
            503, "M_UNKNOWN", "Your server does not answer when it is asked for missing events."
        ) from error
    stored = (await load_room_events(app, app.db.reader, head.row.room_nid, [event_id])).get(event_id)
    if stored is None or stored.flags & (REJECTED | SOFT_FAILED) or stored.position is None:
        raise forbidden(f"You may not {membership} in this room.")

    async def pass_on(tx: Transaction) -> None:
        await app.stores.federation_queue.insert_outbox(tx, stored.position or 0, stored.nid)
        tx.on_commit(app.destinations.wake_outbox)

    await app.db.write(pass_on)
    return stored


async def _cosign(app: App, head: RoomHead, pdu: dict[str, Any]) -> dict[str, Any]:
    """On a restricted join that names one of our users as its authoriser, our signature, if what it claims is true."""
    content = pdu.get("content")
    authoriser = content.get(AUTHORISED_VIA) if isinstance(content, dict) else None
    if not isinstance(authoriser, str) or server_name_of(authoriser) != app.server_name:
        return pdu
    user_id = pdu.get("state_key")
    if not isinstance(user_id, str) or not head.rules.restricted_joins:
        return pdu

    async def item(tx: Transaction) -> str | None:
        return await find_authoriser(app, tx, await open_draft(app, tx, head.room_id), user_id)

    if await app.db.write(item) is None:
        return pdu
    try:
        event = Event(head.rules, "", pdu={key: value for key, value in pdu.items() if key != "unsigned"})
        return sign_event(event, app.sign_event).pdu
    except (TypeError, ValueError, AttributeError):
        raise bad_json("The event is malformed.") from None


async def describe_entry(app: App, joined: StoredEvent, *, may_omit: bool) -> Entry:
    """What somebody gets who has joined: the state before that, its auth chain, and who else is in the room.

    With `may_omit` a large room's members are left out, but for those by whom a room without a name is called.
    """
    reader = app.db.reader
    head = await app.rooms.find(reader, joined.event.room_id, app.db.position)
    roots = await load_roots_before(app, reader, joined)
    if roots is None or head is None:
        raise NotPlaced("the state before the event is gone")
    servers = await app.stores.federation_queue.load_joined_servers(reader, head.row.room_nid)
    if servers.get(server_name_of(joined.event.sender) or "") == 1:
        del servers[server_name_of(joined.event.sender) or ""]
    omits = may_omit and head.row.joined_count > MEMBERS_TOLD_MAX
    if omits:
        named = [("m.room.member", user_id) for user_id in sorted(await load_named_members(app, reader, head))]
        members = await read_keys(app, reader, roots, named)
    else:
        members = await app.rooms.read_state(reader, roots.members)
    nids = sorted([*members.values(), *(await app.rooms.read_state(reader, roots.rest)).values()])
    state, chain = await load_with_auth_chain(app, nids, sorted([*nids, joined.nid]))
    held = set(nids)
    return Entry(joined, state, [each for each in chain if each.nid not in held], sorted(servers), omits)


def render_join(app: App, entry: Entry) -> bytes:
    """The body of an answer to send_join v2: bytes of events are put in as they are stored."""
    return orjson.dumps(
        {
            "origin": app.server_name,
            "event": orjson.Fragment(entry.event.event.json),
            "members_omitted": entry.members_omitted,
            "servers_in_room": entry.servers,
            "state": [orjson.Fragment(each.event.json) for each in entry.state],
            "auth_chain": [orjson.Fragment(each.event.json) for each in entry.auth_chain],
        }
    )


async def show_room(app: App, room_id: str) -> list[dict[str, Any]]:
    """What a room shows to who knocks on it."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    return [] if head is None else build_stripped_state(head.rest)
