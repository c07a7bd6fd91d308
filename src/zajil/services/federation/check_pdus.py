"""PDUs as they come from other servers: their form, their signatures, their hashes (server-server API, "Checks performed on receipt", 1 to 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.auth_rules_member import AUTHORISED_VIA
from zajil.core.events import Event, InvalidEvent, parse_pdu, redact_event
from zajil.core.identifiers import server_name_of
from zajil.core.room_rules import RoomRules
from zajil.core.server_keys import can_sign
from zajil.core.signing import build_signed_bytes, find_signatures, verify_content_hash, verify_signature
from zajil.services.app import App
from zajil.services.federation.inbound_turns import SLICE_EVENTS_MAX

SIGNATURES_TRIED_MAX: Final = 5
"""Of one server on one event."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A PDU that is none, or that nobody has signed. It is dropped."""

    event_id: str | None
    reason: str


async def check_pdus(app: App, pdus: Sequence[Any], rules: RoomRules) -> list[Event | Refused]:
    """Judge PDUs of one room version, in their order. An event whose hash is wrong comes back redacted."""
    checked: list[Event | Refused] = []
    while len(checked) < len(pdus):
        await app.inbound_turns.wait()
        began_s = app.clock.monotonic_s()
        for pdu in pdus[len(checked) : len(checked) + SLICE_EVENTS_MAX]:
            checked.append(await check_pdu(app, pdu, rules))
            if app.inbound_turns.is_over(began_s):
                break
    return checked


async def check_pdu(app: App, pdu: Any, rules: RoomRules) -> Event | Refused:
    """One PDU, or its bytes."""
    if isinstance(pdu, bytes):
        try:
            pdu = orjson.loads(pdu)
        except orjson.JSONDecodeError:
            return Refused(None, "A PDU must be JSON.")
    if not isinstance(pdu, dict):
        return Refused(None, "A PDU must be an object.")
    # 1. Is a valid event.
    event = parse_pdu(pdu, rules)
    if isinstance(event, InvalidEvent):
        return Refused(None, event.reason)
    if _has_nul(event):
        return Refused(event.event_id, "The event's type or state key contains a NUL.")
    # 2. Passes signature checks.
    for server_name in find_signers(event):
        if not await is_signed_by(app, event, server_name):
            return Refused(event.event_id, f"The event is not signed by {server_name}.")
    # 3. Passes hash checks; otherwise it is redacted before being processed further.
    return event if verify_content_hash(event.pdu, rules) else redact_event(event)


def _has_nul(event: Event) -> bool:
    """No text column holds one."""
    return "\0" in event.type or "\0" in (event.state_key or "") or "\0" in event.sender


def find_signers(event: Event) -> list[str]:
    """The servers that must have signed an event ("Validating hashes and signatures on received events")."""
    signers = []
    sender_server = server_name_of(event.sender) or ""
    is_third_party_invite = event.membership == "invite" and "third_party_invite" in event.content
    if not is_third_party_invite:
        signers.append(sender_server)
    if event.rules.event_id_in_pdu:
        signers.append(server_name_of(event.event_id) or "")
    if event.rules.restricted_joins and event.membership == "join":
        authoriser = event.content.get(AUTHORISED_VIA)
        if isinstance(authoriser, str):
            signers.append(server_name_of(authoriser) or "")
    return list(dict.fromkeys(signers))


async def is_signed_by(app: App, event: Event, server_name: str) -> bool:
    """Whether one of the server's keys that were good at the event's time has signed it."""
    signatures = find_signatures(event.pdu, server_name)
    if not signatures:
        return False
    message = build_signed_bytes(event.pdu, event.rules)
    enforces = event.rules.enforce_key_validity
    for key_id, signature in list(signatures.items())[:SIGNATURES_TRIED_MAX]:
        valid_at_ms = event.origin_server_ts if enforces else None
        key = await app.server_keys.find(server_name, key_id, valid_at_ms=valid_at_ms)
        if key is None or not can_sign(key, event.origin_server_ts, enforces_validity=enforces):
            continue
        if verify_signature(message, signature, key.public_key):
            return True
    return False
