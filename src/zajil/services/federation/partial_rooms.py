"""Rooms of which a part of the state is here, and the work of bringing the rest (server-server API, "Joining Rooms", `omit_members`).

Until then the room is used with what is known: who speaks proves with their event's auth events that they are in it. What cannot be judged that way
waits in the database.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from zajil.core.identifiers import is_server_name
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.federation.access_servers import has_joined
from zajil.services.federation.complete_state import complete_room
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)

SERVERS_MAX: Final = 20_000
"""That an answer to a join may name as being in the room; one that names more is refused."""
PAUSE_S: Final = 2.0
PAUSE_S_MAX: Final = 600.0
"""Between attempts to bring the rest of a room's state; doubled after each round through its servers."""
WAIT_S_MAX: Final = 45.0
"""A request that needs the whole state waits no longer."""
POLL_S: Final = 0.05


class PartialRooms:
    """The rooms whose rest is being brought, one task for each."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wanted: dict[str, asyncio.Event] = {}
        """Set for a room that is not to wait for its next attempt."""

    async def start(self) -> None:
        """Go on where the last process stopped."""
        if self._app.config.federation:
            for room_id in await self._app.stores.partial_rooms.load_unfinished(self._app.db.reader):
                self.begin(room_id)

    def begin(self, room_id: str) -> None:
        """The room was joined with a part of its state, or what waits in it is to be placed. What is under way already makes its next attempt now."""
        if room_id in self._tasks:
            self._wanted[room_id].set()
        elif not self._app.stopping:
            self._wanted[room_id] = asyncio.Event()
            task = self._tasks[room_id] = asyncio.create_task(self._run(room_id))
            task.add_done_callback(lambda _: self._forget(room_id))

    def _forget(self, room_id: str) -> None:
        del self._tasks[room_id]
        if self._wanted.pop(room_id).is_set():  # something came for it when all seemed done
            self.begin(room_id)

    async def stop(self) -> None:
        """End the work; the next process begins it anew, with what has been stored."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, room_id: str) -> None:
        pause_s, wanted = PAUSE_S, self._wanted[room_id]
        while True:
            wanted.clear()
            try:
                if await complete_room(self._app, room_id):
                    return
            except Exception:
                log.exception("the state of a room cannot be completed", room_id=room_id)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s * (0.5 + self._app.randomness.below(1000) / 1000)):
                    await wanted.wait()
            pause_s = min(pause_s * 2, PAUSE_S_MAX)


def parse_servers(value: object) -> tuple[str, ...] | None:
    """The servers in a room, as an answer to a join names them; None if it does not, or names too many."""
    if not isinstance(value, list) or not value or len(value) > SERVERS_MAX:
        return None
    return tuple(dict.fromkeys(each for each in value if isinstance(each, str) and is_server_name(each)))


async def load_named_servers(app: App, head: RoomHead) -> Sequence[str]:
    """The servers that are said to be in a room of which the members are not known yet; none for other rooms."""
    if not head.row.partial_state:
        return ()
    room = await app.stores.partial_rooms.load(app.db.reader, head.row.room_nid)
    return () if room is None else room.servers


async def is_complete(app: App, room_id: str) -> bool:
    """Whether the whole state of the room is here, or nobody of ours is in it any more, so that it will not come."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    return head is None or not head.row.partial_state or not await has_joined(app, head, app.server_name)


async def wait_for_state(app: App, room_id: str, *, wait_s: float = WAIT_S_MAX) -> None:
    """Until the whole state of the room is here. Raises 503 when that takes too long."""
    try:
        async with asyncio.timeout(wait_s):
            # Another process may be the one that brings it.
            while True:
                if await is_complete(app, room_id):
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        message = "The members of this room are still being fetched from other servers. Try again later."
        raise MatrixError(503, "M_UNKNOWN", message, {"retry_after_ms": 5_000}) from None
