"""What this process remembers about devices, so that a sync with no news about them asks the database nothing.

All of it is read from the database when first needed, and dropped when a commit of any process touches it.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from zajil.ports.database import Stream, Touch
from zajil.ports.stores.device_keys import KeyCounts
from zajil.services.app import App

USERS_REMEMBERED_MAX: Final = 100_000
ROOMS_REMEMBERED_MAX: Final = 10_000

T = TypeVar("T")


class DeviceMemory:
    """Key counts, and which devices have messages waiting, by user and device."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.key_counts: dict[str, dict[str, KeyCounts]] = {}
        self.waiting: dict[str, dict[str, tuple[int, int]]] = {}
        """Positions of the oldest and the newest message, of the devices that have any."""
        self._lists_position = app.db.position
        """No device list changed after this position."""
        self._moves_known_since = app.db.position
        self._moves: dict[str, int] = {}
        """Rooms in which a membership may have changed after `_moves_known_since`, with the last position."""
        self.generation = 0
        """Changes whenever something is dropped: what was read before may be out of date."""
        app.db.subscribe(self._note_commit)

    def _note_commit(self, position: int, touches: Sequence[Touch]) -> None:
        if not touches:
            self.generation += 1
            self.key_counts.clear()
            self.waiting.clear()
            self._lists_position = position
            self._forget_moves(position)
            return
        is_move = False
        for stream, key in touches:
            if stream is Stream.TO_DEVICE:
                self.forget_waiting(key)
            elif stream is Stream.ONE_TIME_KEYS:
                self.generation += 1
                self.key_counts.pop(key, None)
            elif stream is Stream.DEVICE_LISTS:
                self._lists_position = position
            elif stream is Stream.MEMBERSHIP:
                is_move = True
        if is_move:
            # Which of the commit's rooms it was, nobody says.
            self._moves.update((key, position) for stream, key in touches if stream is Stream.EVENTS)
            if len(self._moves) > ROOMS_REMEMBERED_MAX:
                self._forget_moves(position)

    def _forget_moves(self, position: int) -> None:
        self._moves.clear()
        self._moves_known_since = position

    def has_list_news(self, user_id: str, since: int) -> bool:
        """Whether a device list that concerns the user may have changed after `since`; errs on the side of yes."""
        if since < self._lists_position or since < self._moves_known_since:
            return True
        user = self._app.notifier.find(user_id)
        if user is None or user.touched_since(Stream.MEMBERSHIP, since):
            return True
        moves = self._moves
        if not moves:
            return False
        return any(
            position > since and moves.get(room_id, -1) > since for room_id, position in user.touched_rooms.items()
        )

    def forget_waiting(self, user_id: str) -> None:
        """Look up the user's waiting messages again."""
        self.generation += 1
        self.waiting.pop(user_id, None)

    async def load_key_counts(self, user_id: str, device_id: str) -> KeyCounts:
        """The device's key counts, from memory if nothing has changed."""
        known = self.key_counts.get(user_id)
        if known is not None and (counts := known.get(device_id)) is not None:
            return counts
        generation = self.generation
        counts = await self._app.stores.device_keys.load_key_counts(self._app.db.reader, user_id, device_id)
        if generation == self.generation:
            remember(self.key_counts, user_id, {**self.key_counts.get(user_id, {}), device_id: counts})
        return counts

    async def load_waiting(self, user_id: str) -> dict[str, tuple[int, int]]:
        """The user's devices that have messages waiting."""
        waiting = self.waiting.get(user_id)
        if waiting is None:
            generation = self.generation
            waiting = await self._app.stores.to_device.load_waiting(self._app.db.reader, user_id)
            if generation == self.generation:
                remember(self.waiting, user_id, waiting)
        return waiting


def remember(memory: dict[str, T], user_id: str, value: T) -> None:
    """Keep a value; the one kept longest makes room."""
    if user_id not in memory and len(memory) >= USERS_REMEMBERED_MAX:
        del memory[next(iter(memory))]
    memory[user_id] = value


async def load_key_counts(app: App, user_id: str, device_id: str) -> KeyCounts:
    """What /sync tells a device about its keys."""
    return await app.device_memory.load_key_counts(user_id, device_id)
