"""Telling everybody who shares a room with a user that the user's devices or cross-signing keys changed."""

from zajil.ports.database import Stream, Transaction
from zajil.services.app import App


async def announce_device_change(tx: Transaction, app: App, user_id: str) -> None:
    """Put `user_id` into the `device_lists.changed` of those who share a room with them, and of their own devices."""
    position = await tx.append(Stream.DEVICE_LISTS, user_id)
    await app.stores.device_lists.store_change(tx, user_id, position)
    await app.remote_devices.announce_device_change(tx, user_id)


async def announce_signature(tx: Transaction, app: App, signer: str, targets: set[str]) -> None:
    """Tell the signer's own devices that keys of others carry a new signature; nobody else may know."""
    position = await tx.append(Stream.DEVICE_LISTS, signer)
    for target in sorted(targets):
        await app.stores.device_lists.store_signature_change(tx, signer, target, position)
