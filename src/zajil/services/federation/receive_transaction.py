"""PUT /_matrix/federation/v1/send: events and ephemeral news of another server (server-server API, "Transactions")."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json
from zajil.services.federation.check_pdus import Refused, check_pdus
from zajil.services.federation.receive_edus import receive_edus
from zajil.services.federation.receive_events import OriginUnreachable, receive_events
from zajil.services.federation.server_acl import is_banned_from_room

PDUS_MAX: Final = 50
EDUS_MAX: Final = 100
RETRY_MS: Final = 5_000


async def receive_transaction(app: App, origin: str, txn_id: str, content: dict[str, Any]) -> dict[str, Any]:
    """Take in a transaction; returns what went wrong with each PDU. The same transaction again is no harm: every event is placed once."""
    pdus, edus = content.get("pdus", []), content.get("edus", [])
    if not isinstance(pdus, list) or not isinstance(edus, list):
        raise bad_json("pdus and edus must be arrays.")
    if len(pdus) > PDUS_MAX or len(edus) > EDUS_MAX:
        raise bad_json(f"A transaction has at most {PDUS_MAX} PDUs and {EDUS_MAX} EDUs.")
    app.measurements.federation.transactions["received"] += 1
    app.origin_budgets.count_events(origin, len(pdus))
    results: dict[str, dict[str, str]] = {}
    by_room: dict[str, list[Any]] = {}
    for pdu in pdus:
        room_id = pdu.get("room_id") if isinstance(pdu, dict) else None
        by_room.setdefault(room_id if isinstance(room_id, str) else "", []).append(pdu)
    outcomes = await asyncio.gather(
        *(_receive_room(app, origin, room_id, of_room) for room_id, of_room in sorted(by_room.items())),
        return_exceptions=True,
    )
    await receive_edus(app, origin, edus)
    for outcome in outcomes:
        if isinstance(outcome, OriginUnreachable):
            # Answered with success, the transaction would not be sent again, and the event would be lost.
            message = "Your server does not answer when it is asked for missing events. Send this again later."
            raise MatrixError(503, "M_UNKNOWN", message, {"retry_after_ms": RETRY_MS})
        if isinstance(outcome, BaseException):
            raise outcome
        results |= outcome
    return {"pdus": results}


async def _receive_room(app: App, origin: str, room_id: str, pdus: Sequence[Any]) -> dict[str, dict[str, str]]:
    """The PDUs of one room, in their order."""
    head = None if not room_id else await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or not head.row.extremities:
        return {}  # we are not in it; there is no event ID to complain about without the room's version
    if is_banned_from_room(head, origin):
        return {
            each.event_id: {"error": "Your server is banned from this room."}
            for each in await check_pdus(app, pdus, head.rules)
            if each.event_id is not None
        }
    checked = await check_pdus(app, pdus, head.rules)
    app.measurements.federation.pdus["refused"] += sum(isinstance(each, Refused) for each in checked)
    results = {
        each.event_id: {"error": each.reason}
        for each in checked
        if isinstance(each, Refused) and each.event_id is not None
    }
    events: list[Event] = []
    for each in checked:
        if isinstance(each, Event) and each.room_id == room_id:
            if is_banned_from_room(head, server_name_of(each.sender) or ""):
                results[each.event_id] = {"error": "The sender's server is banned from this room."}
            else:
                events.append(each)
    placed_now = await app.slowed_senders.hold(origin, head, events)
    failures = await receive_events(app, origin, room_id, placed_now)
    results |= {event.event_id: {} for event in events if event.event_id not in failures}
    return results | {event_id: {"error": text} for event_id, text in failures.items()}
