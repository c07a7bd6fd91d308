"""Inviting somebody by an address, through an identity server that the operator trusts (client-server API, "Third-party invites").

This server keeps no address. Without a configured identity server such invitations are refused.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from zajil.core.identifiers import is_user_id
from zajil.core.signing import encode_base64_url_safe
from zajil.ports.database import Transaction
from zajil.ports.outbound_http import OutboundFailed, OutboundRequest
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param
from zajil.services.messages.append_events import Proposal, build_authorised, open_draft
from zajil.services.requester import Requester
from zajil.services.rooms.moderate_member import invite_user
from zajil.services.rooms.set_state import set_state

log = structlog.get_logger(__name__)

TIMEOUT_MS: Final = 10_000
ANSWER_BYTES_MAX: Final = 64 * 1024
KEYS_MAX: Final = 20
ADDRESSES_MAX: Final = 20
OFFER: Final = "m.room.third_party_invite"


@dataclass(frozen=True, slots=True)
class Address:
    """Whom somebody invites, and the identity server that may know who that is."""

    medium: str
    address: str
    id_server: str
    id_access_token: str


async def invite_by_address(app: App, requester: Requester, room_id: str, address: Address) -> None:
    """Invite the user whom the identity server knows by this address, or leave an offer in the room for whoever it will turn out to be.

    Raises M_THREEPID_DENIED, M_FORBIDDEN, M_NOT_FOUND, 502 M_UNREACHABLE.
    """
    check_identity_server(app, address.id_server)
    app.invitations.check(requester)
    await _check_may_offer(app, requester, room_id)
    user_id = await _look_up(app, address)
    if user_id is not None:
        await invite_user(app, requester, room_id, user_id, {})
        return
    told = await _ask(
        app,
        address,
        "store-invite",
        {"medium": address.medium, "address": address.address, "room_id": room_id, "sender": requester.user_id},
    )
    token, content = parse_offer(told)
    await set_state(app, requester, room_id, OFFER, token, content)


def check_addresses(app: App, addresses: Sequence[Address]) -> None:
    """Before a room is made for these people. Raises M_THREEPID_DENIED, M_INVALID_PARAM."""
    if len(addresses) > ADDRESSES_MAX:
        raise invalid_param(f"At most {ADDRESSES_MAX} people can be invited by their address at once.")
    for address in addresses:
        check_identity_server(app, address.id_server)


async def invite_addresses(app: App, requester: Requester, room_id: str, addresses: Sequence[Address]) -> None:
    """Invite people into a new room, which is there whether or not their identity server answers."""
    for address in addresses:
        try:
            await invite_by_address(app, requester, room_id, address)
        except MatrixError as error:
            log.info("an invitation by address into a new room has failed", id_server=address.id_server, cause=str(error))


def check_identity_server(app: App, id_server: str) -> None:
    """Raises M_THREEPID_DENIED."""
    if id_server not in app.config.identity_servers:
        message = (
            "Invite users by their Matrix ID: this server does not ask that identity server about e-mail addresses."
        )
        raise MatrixError(403, "M_THREEPID_DENIED", message)


async def _check_may_offer(app: App, requester: Requester, room_id: str) -> None:
    """Nobody is written an e-mail in the name of who may not invite."""

    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, room_id)
        await build_authorised(app, tx, draft, Proposal(OFFER, requester.user_id, {}, "any"))

    await app.db.write(item)


async def _look_up(app: App, address: Address) -> str | None:
    """The user with this address, if the identity server knows one."""
    details = await _ask(app, address, "hash_details", None)
    pepper, algorithms = details.get("lookup_pepper"), details.get("algorithms")
    if not isinstance(pepper, str) or not isinstance(algorithms, list) or "sha256" not in algorithms:
        raise _unreachable(address)
    hashed = hash_address(address, pepper)
    told = await _ask(app, address, "lookup", {"addresses": [hashed], "algorithm": "sha256", "pepper": pepper})
    mappings = told.get("mappings")
    user_id = mappings.get(hashed) if isinstance(mappings, dict) else None
    return user_id if isinstance(user_id, str) and is_user_id(user_id) else None


def hash_address(address: Address, pepper: str) -> str:
    """What is told of an address (identity service API, "Security considerations")."""
    folded = address.address.casefold() if address.medium == "email" else address.address
    return encode_base64_url_safe(hashlib.sha256(f"{folded} {address.medium} {pepper}".encode()).digest())


def parse_offer(told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The token and the content of the offer. Raises 502 M_UNKNOWN for an answer that makes none."""
    listed = told.get("public_keys")
    keys = [
        {name: each[name] for name in ("public_key", "key_validity_url") if isinstance(each.get(name), str)}
        for each in (listed[:KEYS_MAX] if isinstance(listed, list) else [])
        if isinstance(each, dict) and isinstance(each.get("public_key"), str)
    ]
    token, name = told.get("token"), told.get("display_name")
    if not isinstance(token, str) or not token or not keys:
        raise MatrixError(502, "M_UNKNOWN", "The identity server gives an answer that makes no sense.")
    content = {
        "display_name": name if isinstance(name, str) else "",
        "public_key": keys[0]["public_key"],
        "key_validity_url": keys[0].get("key_validity_url", ""),
        "public_keys": keys,
    }
    return token, content


async def _ask(app: App, address: Address, what: str, content: dict[str, Any] | None) -> dict[str, Any]:
    request = OutboundRequest(
        f"https://{address.id_server}/_matrix/identity/v2/{what}",
        method="GET" if content is None else "POST",
        headers={"Authorization": f"Bearer {address.id_access_token}", "Content-Type": "application/json"},
        body=b"" if content is None else orjson.dumps(content),
        timeout_ms=TIMEOUT_MS,
        body_bytes_max=ANSWER_BYTES_MAX,
    )
    try:
        answer = await app.outbound.fetch(request)
        told = orjson.loads(answer.body)
    except (OutboundFailed, orjson.JSONDecodeError) as error:
        raise _unreachable(address) from error
    if answer.status in (401, 403):
        raise MatrixError(403, "M_FORBIDDEN", f"{address.id_server} does not let you ask. Accept its terms first.")
    if answer.status != 200 or not isinstance(told, dict):
        raise _unreachable(address)
    return told


def _unreachable(address: Address) -> MatrixError:
    return MatrixError(502, "M_UNREACHABLE", f"{address.id_server} does not answer. Try again later.")
