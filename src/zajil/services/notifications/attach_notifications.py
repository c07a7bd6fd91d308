"""Receipts, unread counts and push of one process, put together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.notifications.receipt_memory import ReceiptMemory
from zajil.services.notifications.unread_checkpoints import run_unread_checkpoints
from zajil.services.notifications.unread_counts import UnreadCounts
from zajil.services.notifications.user_push_rules import UserPushRules


def attach_notifications(app: App) -> None:
    """Give `app` its memories; the notifier comes first."""
    app.receipts = ReceiptMemory(app)
    app.unread_counts = UnreadCounts(app)
    app.push_rules = UserPushRules(app)

    async def forget_account(tx: Transaction, user_id: str) -> None:
        await app.stores.receipts.delete_user(tx, user_id)
        await app.stores.pushers.delete_user(tx, user_id)
        tx.on_commit(lambda: forget_in_memory(user_id))

    def forget_in_memory(user_id: str) -> None:
        app.receipts.forget_all()
        app.push_rules.forget(user_id)
        app.unread_counts.forget_user(user_id)

    app.device_hooks.deleted.append(app.stores.pushers.delete_device)
    app.device_hooks.account_deactivated.append(forget_account)


@contextlib.asynccontextmanager
async def run_notifications(app: App) -> AsyncIterator[None]:
    """Do the work behind the requests until the end."""
    running = [asyncio.create_task(run_unread_checkpoints(app))]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
