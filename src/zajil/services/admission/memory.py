"""What is known of who writes where must survive the process: else everybody is a stranger after it, the people in conversations too.

A worker that is replaced leaves what it knows to its successor. One that starts after a crash finds the latest messages in the database.
"""

from typing import Any, Final

import orjson
import structlog

from zajil.core.admission_rank import OTHER_WROTE_S_MAX, Ranks
from zajil.ports.database import StorageUnavailable
from zajil.ports.stores.events import Written
from zajil.services.app import App

FORMAT: Final = 1
PAGE: Final = 1000
MESSAGES_MAX: Final = 10_000
"""Of the latest so many are looked at, whatever the size of the database."""

log = structlog.get_logger(__name__)


def leave_memory(app: App) -> bytes:
    """For a successor on this machine. Its times are those of the machine's monotonic clock."""
    left = {
        "format": FORMAT,
        "ranks": app.ranks.leave(),
        "promises": app.admission.leave_promises(),
        "new_rooms": app.new_rooms.leave(),
        "slowed_senders": app.slowed_senders.new_rooms.leave(),
        "invitations": app.invitations.leave(),
        "sessions": app.sessions.leave(),
    }
    return orjson.dumps(left)


def inherit_memory(app: App, text: bytes) -> None:
    """Know what a predecessor knew. What another version has left in a form that is not known here is no loss worth failing for."""
    try:
        left: dict[str, Any] = orjson.loads(text)
        if left["format"] != FORMAT:
            return
        app.ranks.inherit(left["ranks"])
        app.admission.inherit_promises(left["promises"])
        app.new_rooms.inherit(left["new_rooms"])
        app.slowed_senders.new_rooms.inherit(left.get("slowed_senders", {}))
        app.invitations.inherit(left.get("invitations", {}))
        app.sessions.inherit(left["sessions"])
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
        log.warning("what the former process knew of conversations could not be read")


async def recall_conversations(app: App) -> None:
    """Find out who is in a conversation, from the latest messages."""
    try:
        messages = await _load_latest(app)
    except StorageUnavailable as error:
        log.warning("conversations are not remembered", cause=str(error))
        return
    found, now_ms, now_s = Ranks(), app.clock.now_ms(), app.clock.monotonic_s()
    for each in reversed(messages):
        found.found(each.sender, each.room_id, now_s - max(0, now_ms - each.sent_ts_ms) / 1000)
    app.ranks.inherit(found.leave())


async def _load_latest(app: App) -> list[Written]:
    oldest_ms = app.clock.now_ms() - int(OTHER_WROTE_S_MAX * 1000)
    messages: list[Written] = []
    before: int | None = None
    for _ in range(MESSAGES_MAX // PAGE):
        page = await app.stores.events.load_latest_written(app.db.reader, before, PAGE)
        messages += [each for each in page if each.is_message and each.sent_ts_ms >= oldest_ms]
        if len(page) < PAGE or all(each.sent_ts_ms < oldest_ms for each in page):
            break
        before = page[-1].nid
    return messages
