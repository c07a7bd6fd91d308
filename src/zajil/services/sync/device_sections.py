"""What an answer has for end-to-end encryption: messages to the device, and whose devices changed."""

from dataclasses import replace
from typing import Final

import orjson

from zajil.services.app import App
from zajil.services.keys.load_device_list_changes import load_device_list_changes
from zajil.services.keys.to_device import load_to_device
from zajil.services.sync.request import SyncRequest, Window

MESSAGES_MAX: Final = 500


async def load_inbox(app: App, sync: SyncRequest, window: Window) -> tuple[dict[bytes, bytes], Window]:
    """The messages to this device, and the window, which ends sooner when there are more than `MESSAGES_MAX`."""
    messages, reached = await load_to_device(app, *sync.device_key, window.since or 0, window.up_to, MESSAGES_MAX)
    if not messages:
        return {}, window
    if reached < window.up_to:
        window = replace(window, up_to=reached)
    return {b"to_device": b'{"events":[%b]}' % b",".join(messages)}, window


async def load_device_lists(app: App, sync: SyncRequest, window: Window) -> dict[bytes, bytes]:
    """Users to look up again; only of use to a client that has synced before."""
    if window.since is None:
        return {}
    changed, left = await load_device_list_changes(app, sync.user_id, window.since, window.up_to)
    if not changed and not left:
        return {}
    return {b"device_lists": orjson.dumps({"changed": changed, "left": left})}
