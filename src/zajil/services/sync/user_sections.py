"""What an answer has besides rooms: to-device messages, device lists, key counts, account data, presence."""

from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.notifier import OnlineUser
from zajil.services.sync.device_sections import load_device_lists
from zajil.services.sync.request import SyncRequest, Window


async def find_rooms_with_account_data(app: App, tx: Read, user_id: str, since: int) -> set[str]:
    """Rooms whose account data changed after `since`."""
    return set()


async def load_user_sections(
    app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser
) -> dict[bytes, bytes]:
    """Members of the answer, as JSON by name; empty when there is nothing new."""
    return await load_device_lists(app, sync, window)
