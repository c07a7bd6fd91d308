"""What erased users sent, for those who come later: redacted (client-server API, "Deactivating your account", `erase`)."""

from collections.abc import Sequence
from typing import Final

from zajil.core.events import redact_event
from zajil.ports.database import Database, Read, Stream, Touch
from zajil.ports.stores import Stores
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

REMEMBERED_MAX: Final = 50_000


class Erasures:
    """Which senders have asked for erasure, and when; remembered until the database says otherwise."""

    def __init__(self, db: Database, stores: Stores) -> None:
        self._db = db
        self._stores = stores
        self._positions: dict[str, int | None] = {}
        db.subscribe(self._note_commit)

    async def hide(self, app: App, tx: Read, head: RoomHead, user_id: str, stored: StoredEvent) -> StoredEvent:
        """The event as `user_id`, who was not in the room when it was sent, gets it: redacted if its sender was erased before they joined."""
        sender = stored.event.sender
        if sender in self._positions:
            erased_at = self._positions[sender]
        else:
            erased_at = await self._load(tx, sender)
        if erased_at is None:
            return stored
        joined_at = await app.rooms.joined_at(tx, head, user_id)
        if joined_at is not None and joined_at <= erased_at:
            return stored
        return stored.with_changes(event=redact_event(stored.event))

    async def _load(self, tx: Read, sender: str) -> int | None:
        read_at = self._db.position
        account = await self._stores.accounts.load_account(tx, sender)
        position = None if account is None else account.erased_position
        if len(self._positions) >= REMEMBERED_MAX:
            self._positions.clear()
        if self._db.position == read_at:  # else they may have been erased meanwhile
            self._positions[sender] = position
        return position

    def _note_commit(self, _position: int, touches: Sequence[Touch]) -> None:
        if not touches:
            self._positions.clear()
        for stream, key in touches:
            if stream is Stream.SESSIONS:
                self._positions.pop(key, None)
