"""A poll that is parked ends with its session: who has been logged out is told nothing more."""

from zajil.ports.database import Stream
from zajil.services.accounts.sessions import unknown_token, user_locked
from zajil.services.app import App
from zajil.services.requester import Requester
from zajil.services.sync.notifier import OnlineUser


async def check_session_since(app: App, requester: Requester, user: OnlineUser, checked_at: int) -> int:
    """Look again whether the session goes on, if anything about the user's sessions may have changed after the position `checked_at`.

    Returns the position up to which it was looked at. Raises M_UNKNOWN_TOKEN and M_USER_LOCKED.
    """
    if not user.touched_since(Stream.SESSIONS, checked_at):
        return checked_at
    position = app.db.position
    await check_session(app, requester)
    return position


async def check_session(app: App, requester: Requester) -> None:
    """Raises M_UNKNOWN_TOKEN when the device is gone, M_USER_LOCKED when the account has been locked."""
    if await app.stores.devices.load_device(app.db.reader, requester.user_id, requester.device_id) is None:
        raise unknown_token()
    account = await app.stores.accounts.load_account(app.db.reader, requester.user_id)
    if account is None or account.is_deactivated:
        raise unknown_token()
    if account.is_locked:
        raise user_locked()
