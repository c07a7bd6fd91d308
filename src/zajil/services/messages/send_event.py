"""Sending a message or a redaction."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from zajil.core.events import Event
from zajil.ports.database import Conflict, Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param, missing_param
from zajil.services.messages.append_events import HeadMoved, Proposal, append, open_draft, store_draft
from zajil.services.messages.check_relation import check_may_relate
from zajil.services.messages.policy_signatures import ASKED_ABOUT, SignatureWanted
from zajil.services.requester import Requester

T = TypeVar("T")

REDACTION = "m.room.redaction"
HEAD_MOVED_RETRIES_MAX = 5
TXN_ID_CHARACTERS_MAX = 255
SIGNATURES_MAX: Final = 20
"""Of a policy server, for one item: some append several events."""
POLICY_TURN_S: Final = 20.0
"""How long an event may wait for those before it in a room with a policy server."""


async def send_message_event(
    app: App,
    requester: Requester,
    room_id: str,
    event_type: str,
    txn_id: str,
    content: dict[str, Any],
    ts: int | None = None,
) -> str:
    """Append a message event; returns its event ID. The same transaction ID of the same device gets the same event."""
    if len(txn_id) > TXN_ID_CHARACTERS_MAX:
        raise invalid_param("The transaction ID is too long.")
    if event_type == REDACTION and not isinstance(content.get("redacts"), str):
        raise missing_param("A redaction says in `redacts` which event it is about.")
    scope = f"send {room_id} {event_type}"
    proposal = Proposal(
        type=event_type,
        sender=requester.user_id,
        content=content,
        redacts=content["redacts"] if event_type == REDACTION else None,
        origin_server_ts=ts,
        device_id=requester.device_id,
        txn_id=txn_id,
    )
    return await send_once(app, requester, room_id, scope, txn_id, proposal)


async def send_redaction(
    app: App, requester: Requester, room_id: str, event_id: str, txn_id: str, reason: str | None
) -> str:
    """PUT /rooms/{roomId}/redact: append a redaction of `event_id`; returns the redaction's ID."""
    if len(txn_id) > TXN_ID_CHARACTERS_MAX:
        raise invalid_param("The transaction ID is too long.")
    if requester.is_suspended:
        await _check_own_event(app, requester, event_id)
    proposal = Proposal(
        type=REDACTION,
        sender=requester.user_id,
        content={} if reason is None else {"reason": reason},
        redacts=event_id,
        device_id=requester.device_id,
        txn_id=txn_id,
    )
    return await send_once(app, requester, room_id, f"redact {room_id} {event_id}", txn_id, proposal)


async def _check_own_event(app: App, requester: Requester, event_id: str) -> None:
    """Suspended users may redact what they sent themselves (client-server API, "Account suspension")."""
    for stored in await app.stores.events.load_by_ids(app.db.reader, [event_id]):
        if stored.event.sender != requester.user_id:
            raise MatrixError(
                403, "M_USER_SUSPENDED", "This account is suspended and can only redact its own messages."
            )


async def send_once(app: App, requester: Requester, room_id: str, scope: str, txn_id: str, proposal: Proposal) -> str:
    """Append `proposal` unless this device has used the transaction ID in this scope before; returns the event ID."""

    async def item(tx: Transaction) -> str:
        now_ms = app.clock.now_ms()
        known = await app.stores.events.load_transaction(
            tx, requester.user_id, requester.device_id, scope, txn_id, now_ms
        )
        if known is not None:
            return known
        draft = await open_draft(app, tx, room_id)
        if "m.relates_to" in proposal.content:
            await check_may_relate(app, tx, draft, proposal)
        stored = await append(app, tx, draft, proposal)
        event_id = stored.event.event_id
        await store_draft(app, tx, draft)
        await app.stores.events.insert_transaction(
            tx, requester.user_id, requester.device_id, scope, txn_id, event_id, now_ms
        )
        return event_id

    return await write_to_room(app, room_id, item)


async def write_to_room(app: App, room_id: str, item: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run an item that changes a room, again when another process was faster, or with the signatures of the room's policy server."""
    try:
        return await _write(app, room_id, item)
    except SignatureWanted as wanted:
        return await _write_signed(app, room_id, item, wanted.event.room_id)


async def _write_signed(app: App, room_id: str, item: Callable[[Transaction], Awaitable[T]], policed: str) -> T:
    """Run an item that appends to a room with a policy server. Meanwhile nothing else may come in there, or what was signed would have lost its place."""
    asked_about: list[Event] = []

    async def with_signed(tx: Transaction) -> T:
        tx.scratch[ASKED_ABOUT] = asked_about
        try:
            return await item(tx)
        finally:
            del tx.scratch[ASKED_ABOUT]

    try:
        async with asyncio.timeout(POLICY_TURN_S):
            await app.room_turns.acquire(policed)
    except TimeoutError:
        raise _too_busy() from None
    try:
        for _ in range(SIGNATURES_MAX):
            try:
                return await _write(app, room_id, with_signed)
            except SignatureWanted as wanted:
                asked_about.append(await _ask_policy_server(app, wanted))
    finally:
        app.room_turns.release(policed)
    raise _too_busy()


async def _ask_policy_server(app: App, wanted: SignatureWanted) -> Event:
    event = wanted.event
    try:
        return await app.policy_servers.ask(wanted.policy, event)
    except MatrixError:
        if event.membership == "leave" and event.sender == event.state_key:
            return event
        raise


async def _write(app: App, room_id: str, item: Callable[[Transaction], Awaitable[T]]) -> T:
    for _ in range(HEAD_MOVED_RETRIES_MAX):
        try:
            return await app.db.write(item, rooms=(room_id,))
        except (HeadMoved, Conflict):
            continue
    raise _too_busy()


def _too_busy() -> MatrixError:
    return MatrixError(503, "M_UNKNOWN", "This room is very busy. Try again in a moment.", {"retry_after_ms": 500})
