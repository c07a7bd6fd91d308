"""The services for keys and devices of one process, put together."""

from zajil.ports.database import Stream, Transaction
from zajil.services.app import App
from zajil.services.keys.announce_device_change import announce_device_change
from zajil.services.keys.device_memory import DeviceMemory
from zajil.services.keys.remote_devices import NoRemoteDevices
from zajil.services.keys.to_device import Acknowledgements


def attach_end_to_end_encryption(app: App) -> None:
    """Give `app` its memory of devices, and take part in what happens to a device. Needs `app.device_hooks`."""
    app.device_memory = DeviceMemory(app)
    app.remote_devices = NoRemoteDevices()
    app.acknowledgements = Acknowledgements(app)

    async def forget_device(tx: Transaction, user_id: str, device_id: str) -> None:
        await app.stores.to_device.delete_device(tx, user_id, device_id)
        if await app.stores.device_keys.delete_device_keys(tx, user_id, device_id):
            await announce_device_change(tx, app, user_id)
        tx.touch(Stream.TO_DEVICE, user_id)
        tx.touch(Stream.ONE_TIME_KEYS, user_id)

    async def announce_name(tx: Transaction, user_id: str, device_id: str) -> None:
        if await app.stores.device_keys.load_device_key(tx, user_id, device_id) is not None:
            await announce_device_change(tx, app, user_id)

    async def is_cross_signing_key(tx: Transaction, user_id: str, device_id: str) -> bool:
        keys = await app.stores.device_keys.load_cross_signing_keys(tx, [user_id])
        return any(key.public_key == device_id for key in keys)

    app.device_hooks.deleted.append(forget_device)
    app.device_hooks.renamed.append(announce_name)
    app.device_hooks.is_cross_signing_key = is_cross_signing_key


async def delete_user_keys(tx: Transaction, app: App, user_id: str) -> None:
    """Delete all that a deactivated user has published; devices and key backups are deleted apart."""
    await app.stores.device_keys.delete_user_keys(tx, user_id)
    await app.stores.key_backups.forget_versions(tx, user_id)
    await announce_device_change(tx, app, user_id)
