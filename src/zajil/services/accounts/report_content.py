"""Reporting users, rooms and events to the operator (client-server API, "Reporting Content")."""

from dataclasses import replace
from typing import Final

from zajil.core.identifiers import is_event_id, is_room_id, parse_user_id
from zajil.ports.database import Transaction
from zajil.ports.stores.reports import Report
from zajil.services.app import App
from zajil.services.errors import invalid_param, limit_exceeded, not_found
from zajil.services.messages.visible_events import filter_visible
from zajil.services.requester import Requester

REASON_CHARACTERS_MAX: Final = 4096
REPORTS_PER_DAY_MAX: Final = 100
DAY_MS: Final = 24 * 3600 * 1000
REPORTS_LISTED_MAX: Final = 1000


async def report_user(app: App, requester: Requester, user_id: str, reason: str) -> None:
    """POST /users/{userId}/report. Raises M_NOT_FOUND for a user that does not exist here."""
    parsed = parse_user_id(user_id)
    if parsed is None:
        raise invalid_param("This is not a user ID.")
    if parsed.server_name == app.server_name:
        account = await app.stores.accounts.load_account(app.db.reader, user_id)
        if account is None:
            raise not_found("There is no such user.")
    elif not await app.stores.rooms.load_memberships_of_user(
        app.db.reader, user_id, ["join", "invite", "leave", "ban"]
    ):
        raise not_found("This server does not know that user.")
    await _store(app, requester, Report(0, requester.user_id, user_id, None, None, reason, 0))


async def report_room(app: App, requester: Requester, room_id: str, reason: str) -> None:
    """POST /rooms/{roomId}/report. One need not be in the room. Raises M_NOT_FOUND for a room this server does not know."""
    if not is_room_id(room_id) or await app.stores.rooms.load_row(app.db.reader, room_id) is None:
        raise not_found("This server does not know that room.")
    await _store(app, requester, Report(0, requester.user_id, None, room_id, None, reason, 0))


async def report_event(app: App, requester: Requester, room_id: str, event_id: str, reason: str) -> None:
    """POST /rooms/{roomId}/report/{eventId}. Raises M_NOT_FOUND unless one is in the room and the event is there."""
    missing = not_found("The event was not found, or you are not in the room.")
    if not is_room_id(room_id) or not is_event_id(event_id):
        raise missing
    reader = app.db.reader
    head = await app.rooms.find(reader, room_id, app.db.position)
    member = None if head is None else await app.rooms.member(reader, head, requester.user_id)
    if head is None or member is None or member.event.membership != "join":
        raise missing
    events = [
        each for each in await app.stores.events.load_by_ids(reader, [event_id]) if each.room_nid == head.row.room_nid
    ]
    if not await filter_visible(app, reader, head, requester.user_id, events):
        raise missing
    await _store(app, requester, Report(0, requester.user_id, None, room_id, event_id, reason, 0))


async def list_reports(app: App, *, after: int = 0, with_resolved: bool = False) -> list[Report]:
    """Reports in order, a page at a time, for the operator."""
    return await app.stores.reports.load(
        app.db.reader, after=after, with_resolved=with_resolved, count_max=REPORTS_LISTED_MAX
    )


async def resolve_report(app: App, report_id: int) -> None:
    """Mark a report as dealt with. Raises M_NOT_FOUND."""

    async def resolve(tx: Transaction) -> None:
        if not await app.stores.reports.resolve(tx, report_id, app.clock.now_ms()):
            raise not_found("There is no open report of that number.")

    await app.db.write(resolve)


async def _store(app: App, requester: Requester, report: Report) -> None:
    if len(report.reason) > REASON_CHARACTERS_MAX:
        raise invalid_param(f"A reason may have {REASON_CHARACTERS_MAX} characters.")
    now_ms = app.clock.now_ms()

    async def store(tx: Transaction) -> None:
        if await app.stores.reports.count_since(tx, requester.user_id, now_ms - DAY_MS) >= REPORTS_PER_DAY_MAX:
            raise limit_exceeded(DAY_MS, "You have reported very much today. Go on tomorrow.")
        await app.stores.reports.store(tx, replace(report, report_id=await tx.new_ids(1), created_ts_ms=now_ms))

    await app.db.write(store)
