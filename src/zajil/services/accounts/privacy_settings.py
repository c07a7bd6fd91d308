"""What a user lets others know: kept as account data `org.zajil.privacy`, so every client of theirs sees and sets the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from zajil.ports.database import Database, Read, Stream, Touch
from zajil.ports.stores import Stores

PRIVACY_TYPE: Final = "org.zajil.privacy"
REMEMBERED_MAX: Final = 50_000

Audience = Literal["everyone", "contacts", "nobody"]
CONTACTS_TYPE: Final = "m.direct"
CONTACTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Privacy:
    """The switches, as they stand when nobody has touched them."""

    last_seen: Audience = "everyone"
    """Who sees presence and when one was last active; `everyone` is everyone in a common room."""
    contacts: frozenset[str] = frozenset()
    """Those with whom the user has a direct chat (`m.direct`); looked up only where it matters."""
    read_receipts: bool = True
    """Whether public receipts leave the server; if not they are treated as private ones."""
    delivered: bool = True
    """Whether senders learn that a message has reached a device."""

    def shows_last_seen_to(self, user_id: str) -> bool:
        """Whether somebody else in a common room may see presence."""
        return self.last_seen == "everyone" or (self.last_seen == "contacts" and user_id in self.contacts)


DEFAULT: Final = Privacy()


class PrivacyMemory:
    """The settings of users, remembered until their account data changes."""

    def __init__(self, db: Database, stores: Stores) -> None:
        self._db = db
        self._stores = stores
        self._known: dict[str, Privacy] = {}
        db.subscribe(self._note_commit)

    async def load(self, tx: Read, user_id: str) -> Privacy:
        """The settings of a local user."""
        known = self._known.get(user_id)
        if known is None:
            position = self._db.position
            content = await self._stores.account_data.load(tx, user_id, "", PRIVACY_TYPE)
            known = parse_privacy(content or {})
            if known.last_seen == "contacts":
                direct = await self._stores.account_data.load(tx, user_id, "", CONTACTS_TYPE)
                known = replace(known, contacts=frozenset(list(direct or {})[:CONTACTS_MAX]))
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            if self._db.position == position:  # else the settings may have changed while they were read
                self._known[user_id] = known
        return known

    def _note_commit(self, _position: int, touches: Sequence[Touch]) -> None:
        if not touches:
            self._known.clear()
        for stream, key in touches:
            if stream is Stream.ACCOUNT_DATA or stream is Stream.SESSIONS:
                self._known.pop(key, None)


def check_privacy(content: Mapping[str, Any]) -> str | None:
    """Why this cannot be set, or None. Switches that are not known are let through for later versions."""
    if content.get("last_seen", "everyone") not in get_args(Audience):
        return "last_seen must be everyone, contacts or nobody."
    for switch in ("read_receipts", "delivered"):
        if not isinstance(content.get(switch, True), bool):
            return f"{switch} must be true or false."
    return None


def parse_privacy(content: Mapping[str, Any]) -> Privacy:
    """The settings in a content that `check_privacy` has passed."""
    return Privacy(
        last_seen=content.get("last_seen", DEFAULT.last_seen),
        read_receipts=content.get("read_receipts", DEFAULT.read_receipts),
        delivered=content.get("delivered", DEFAULT.delivered),
    )
