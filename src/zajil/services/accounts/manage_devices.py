"""A user's devices (client-server API, "Device Management")."""

from collections.abc import Sequence
from typing import Any, Final

from zajil.core.identifiers import is_device_id
from zajil.ports.database import Transaction
from zajil.ports.stores.devices import Device
from zajil.services.accounts.log_out import delete_devices
from zajil.services.accounts.start_session import DEVICES_MAX, check_display_name
from zajil.services.accounts.user_interactive_auth import confirm_identity
from zajil.services.app import App
from zajil.services.errors import invalid_param, not_found
from zajil.services.requester import Requester

DELETED_AT_ONCE_MAX: Final = DEVICES_MAX


async def list_devices(app: App, user_id: str) -> dict[str, Any]:
    """GET /devices."""
    devices = await app.stores.devices.load_devices(app.db.reader, user_id, DEVICES_MAX)
    return {"devices": [build_description(each) for each in devices]}


async def load_device(app: App, user_id: str, device_id: str) -> dict[str, Any]:
    """GET /devices/{deviceId}. Raises M_NOT_FOUND."""
    return build_description(await _find(app, user_id, device_id))


async def rename_device(app: App, user_id: str, device_id: str, display_name: str | None) -> None:
    """PUT /devices/{deviceId}; no name given leaves it as it is. Raises M_NOT_FOUND."""
    check_display_name(display_name)
    if not is_device_id(device_id):
        raise not_found("You have no device of that ID.")

    async def store(tx: Transaction) -> None:
        device = await app.stores.devices.load_device(tx, user_id, device_id)
        if device is None:
            raise not_found("You have no device of that ID.")
        if display_name is None or display_name == device.display_name:
            return
        await app.stores.devices.store_display_name(tx, user_id, device_id, display_name)
        for hook in app.device_hooks.renamed:
            await hook(tx, user_id, device_id)

    await app.db.write(store)


async def delete_own_devices(app: App, requester: Requester, device_ids: Sequence[str], auth: object) -> None:
    """DELETE /devices/{deviceId} and POST /delete_devices. Devices that do not exist are no error."""
    if len(device_ids) > DELETED_AT_ONCE_MAX:
        raise invalid_param(f"At most {DELETED_AT_ONCE_MAX} devices can be deleted at once.")
    await confirm_identity(app, requester, "delete_devices", auth)
    await delete_devices(app, requester.user_id, dict.fromkeys(device_ids))


def build_description(device: Device) -> dict[str, Any]:
    """The device as the spec shows it to its owner; what is not known is left out."""
    fields = {
        "device_id": device.device_id,
        "display_name": device.display_name,
        "last_seen_ip": device.last_seen_ip,
        "last_seen_ts": device.last_seen_ts_ms,
    }
    return {name: value for name, value in fields.items() if value is not None}


async def _find(app: App, user_id: str, device_id: str) -> Device:
    device = await app.stores.devices.load_device(app.db.reader, user_id, device_id)
    if device is None:
        raise not_found("You have no device of that ID.")
    return device
