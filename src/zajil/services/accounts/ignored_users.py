"""Whom a user ignores (client-server API, "Ignoring Users")."""

from collections.abc import Sequence

from zajil.ports.database import Read, Stream, Touch
from zajil.services.app import App

REMEMBERED_MAX = 50_000
IGNORED_PER_USER_MAX = 10_000
TYPE = "m.ignored_user_list"


class IgnoredUsers:
    """This process's memory of users' ignore lists; a change of account data forgets the user's."""

    def __init__(self, app: App) -> None:
        self.known: dict[str, frozenset[str]] = {}
        app.db.subscribe(self._hear)

    def _hear(self, position: int, touches: Sequence[Touch]) -> None:
        if not touches:
            self.known.clear()
        for stream, key in touches:
            if stream is Stream.ACCOUNT_DATA:
                self.known.pop(key, None)

    def remember(self, user_id: str, ignored: frozenset[str]) -> None:
        if len(self.known) >= REMEMBERED_MAX:
            self.known.clear()
        self.known[user_id] = ignored


async def load_ignored_users(app: App, tx: Read, user_id: str) -> frozenset[str]:
    """User IDs whose events and invitations this user does not want to see."""
    known = app.ignored_users.known.get(user_id)
    if known is not None:
        return known
    position = app.db.position
    content = await app.stores.account_data.load(tx, user_id, "", TYPE) or {}
    listed = content.get("ignored_users")
    names = list(listed)[:IGNORED_PER_USER_MAX] if isinstance(listed, dict) else []
    ignored = frozenset(names) - {user_id}
    if app.db.position == position:  # else the list may have changed while it was read
        app.ignored_users.remember(user_id, ignored)
    return ignored
