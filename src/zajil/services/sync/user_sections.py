"""What an answer has besides rooms: account data and device lists."""

from zajil.ports.database import Read, Stream
from zajil.ports.stores.account_data import AccountData
from zajil.services.app import App
from zajil.services.messages.client_events import render_account_data, render_list
from zajil.services.notifications.change_push_rules import TYPE as PUSH_RULES
from zajil.services.notifications.change_push_rules import load_push_rules_content
from zajil.services.sync.device_sections import load_device_lists
from zajil.services.sync.notifier import OnlineUser
from zajil.services.sync.presence_section import load_presence
from zajil.services.sync.request import SyncRequest, Window


async def load_user_sections(
    app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser
) -> dict[bytes, bytes]:
    """Members of the answer, as JSON by name; empty when there is nothing new."""
    sections = await load_device_lists(app, sync, window)
    if account_data := await _load_account_data(app, tx, sync, window, user):
        sections[b"account_data"] = b'{"events":%b}' % render_list(account_data)
    if presence := await load_presence(app, tx, sync, window, user):
        sections[b"presence"] = b'{"events":%b}' % render_list(presence)
    return sections


async def _load_account_data(app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser) -> list[bytes]:
    entries: list[AccountData] = []
    if window.since is None:
        entries = await app.stores.account_data.load_of_room(tx, sync.user_id, "")
    elif user.touched_since(Stream.ACCOUNT_DATA, window.since):
        changes = await app.stores.account_data.load_changes(tx, sync.user_id, window.since, window.up_to)
        entries = [entry for entry in changes if not entry.room_id]
    contents = {entry.type: entry.content for entry in entries}
    if window.since is None or PUSH_RULES in contents:
        contents[PUSH_RULES] = await load_push_rules_content(app, tx, sync.user_id)
    wanted = sync.filter.account_data
    return [render_account_data(kind, content) for kind, content in contents.items() if wanted.matches(kind, None, {})]


async def find_rooms_with_account_data(app: App, tx: Read, user_id: str, since: int, up_to: int) -> set[str]:
    """Rooms whose account data changed in the window."""
    changes = await app.stores.account_data.load_changes(tx, user_id, since, up_to)
    return {entry.room_id for entry in changes if entry.room_id}
