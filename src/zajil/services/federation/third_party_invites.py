"""Invitations to people of whom only an address is known: what becomes of them when an identity server has found out who that is (server-server API,
"Third-party invites").

The room holds the offer (`m.room.third_party_invite`) with a token and the keys of the identity server. Whoever proves with its signature that the
address is theirs gets an invitation in the name of who made the offer.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson
import structlog

from zajil.core.auth_rules_member import find_signing_keys
from zajil.core.identifiers import is_room_id, parse_user_id, server_name_of
from zajil.ports.database import Transaction
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.outbound_http import OutboundFailed, OutboundRequest
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, invalid_param, not_found
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.fetch_events import federation_path
from zajil.services.federation.invite_remote_user import invite_remote_user
from zajil.services.federation.locate_room import is_server_in_room
from zajil.services.federation.serve_membership import find_shared_room
from zajil.services.messages.append_events import Proposal, append, open_draft, store_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.rooms.build_member_content import build_member_content
from zajil.services.rooms.check_invite import check_invite

log = structlog.get_logger(__name__)

INVITES_MAX: Final = 20
"""In one notice of an identity server."""
KEYS_ASKED_MAX: Final = 3
EXCHANGE_TIMEOUT_MS: Final = 30_000
VALIDITY_TIMEOUT_MS: Final = 10_000
VALIDITY_BYTES_MAX: Final = 16 * 1024
OFFER: Final = "m.room.third_party_invite"


@dataclass(frozen=True, slots=True)
class Proof:
    """Who has made an offer in a room, to whom it turned out to be, and what the identity server has signed of that."""

    room_id: str
    sender: str
    user_id: str
    signed: dict[str, Any]

    @property
    def token(self) -> str:
        return str(self.signed["token"])


def parse_proof(room_id: object, sender: object, user_id: object, signed: object) -> Proof:
    """Raises M_BAD_JSON."""
    kept = {key: signed.get(key) for key in ("mxid", "token", "signatures")} if isinstance(signed, dict) else {}
    if not isinstance(kept.get("token"), str) or not isinstance(kept.get("signatures"), dict):
        raise bad_json("`signed` must have an mxid, a token and signatures.")
    if not isinstance(room_id, str) or not is_room_id(room_id):
        raise bad_json("room_id must be a room ID.")
    if not isinstance(sender, str) or parse_user_id(sender) is None:
        raise bad_json("sender must be a user ID.")
    if not isinstance(user_id, str) or parse_user_id(user_id) is None or kept["mxid"] != user_id:
        raise bad_json("The signed mxid must be the invited user's.")
    return Proof(room_id, sender, user_id, kept)


async def receive_binding(app: App, content: dict[str, Any]) -> None:
    """POST or PUT /3pid/onbind: an address is now a user's of ours, and these invitations waited for it. One that fails keeps no other one back.

    Raises M_BAD_JSON, M_INVALID_PARAM, M_NOT_FOUND.
    """
    user_id, invites = content.get("mxid"), content.get("invites", [])
    if not isinstance(user_id, str) or not isinstance(invites, list) or len(invites) > INVITES_MAX:
        raise bad_json(f"mxid must be a user ID and invites an array of at most {INVITES_MAX}.")
    if server_name_of(user_id) != app.server_name:
        raise invalid_param("This is no user of this server.")
    account = await app.stores.accounts.load_account(app.db.reader, user_id)
    if account is None or account.is_deactivated:
        raise not_found("There is no such user here.")
    for invite in invites:
        try:
            told = invite if isinstance(invite, dict) else {}
            await _redeem(app, parse_proof(told.get("room_id"), told.get("sender"), user_id, told.get("signed")))
        except MatrixError as error:
            log.info("an invitation by a third party comes to nothing", user_id=user_id, cause=str(error))


async def _redeem(app: App, proof: Proof) -> None:
    """Have the offer become an invitation: here if this server is in the room, else by the server of who made it."""
    if await is_server_in_room(app, proof.room_id):
        await issue_invite(app, proof)
        return
    server_name = server_name_of(proof.sender) or ""
    if server_name == app.server_name or not is_server_allowed(app, server_name):
        raise forbidden("This server does not talk with that of who invites.")
    invite = {"display_name": parse_localpart(proof.user_id), "signed": proof.signed}
    body = {
        "type": "m.room.member",
        "room_id": proof.room_id,
        "sender": proof.sender,
        "state_key": proof.user_id,
        "content": {"membership": "invite", "third_party_invite": invite},
    }
    path = federation_path("v1", "exchange_third_party_invite", proof.room_id)
    request = FederationRequest(server_name, "PUT", path, content=body, timeout_ms=EXCHANGE_TIMEOUT_MS)
    try:
        await app.federation.request(request)
    except FederationFailed as failure:
        raise MatrixError(502, "M_UNREACHABLE", str(failure)) from failure


def parse_localpart(user_id: str) -> str:
    """What stands for the user where nobody has named them: the room's own offer does, once it is looked at."""
    parsed = parse_user_id(user_id)
    return "" if parsed is None else parsed.localpart


async def serve_exchange(app: App, origin: str, room_id: str, content: dict[str, Any]) -> None:
    """PUT /exchange_third_party_invite: one of our users made the offer, and it turned out to be to a user of `origin`.

    Raises M_BAD_JSON, M_INVALID_PARAM, M_FORBIDDEN, M_NOT_FOUND.
    """
    member = content.get("content")
    invite = member.get("third_party_invite") if isinstance(member, dict) else None
    if not isinstance(member, dict) or member.get("membership") != "invite" or not isinstance(invite, dict):
        raise bad_json("This is no invitation by a third party.")
    if content.get("type") != "m.room.member" or content.get("room_id") != room_id:
        raise invalid_param("The event is not that of the path.")
    proof = parse_proof(room_id, content.get("sender"), content.get("state_key"), invite.get("signed"))
    if server_name_of(proof.user_id) != origin:
        raise forbidden("A server can only ask for its own users.")
    if server_name_of(proof.sender) != app.server_name:
        raise forbidden("The offer was not made by a user of this server.")
    await find_shared_room(app, origin, room_id)
    await issue_invite(app, proof)


async def issue_invite(app: App, proof: Proof) -> None:
    """Invite the user into a room that this server is in, in the name of who made the offer. Raises MatrixError."""
    head = await app.rooms.find(app.db.reader, proof.room_id, app.db.position)
    offer = None if head is None else head.rest.get((OFFER, proof.token))
    if head is None or offer is None:
        raise forbidden("The room has no such offer (any more).")
    keys = find_signing_keys(offer.event.content, proof.signed, strict=head.rules.strict_canonical_json)
    if not await _is_any_valid(app, keys):
        raise forbidden("The identity server's key does not vouch for this (any more).")
    standing = await app.rooms.member(app.db.reader, head, proof.user_id)
    if standing is not None and standing.event.membership == "join":
        return
    await check_invite(app, app.db.reader, proof.user_id)
    name = offer.event.content.get("display_name")
    content = {"third_party_invite": {"display_name": name if isinstance(name, str) else "", "signed": proof.signed}}
    if server_name_of(proof.user_id) != app.server_name:
        await invite_remote_user(app, proof.room_id, proof.sender, proof.user_id, content)
        return

    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, proof.room_id)
        if await draft.membership(app, tx, proof.user_id) == "join":
            return
        member = await build_member_content(app, tx, proof.user_id, "invite", content)
        await append(app, tx, draft, Proposal("m.room.member", proof.sender, member, proof.user_id))
        await store_draft(app, tx, draft)

    await write_to_room(app, proof.room_id, item)


async def _is_any_valid(app: App, keys: list[tuple[str, str | None]]) -> bool:
    """Whether one of the keys is still valid by what its identity server says; the room's other servers may not ask (client-server API, "Third-party
    invites")."""
    for key, url in keys[:KEYS_ASKED_MAX]:
        if url is None:
            return True
        asked = f"{url}{'&' if '?' in url else '?'}public_key={quote(key, safe='')}"
        request = OutboundRequest(asked, timeout_ms=VALIDITY_TIMEOUT_MS, body_bytes_max=VALIDITY_BYTES_MAX)
        try:
            answer = await app.outbound.fetch(request)
            told = orjson.loads(answer.body) if answer.status == 200 else None
        except (OutboundFailed, orjson.JSONDecodeError):
            continue
        if isinstance(told, dict) and told.get("valid") is True:
            return True
    return False
