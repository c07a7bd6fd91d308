"""What a redaction does to the event it names: the content goes, here and now."""

from typing import TYPE_CHECKING

from zajil.core.event_auth import check_redaction
from zajil.core.events import redact_event
from zajil.core.power_levels import build_power_levels
from zajil.ports.database import Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App

if TYPE_CHECKING:
    from zajil.services.append_events import RoomDraft


async def apply_redaction(app: App, tx: Transaction, draft: "RoomDraft", redaction: StoredEvent) -> None:
    """Strip the event that `redaction` names, if its sender may (room version 3 and later: "Handling redactions")."""
    event = redaction.event
    found = await app.stores.events.load_by_ids(tx, [event.redacts or ""])
    target = next((each for each in found if each.room_nid == draft.row.room_nid), None)
    if target is None or target.redacted_by is not None or target.event.type == "m.room.create":
        return
    if not await _may_redact(app, tx, draft, redaction, target):
        return
    stripped = redact_event(target.event)
    await app.stores.events.redact(tx, target.nid, stripped.json, event.event_id)
    await app.stores.events.delete_relation(tx, target.nid)
    draft.replaced.append(target.with_changes(event=stripped, redacted_by=event.event_id))


async def _may_redact(
    app: App, tx: Transaction, draft: "RoomDraft", redaction: StoredEvent, target: StoredEvent
) -> bool:
    create = await draft.state(app, tx, ("m.room.create", ""))
    if create is None:
        return False
    levels = await draft.state(app, tx, ("m.room.power_levels", ""))
    power_levels = build_power_levels(create.event, None if levels is None else levels.event)
    return check_redaction(redaction.event, target.event, power_levels) is None
