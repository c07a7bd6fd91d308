"""Forgetting transaction IDs so old that no client retries them any more."""

import asyncio

import structlog

from zajil.ports.database import Busy, StorageUnavailable, Transaction
from zajil.services.app import App

INTERVAL_S = 3600
ROWS_PER_STEP = 500

log = structlog.get_logger(__name__)


async def run_transaction_cleaning(app: App) -> None:
    """Sweep every hour for as long as the task lives."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await clean_transactions(app)
        except (Busy, StorageUnavailable) as error:
            log.warning("old transaction IDs were not forgotten", cause=str(error))
        except Exception:
            log.exception("old transaction IDs were not forgotten")


async def clean_transactions(app: App) -> int:
    """Delete what is out of date in small steps; returns how many rows went."""

    async def step(tx: Transaction) -> int:
        return await app.stores.events.delete_old_transactions(tx, app.clock.now_ms(), ROWS_PER_STEP)

    total = 0
    while count := await app.db.write(step):
        total += count
        await asyncio.sleep(0)
    return total
