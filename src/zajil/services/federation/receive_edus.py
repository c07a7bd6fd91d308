"""Ephemeral news of other servers: typing, receipts, presence, device lists, messages to devices (server-server API, "EDUs")."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import orjson
import structlog

from zajil.core.identifiers import is_user_id, server_name_of
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.receipts import Receipt
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.federation.room_states import load_room_events
from zajil.services.keys.to_device import MESSAGE_BYTES_MAX, RECIPIENT_DEVICES_MAX, address_devices, deliver
from zajil.services.notifications.send_receipt import MAIN_THREAD, READ, UNTHREADED, note_receipt
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)

Receiver = Callable[[App, str, dict[str, Any]], Awaitable[None]]
TYPING_MS: Final = 30_000
RECEIPTS_MAX: Final = 500
"""In one EDU."""
PRESENCE_MAX: Final = 500
EVENT_TYPE_CHARACTERS_MAX: Final = 255


async def receive_edus(app: App, origin: str, edus: Sequence[Any]) -> None:
    """Take in each EDU of a known type that is well-formed; the others are left out."""
    for edu in edus:
        if not isinstance(edu, dict):
            continue
        edu_type, content = edu.get("edu_type"), edu.get("content")
        receiver = RECEIVERS.get(edu_type) if isinstance(edu_type, str) else None
        if receiver is None or not isinstance(content, dict):
            continue
        try:
            await receiver(app, origin, content)
        except MatrixError as error:
            log.info("an EDU of another server is left out", origin=origin, edu_type=edu_type, cause=str(error))


def is_theirs(user_id: object, origin: str) -> bool:
    """Whether a value is the ID of a user of that server."""
    return isinstance(user_id, str) and is_user_id(user_id) and server_name_of(user_id) == origin


async def _find_room_of(app: App, room_id: object, user_id: str) -> RoomHead | None:
    """A room that we know and the user is in."""
    if not isinstance(room_id, str):
        return None
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or not head.row.extremities:
        return None
    return head if await app.rooms.membership(app.db.reader, head, user_id) == "join" else None


async def receive_typing(app: App, origin: str, content: dict[str, Any]) -> None:
    """m.typing: one user in one room."""
    user_id = content.get("user_id")
    if not is_theirs(user_id, origin):
        return
    head = await _find_room_of(app, content.get("room_id"), str(user_id))
    if head is None:
        return
    if content.get("typing") is True:
        app.typing.start(head.room_id, str(user_id), TYPING_MS)
    else:
        app.typing.stop(head.room_id, str(user_id))


async def receive_receipts(app: App, origin: str, content: dict[str, Any]) -> None:
    """m.receipt: {room: {m.read: {user: {data, event_ids}}}}."""
    count = 0
    for room_id, types in content.items():
        of_users = types.get(READ) if isinstance(types, dict) else None
        for user_id, told in of_users.items() if isinstance(of_users, dict) else ():
            count += 1
            if count > RECEIPTS_MAX:
                return
            if is_theirs(user_id, origin) and isinstance(told, dict):
                await _receive_receipt(app, room_id, user_id, told)


async def _receive_receipt(app: App, room_id: str, user_id: str, told: Mapping[str, Any]) -> None:
    event_ids, data = told.get("event_ids"), told.get("data")
    event_id = event_ids[-1] if isinstance(event_ids, list) and event_ids else None
    head = await _find_room_of(app, room_id, user_id)
    if head is None or not isinstance(event_id, str):
        return
    stored = (await load_room_events(app, app.db.reader, head.row.room_nid, [event_id])).get(event_id)
    if stored is None or stored.history is None:
        return
    thread = data.get("thread_id", UNTHREADED) if isinstance(data, dict) else UNTHREADED
    if thread not in (UNTHREADED, MAIN_THREAD) and not (isinstance(thread, str) and thread.startswith("$")):
        return
    ts = data.get("ts") if isinstance(data, dict) else None
    room_nid, history, minor = head.row.room_nid, stored.history, stored.history_minor

    async def item(tx: Transaction) -> None:
        former = await app.stores.receipts.load(tx, room_nid, user_id, READ, thread)
        if former is not None and former.point >= (history, minor):
            return
        position = await tx.append(Stream.RECEIPTS, room_id)
        ts_ms = ts if type(ts) is int and 0 <= ts < 2**53 else app.clock.now_ms()
        receipt = Receipt(user_id, READ, thread, event_id, history, minor, ts_ms, position)
        await app.stores.receipts.store(tx, room_nid, receipt)
        tx.on_commit(lambda: note_receipt(app, room_id, receipt))

    await app.db.write(item)


async def receive_presence(app: App, origin: str, content: dict[str, Any]) -> None:
    """m.presence: what users of that server are doing."""
    push = content.get("push")
    for told in push[:PRESENCE_MAX] if isinstance(push, list) else ():
        if isinstance(told, dict) and is_theirs(told.get("user_id"), origin):
            status, ago = told.get("status_msg"), told.get("last_active_ago")
            app.presence.hear_of_remote(
                told["user_id"],
                str(told.get("presence")),
                status if isinstance(status, str) else None,
                ago if type(ago) is int and ago >= 0 else None,
            )


async def receive_device_list(app: App, origin: str, content: dict[str, Any]) -> None:
    """m.device_list_update and m.signing_key_update: local clients who know the user ask again for the keys."""
    user_id = content.get("user_id")
    if not is_theirs(user_id, origin):
        return

    async def item(tx: Transaction) -> None:
        position = await tx.append(Stream.DEVICE_LISTS, str(user_id))
        await app.stores.device_lists.store_change(tx, str(user_id), position)

    await app.db.write(item)


async def receive_to_device(app: App, origin: str, content: dict[str, Any]) -> None:
    """m.direct_to_device: messages to devices of our users, each once."""
    sender, event_type, message_id = content.get("sender"), content.get("type"), content.get("message_id")
    messages = content.get("messages")
    if not is_theirs(sender, origin) or not isinstance(messages, dict):
        return
    if not isinstance(event_type, str) or not 0 < len(event_type) <= EVENT_TYPE_CHARACTERS_MAX:
        return
    if not isinstance(message_id, str) or not 0 < len(message_id) <= EVENT_TYPE_CHARACTERS_MAX:
        return
    built = _build_messages(app, str(sender), event_type, messages)

    async def item(tx: Transaction) -> None:
        now_ms = app.clock.now_ms()
        scope = "m.direct_to_device"
        if await app.stores.events.load_transaction(tx, origin, "", scope, message_id, now_ms) is not None:
            return
        await app.stores.events.insert_transaction(tx, origin, "", scope, message_id, "", now_ms)
        known = await app.stores.device_keys.load_device_ids(tx, sorted(built))
        for user_id in sorted(built):
            await deliver(tx, app, user_id, address_devices(built[user_id], known.get(user_id, [])))

    await app.db.write(item)


def _build_messages(app: App, sender: str, event_type: str, messages: Mapping[str, Any]) -> dict[str, dict[str, bytes]]:
    """The messages for our users, as their devices get them; too long ones and further ones are left out."""
    built: dict[str, dict[str, bytes]] = {}
    count = 0
    for user_id, devices in messages.items():
        if server_name_of(user_id) != app.server_name or not is_user_id(user_id) or not isinstance(devices, dict):
            continue
        for device_id, content in devices.items():
            count += 1
            if count > RECIPIENT_DEVICES_MAX or not isinstance(content, dict):
                continue
            json = orjson.dumps({"content": content, "sender": sender, "type": event_type})
            if len(json) <= MESSAGE_BYTES_MAX:
                built.setdefault(user_id, {})[device_id] = json
    return built


RECEIVERS: Final[dict[str, Receiver]] = {
    "m.typing": receive_typing,
    "m.receipt": receive_receipts,
    "m.presence": receive_presence,
    "m.device_list_update": receive_device_list,
    "m.signing_key_update": receive_device_list,
    "m.direct_to_device": receive_to_device,
}
