"""Messages to devices: sending, delivering with /sync, and deleting once acknowledged (client-server API, "Send-to-Device messaging")."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import orjson

from zajil.core.identifiers import is_within_bytes
from zajil.ports.database import Busy, StorageUnavailable, Stream, Transaction
from zajil.ports.stores.to_device import ToDeviceMessage
from zajil.services.app import App
from zajil.services.errors import invalid_param, too_large
from zajil.services.keys.query_keys import split_by_server
from zajil.services.requester import Requester

MESSAGE_BYTES_MAX: Final = 65_536
RECIPIENT_DEVICES_MAX: Final = 5000
EVENT_TYPE_BYTES_MAX: Final = 255
TXN_ID_CHARACTERS_MAX: Final = 255
WAITING_PER_DEVICE_MAX: Final = 20_000
PRUNED_EVERY: Final = 256
"""One message in so many looks whether its device has more than the maximum waiting."""
ALL_DEVICES: Final = "*"

Messages = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""{user ID: {device ID or *: content}}"""


async def send_to_devices(app: App, requester: Requester, event_type: str, txn_id: str, messages: Messages) -> None:
    """Deliver a message to each device named, once for each transaction ID of the sending device.

    Users and devices that do not exist are passed over. Raises M_TOO_LARGE for a message or a number of recipients over the limit.
    """
    if not event_type or not is_within_bytes(event_type, EVENT_TYPE_BYTES_MAX):
        raise invalid_param(f"The event type must have 1 to {EVENT_TYPE_BYTES_MAX} bytes.")
    if len(txn_id) > TXN_ID_CHARACTERS_MAX:
        raise invalid_param("The transaction ID is too long.")
    if sum(len(devices) for devices in messages.values()) > RECIPIENT_DEVICES_MAX:
        raise too_large(f"A message can go to at most {RECIPIENT_DEVICES_MAX} devices at once.")
    built = {
        user_id: {
            device_id: _build_message(requester.user_id, event_type, user_id, content)
            for device_id, content in devices.items()
        }
        for user_id, devices in messages.items()
    }
    local, remote = split_by_server(app, messages)
    scope = f"sendToDevice {event_type}"

    async def item(tx: Transaction) -> None:
        user_id, device_id, now_ms = requester.user_id, requester.device_id, app.clock.now_ms()
        if await app.stores.events.load_transaction(tx, user_id, device_id, scope, txn_id, now_ms) is not None:
            return
        known = await app.stores.device_keys.load_device_ids(tx, local)
        addressed = {each: address_devices(built[each], known.get(each, [])) for each in local}
        if sum(len(devices) for devices in addressed.values()) > RECIPIENT_DEVICES_MAX:
            raise too_large(f"A message can go to at most {RECIPIENT_DEVICES_MAX} devices at once.")
        await app.stores.events.insert_transaction(tx, user_id, device_id, scope, txn_id, "", now_ms)
        for recipient, devices in addressed.items():
            await deliver(tx, app, recipient, devices)
        if remote:
            await app.remote_devices.send_to_devices(tx, user_id, event_type, {each: messages[each] for each in remote})

    await app.db.write(item)


async def deliver(tx: Transaction, app: App, user_id: str, messages: Mapping[str, bytes]) -> None:
    """Put messages {device ID: JSON} into the queues of a local user's devices."""
    if not messages:
        return
    position = await tx.append(Stream.TO_DEVICE, user_id)
    await app.stores.to_device.insert(
        tx, [ToDeviceMessage(user_id, device_id, position, json) for device_id, json in messages.items()]
    )
    if position % PRUNED_EVERY == 0:
        for device_id in messages:
            await app.stores.to_device.delete_oldest(tx, user_id, device_id, WAITING_PER_DEVICE_MAX)


def _build_message(sender: str, event_type: str, recipient: str, content: Mapping[str, Any]) -> bytes:
    json = orjson.dumps({"content": content, "sender": sender, "type": event_type})
    if len(json) > MESSAGE_BYTES_MAX:
        raise too_large(f"The message to {recipient[:255]} is longer than {MESSAGE_BYTES_MAX} bytes.")
    return json


def address_devices(messages: Mapping[str, bytes], known: list[str]) -> dict[str, bytes]:
    """The messages for the devices there are; one for a device by name goes before the one for all."""
    addressed = {}
    for device_id in known:
        json = messages.get(device_id) or messages.get(ALL_DEVICES)
        if json is not None:
            addressed[device_id] = json
    return addressed


async def load_to_device(
    app: App, user_id: str, device_id: str, since: int, up_to: int, limit: int
) -> tuple[list[bytes], int]:
    """The JSON of the messages in (since, up_to], at most `limit`, and the position up to which these are all.

    When that position is before `up_to`, the sync must end there, so that the next one goes on with the rest.
    """
    span = (await app.device_memory.load_waiting(user_id)).get(device_id)
    if span is None or span[1] <= since:
        return [], up_to
    rows = await app.stores.to_device.load(app.db.reader, user_id, device_id, since, up_to, limit)
    return [json for _, json in rows], rows[-1][0] if len(rows) >= limit else up_to


class Acknowledgements:
    """Messages that devices have confirmed, on their way out of the database: deleted in the background, several in one commit.

    Whatever is lost with the process is deleted when the device acknowledges again.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._pending: dict[tuple[str, str], int] = {}
        self._running: asyncio.Task[None] | None = None

    def add(self, user_id: str, device_id: str, since: int) -> None:
        key = (user_id, device_id)
        self._pending[key] = max(since, self._pending.get(key, 0))
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._delete())

    async def finish(self) -> None:
        """Wait until nothing is left to delete."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def _delete(self) -> None:
        try:
            while self._pending:
                acknowledged, self._pending = self._pending, {}
                await self._app.db.write(partial(self._delete_rows, acknowledged))
        except (Busy, StorageUnavailable):
            self._pending.clear()
        finally:
            self._running = None

    async def _delete_rows(self, acknowledged: Mapping[tuple[str, str], int], tx: Transaction) -> None:
        for (user_id, device_id), position in acknowledged.items():
            await self._app.stores.to_device.delete_up_to(tx, user_id, device_id, position)
        tx.on_commit(lambda: self._forget(acknowledged))

    def _forget(self, acknowledged: Mapping[tuple[str, str], int]) -> None:
        for user_id, _ in acknowledged:
            self._app.device_memory.forget_waiting(user_id)


async def acknowledge(app: App, user_id: str, device_id: str, since: int) -> None:
    """The device has everything up to `since`: have that deleted (invariant 7). Does not wait for it."""
    span = (await app.device_memory.load_waiting(user_id)).get(device_id)
    if span is not None and span[0] <= since:
        app.acknowledgements.add(user_id, device_id, since)
