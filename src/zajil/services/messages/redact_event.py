"""What a redaction does to the event it names: the content goes, here and now."""

from typing import TYPE_CHECKING

from zajil.core.event_auth import check_redaction
from zajil.core.events import redact_event
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, PowerLevels, build_power_levels
from zajil.ports.database import Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.errors import forbidden, not_found

if TYPE_CHECKING:
    from zajil.services.messages.append_events import RoomDraft


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


async def check_may_redact(app: App, tx: Transaction, draft: "RoomDraft", sender: str, event_id: str) -> None:
    """Raises unless a user of this server may redact the event. The rules leave this to the user's own server, because
    other servers only see that both users are of the same one ("Handling redactions")."""
    found = await app.stores.events.load_by_ids(tx, [event_id])
    target = next((each for each in found if each.room_nid == draft.row.room_nid), None)
    if target is None:
        raise not_found("There is no such event in this room.")
    if target.event.type == "m.room.create":
        raise forbidden("The event that created the room cannot be redacted.")
    levels = await _load_power_levels(app, tx, draft)
    if target.event.sender != sender and (levels is None or not levels.can_redact_others(sender)):
        raise forbidden("You may not redact the events of other users in this room.")


async def _may_redact(
    app: App, tx: Transaction, draft: "RoomDraft", redaction: StoredEvent, target: StoredEvent
) -> bool:
    power_levels = await _load_power_levels(app, tx, draft)
    return power_levels is not None and check_redaction(redaction.event, target.event, power_levels) is None


async def _load_power_levels(app: App, tx: Transaction, draft: "RoomDraft") -> PowerLevels | None:
    create = await draft.state(app, tx, CREATE_KEY)
    if create is None:
        return None
    levels = await draft.state(app, tx, POWER_LEVELS_KEY)
    return build_power_levels(create.event, None if levels is None else levels.event)
