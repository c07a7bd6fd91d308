"""Telling other servers what is true for a moment: who types, who has read what, who is online. If it gets lost nobody misses it."""

from typing import Any, Final

from zajil.ports.stores.receipts import Receipt
from zajil.services.app import App
from zajil.services.federation.access_servers import is_server_allowed

SERVERS_TOLD_MAX: Final = 1_000
"""In rooms with more servers nobody is told who types."""


async def find_servers(app: App, room_id: str) -> list[str]:
    """Other servers in a room."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    if head is None or head.has_remote_members is False or not app.config.federation:
        return []
    return await app.destinations.find_servers(head)


async def tell_typing(app: App, room_id: str, user_id: str, *, is_typing: bool) -> None:
    """m.typing."""
    content = {"room_id": room_id, "user_id": user_id, "typing": is_typing}
    for server in (await find_servers(app, room_id))[:SERVERS_TOLD_MAX]:
        app.destinations.send_fleeting(server, "m.typing", f"{room_id} {user_id}", content)


async def tell_receipt(app: App, room_id: str, receipt: Receipt) -> None:
    """m.receipt, of receipts that others may see."""
    data: dict[str, Any] = {"ts": receipt.ts_ms}
    if receipt.thread_id:
        data["thread_id"] = receipt.thread_id
    content = {room_id: {"m.read": {receipt.user_id: {"data": data, "event_ids": [receipt.event_id]}}}}
    subject = f"{room_id} {receipt.user_id} {receipt.thread_id}"
    for server in (await find_servers(app, room_id))[:SERVERS_TOLD_MAX]:
        app.destinations.send_fleeting(server, "m.receipt", subject, content)


async def tell_presence(app: App, user_id: str, content: dict[str, Any]) -> None:
    """m.presence, to the servers that share rooms with the user."""
    if not app.config.federation:
        return
    servers = await app.stores.federation_queue.load_servers_sharing_rooms(app.db.reader, user_id, SERVERS_TOLD_MAX)
    for server in servers:
        if server != app.server_name and is_server_allowed(app, server):
            app.destinations.send_fleeting(server, "m.presence", user_id, {"push": [{"user_id": user_id, **content}]})
