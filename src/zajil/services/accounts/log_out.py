"""Ending sessions: a device that logs out is deleted with all that is kept of it (client-server API, "Relationship between access tokens and devices")."""

from collections.abc import Collection

from zajil.ports.database import Stream, Transaction
from zajil.services.accounts.start_session import DEVICES_MAX
from zajil.services.app import App
from zajil.services.requester import Requester


async def log_out(app: App, requester: Requester) -> None:
    """POST /logout."""
    await delete_devices(app, requester.user_id, [requester.device_id])


async def log_out_everywhere(app: App, user_id: str, except_device_id: str | None = None) -> None:
    """POST /logout/all, and what a new password does: end every session but the one named."""

    async def delete(tx: Transaction) -> None:
        await remove_all_devices(tx, app, user_id, except_device_id)

    await app.db.write(delete)


async def delete_devices(app: App, user_id: str, device_ids: Collection[str]) -> None:
    """Delete these devices of the user; those that do not exist are passed over."""

    async def delete(tx: Transaction) -> None:
        known = [each for each in device_ids if await app.stores.devices.load_device(tx, user_id, each) is not None]
        await _remove_devices(tx, app, user_id, known)

    await app.db.write(delete)


async def remove_all_devices(tx: Transaction, app: App, user_id: str, except_device_id: str | None = None) -> None:
    """Delete all devices of the user but the one named, inside a transaction."""
    known = await app.stores.devices.load_devices(tx, user_id, DEVICES_MAX)
    await _remove_devices(tx, app, user_id, [each.device_id for each in known if each.device_id != except_device_id])


async def _remove_devices(tx: Transaction, app: App, user_id: str, device_ids: Collection[str]) -> None:
    for device_id in device_ids:
        await app.stores.devices.delete_device(tx, user_id, device_id)
        for hook in app.device_hooks.deleted:
            await hook(tx, user_id, device_id)
    if device_ids:
        await tx.append(Stream.SESSIONS, user_id)
