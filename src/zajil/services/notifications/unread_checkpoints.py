"""Keeps unread counts that took long to work out, so that a restart does not count them again."""

import asyncio
from typing import Final

import structlog

from zajil.ports.database import Busy, StorageUnavailable, Transaction
from zajil.ports.stores.receipts import UnreadCheckpoint
from zajil.services.app import App
from zajil.services.notifications.unread_counts import build_checkpoint

INTERVAL_S: Final = 5.0
CHECKPOINTS_PER_COMMIT_MAX: Final = 500

log = structlog.get_logger(__name__)


async def run_unread_checkpoints(app: App) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        while app.unread_counts.unsaved:
            try:
                await save_unread_checkpoints(app)
            except (Busy, StorageUnavailable) as error:
                log.warning("unread counts were not saved", cause=str(error))
            except Exception:
                log.exception("unread counts were not saved")
            await asyncio.sleep(0)


async def save_unread_checkpoints(app: App) -> None:
    """Store some of the counts that are worth keeping; what is forgotten meanwhile is counted again."""
    memory = app.unread_counts
    rows: list[UnreadCheckpoint] = []
    for user_id, room_id in list(memory.unsaved)[:CHECKPOINTS_PER_COMMIT_MAX]:
        del memory.unsaved[(user_id, room_id)]
        user, head = memory.users.get(user_id), app.rooms.known(room_id)
        tally = None if user is None else user.rooms.get(room_id)
        if tally is not None and head is not None and not tally.pending:
            rows.append(build_checkpoint(user_id, head.row.room_nid, tally))

    async def store(tx: Transaction) -> None:
        await app.stores.receipts.store_checkpoints(tx, rows)

    if rows:
        await app.db.write(store)
