"""Invitations across servers (server-server API, "Inviting to a room")."""

from collections.abc import Sequence
from typing import Any, Final

from zajil.core.events import Event, sign_event
from zajil.core.identifiers import parse_user_id, server_name_of
from zajil.core.policy_server import Policy
from zajil.core.power_levels import CREATE_KEY
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.ports.database import Stream, Transaction
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, invalid_param, not_found
from zajil.services.federation.access_servers import has_joined
from zajil.services.federation.check_pdus import Refused, check_pdu
from zajil.services.federation.enter_remote_room import build_refusal
from zajil.services.federation.fetch_events import federation_path
from zajil.services.federation.place_event import place_event
from zajil.services.federation.room_states import StateUnknown
from zajil.services.federation.server_acl import is_banned_from_room
from zajil.services.federation.store_outliers import store_unplaced
from zajil.services.messages.append_events import Proposal, build_authorised, insert_room, open_draft
from zajil.services.messages.change_state import apply_change
from zajil.services.messages.client_events import build_stripped_state, strip_event
from zajil.services.messages.policy_signatures import find_draft_policy
from zajil.services.messages.send_event import write_to_room
from zajil.services.rooms.check_invite import blocks_invites

INVITE_TIMEOUT_MS: Final = 30_000
STRIPPED_MAX: Final = 50
STRIPPED_BYTES_MAX: Final = 256 * 1024


async def invite_remote_user(app: App, room_id: str, sender: str, user_id: str, content: dict[str, Any]) -> str:
    """Have the invited user's server sign the invitation, then append it; returns its event ID. Raises MatrixError."""
    server_name = server_name_of(user_id) or ""

    async def build(tx: Transaction) -> tuple[Event, list[StoredEvent], list[dict[str, Any]], RoomRules, Policy | None]:
        draft = await open_draft(app, tx, room_id)
        create = await draft.state(app, tx, CREATE_KEY)
        if create is not None and create.event.content.get("m.federate") is False:
            raise forbidden("This room is closed to users of other servers.")
        proposal = Proposal("m.room.member", sender, {**content, "membership": "invite"}, user_id)
        event = await build_authorised(app, tx, draft, proposal)
        auth = await app.stores.events.load_by_ids(tx, list(event.auth_event_ids))
        shown = build_stripped_state({**draft.head.rest, **draft.changed_rest})
        inviter = await draft.state(app, tx, ("m.room.member", sender))
        shown = shown if inviter is None else [*shown, strip_event(inviter)]
        return event, auth, shown, draft.rules, await find_draft_policy(app, tx, draft)

    event, auth, shown, rules, policy = await app.db.write(build)
    if policy is not None:
        event = await app.policy_servers.ask(policy, event)
    request = FederationRequest(
        server_name,
        "PUT",
        federation_path("v2", "invite", room_id, event.event_id),
        content={"event": event.pdu, "room_version": rules.version, "invite_room_state": shown},
        timeout_ms=INVITE_TIMEOUT_MS,
    )
    try:
        answer = await app.federation.request(request)
    except FederationFailed as failure:
        if failure.is_refusal:
            raise build_refusal(failure) from failure
        raise MatrixError(502, "M_UNREACHABLE", f"{server_name} does not answer. Try again later.") from failure
    signed = await check_pdu(app, answer.get("event") if isinstance(answer, dict) else None, rules)
    if isinstance(signed, Refused) or signed.event_id != event.event_id:
        raise MatrixError(502, "M_UNKNOWN", f"{server_name} has not signed the invitation.")
    await app.room_turns.acquire(room_id)
    try:
        order = {each.event.event_id: each for each in auth}
        stored = await place_event(app, room_id, signed, [order[each] for each in signed.auth_event_ids])
    except StateUnknown as error:
        raise MatrixError(503, "M_UNKNOWN", "The room changes too fast. Try again in a moment.") from error
    finally:
        app.room_turns.release(room_id)
    if stored.position is None:
        raise forbidden("You may not invite this user any more.")
    return stored.event.event_id


async def receive_invite(
    app: App, origin: str, room_id: str, event_id: str, version: str, pdu: Any, shown: Any
) -> dict[str, Any]:
    """PUT /_matrix/federation/v2/invite: sign an invitation to one of our users and show it to them; returns the signed PDU.

    Raises M_INCOMPATIBLE_ROOM_VERSION, M_FORBIDDEN, M_INVITE_BLOCKED, M_BAD_JSON, M_INVALID_PARAM.
    """
    rules = ROOM_RULES.get(version)
    if rules is None:
        extra = {"room_version": version}
        raise MatrixError(400, "M_INCOMPATIBLE_ROOM_VERSION", "This server does not know that room version.", extra)
    event = await check_pdu(app, pdu, rules)
    if isinstance(event, Refused):
        raise bad_json(event.reason)
    target = await _check_invitation(app, origin, room_id, event_id, event)
    stripped = _parse_stripped(shown)
    signed = sign_event(event, app.sign_event)
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is not None and head.row.extremities:
        if is_banned_from_room(head, origin):
            raise forbidden("Your server is banned from this room.")
        if await has_joined(app, head, app.server_name):
            return signed.pdu  # the room is here: the invitation comes with its other events
    await show_membership(app, rules, signed, target, stripped)
    return signed.pdu


async def _check_invitation(app: App, origin: str, room_id: str, event_id: str, event: Event) -> str:
    if event.event_id != event_id or event.room_id != room_id:
        raise invalid_param("The event is not that of the path.")
    if event.type != "m.room.member" or event.membership != "invite" or event.state_key is None:
        raise invalid_param("This is no invitation.")
    if server_name_of(event.sender) != origin:
        raise forbidden("The invitation is of another server's user.")
    target = parse_user_id(event.state_key)
    if target is None or target.server_name != app.server_name:
        raise invalid_param("The invited user is none of this server.")
    account = await app.stores.accounts.load_account(app.db.reader, event.state_key)
    if account is None or account.is_deactivated:
        raise not_found("There is no such user here.")
    if await blocks_invites(app, app.db.reader, event.state_key):
        raise MatrixError(403, "M_INVITE_BLOCKED", "This user does not accept invitations.")
    return event.state_key


def _parse_stripped(shown: Any) -> list[dict[str, Any]]:
    """The state that comes with an invitation: only what has the form of stripped state."""
    found = []
    for each in shown[:STRIPPED_MAX] if isinstance(shown, list) else []:
        if not isinstance(each, dict) or not isinstance(each.get("content"), dict):
            continue
        kept = {key: each.get(key) for key in ("type", "state_key", "sender")}
        if all(isinstance(value, str) for value in kept.values()):
            found.append({**kept, "content": each["content"]})
    return found


async def show_membership(
    app: App, rules: RoomRules, event: Event, user_id: str, stripped: Sequence[dict[str, Any]] | None
) -> None:
    """Where a user of ours stands in a room that this server is not in: an invitation, a knock, or the end of either."""

    async def item(tx: Transaction) -> None:
        row = await app.stores.rooms.load_row(tx, event.room_id)
        if row is None:
            nid = await tx.new_ids(1)
            draft = await insert_room(app, tx, rules, event.room_id, event.sender, event.origin_server_ts, nid)
            draft.head.has_remote_members = True
        else:
            draft = await open_draft(app, tx, event.room_id)
        position = await tx.append(Stream.EVENTS, event.room_id)
        stored = await store_unplaced(app, tx, event, draft.row.room_nid)
        await apply_change(app, tx, draft, event.key, stored, position)
        if stripped is not None:
            await app.stores.directory.store_invite_state(tx, draft.row.room_nid, user_id, stripped)

    await write_to_room(app, event.room_id, item)
