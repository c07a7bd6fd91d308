"""Who is typing where. In memory only: it is true for seconds (DESIGN §3). Each process tells the others what it is told itself."""

import asyncio
from collections import OrderedDict

from zajil.services.app import App
from zajil.services.signals.node_signals import Signal

ROOMS_MAX = 10_000
TYPISTS_PER_ROOM_MAX = 100
TIMEOUT_MS_DEFAULT = 30_000
TIMEOUT_MS_MAX = 120_000


class RoomTyping:
    """The typists of one room, and when that changed last."""

    __slots__ = ("changed", "timers")

    def __init__(self) -> None:
        self.changed = 0
        self.timers: dict[str, asyncio.TimerHandle] = {}


class Typing:
    """Typists by room. Beyond the limits the rooms that changed longest ago are forgotten, and further typists not shown."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._rooms: OrderedDict[str, RoomTyping] = OrderedDict()
        app.node_signals.listen(Signal.TYPING, self._hear)

    def start(self, room_id: str, user_id: str, timeout_ms: int) -> None:
        """The user types, for `timeout_ms` at most."""
        self._app.node_signals.publish(Signal.TYPING, [room_id, user_id, timeout_ms])
        self._start(room_id, user_id, timeout_ms)

    def stop(self, room_id: str, user_id: str) -> None:
        """The user types no more, and has said so."""
        self._app.node_signals.publish(Signal.TYPING, [room_id, user_id, 0])
        self._stop(room_id, user_id)

    def _hear(self, content: tuple[str, str, int]) -> None:
        room_id, user_id, timeout_ms = content
        if timeout_ms:
            self._start(room_id, user_id, timeout_ms)
        else:
            self._stop(room_id, user_id)

    def _start(self, room_id: str, user_id: str, timeout_ms: int) -> None:
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = RoomTyping()
            if len(self._rooms) > ROOMS_MAX:
                _, forgotten = self._rooms.popitem(last=False)
                for timer in forgotten.timers.values():
                    timer.cancel()
        known = room.timers.pop(user_id, None)
        if known is not None:
            known.cancel()
        elif len(room.timers) >= TYPISTS_PER_ROOM_MAX:
            return
        delay_s = min(timeout_ms, TIMEOUT_MS_MAX) / 1000
        room.timers[user_id] = asyncio.get_running_loop().call_later(delay_s, self._stop, room_id, user_id)
        if known is None:
            self._announce(room_id, room)

    def _stop(self, room_id: str, user_id: str) -> None:
        room = self._rooms.get(room_id)
        timer = None if room is None else room.timers.pop(user_id, None)
        if room is not None and timer is not None:
            timer.cancel()
            self._announce(room_id, room)

    def _announce(self, room_id: str, room: RoomTyping) -> None:
        room.changed = self._app.ephemeral.next()
        self._rooms.move_to_end(room_id)
        self._app.notifier.touch_typing(room_id, room.changed)

    def changed_since(self, room_id: str, counter: int) -> list[str] | None:
        """The room's typists if that changed after `counter`, else None. -1: a client that knows nothing need not hear of nobody."""
        room = self._rooms.get(room_id)
        if room is None or room.changed <= counter or (counter < 0 and not room.timers):
            return None
        return sorted(room.timers)
