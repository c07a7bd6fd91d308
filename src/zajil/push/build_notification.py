"""What a push gateway is sent (Push Gateway API, POST /_matrix/push/v1/notify)."""

from typing import Any, Final

import orjson

from zajil.core.push_rules_evaluation import Verdict
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.pushers import Pusher
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

EVENT_ID_ONLY: Final = "event_id_only"
CONTENT_BYTES_MAX: Final = 16_384
"""A larger content is left out: push providers take a few kilobytes."""


def build_badge(pusher: Pusher, unread: int) -> dict[str, Any]:
    """A new number of unread messages and nothing else; zero is said too, for that is the news."""
    return {"prio": "low", "counts": {"unread": unread}, "devices": [_build_device(pusher, None)]}


async def build_notification(
    app: App, tx: Read, head: RoomHead, stored: StoredEvent, verdict: Verdict, pusher: Pusher, unread: int
) -> dict[str, Any]:
    """An event, in the format that the pusher asks for."""
    event = stored.event
    is_urgent = verdict.highlight or verdict.sound is not None or event.type == "m.room.encrypted"
    notification: dict[str, Any] = {
        "event_id": event.event_id,
        "room_id": event.room_id,
        "prio": "high" if is_urgent else "low",
        "counts": {"unread": unread} if unread else {},
    }
    if orjson.loads(pusher.json)["data"].get("format") == EVENT_ID_ONLY:
        return {**notification, "devices": [_build_device(pusher, None)]}
    notification["type"] = event.type
    notification["sender"] = event.sender
    member = await app.rooms.member(tx, head, event.sender)
    _add_text(notification, "sender_display_name", None if member is None else member.event.content, "displayname")
    _add_text(notification, "room_name", head.content("m.room.name"), "name")
    _add_text(notification, "room_alias", head.content("m.room.canonical_alias"), "alias")
    if event.membership is not None:
        notification["user_is_target"] = event.state_key == pusher.user_id
    if len(orjson.dumps(event.content)) <= CONTENT_BYTES_MAX:
        notification["content"] = event.content
    notification["devices"] = [_build_device(pusher, verdict)]
    return notification


def _add_text(notification: dict[str, Any], key: str, content: dict[str, Any] | None, field: str) -> None:
    value = content.get(field) if content is not None else None
    if isinstance(value, str) and value:
        notification[key] = value


def _build_device(pusher: Pusher, verdict: Verdict | None) -> dict[str, Any]:
    data = {key: value for key, value in orjson.loads(pusher.json)["data"].items() if key != "url"}
    device: dict[str, Any] = {
        "app_id": pusher.app_id,
        "pushkey": pusher.pushkey,
        "pushkey_ts": pusher.set_ts_ms // 1000,
        "data": data,
    }
    if verdict is not None:
        device["tweaks"] = dict(verdict.tweaks)
    return device
