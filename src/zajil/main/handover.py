"""How a worker gives its work to its successor without its clients noticing (docs/decisions/handover.md).

Idle connections are not closed: their sockets move to the successor, which goes on with them. So no client ever writes into a connection
that is being closed, which is the one failure that HTTP/1.1 cannot rule out.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

import structlog
from uvicorn.server import ServerState

from zajil.main.protocol import BoundedHttpProtocol
from zajil.services.admission.memory import inherit_memory, leave_memory
from zajil.services.app import App
from zajil.services.sync.notifier import OnlineUser

log = structlog.get_logger(__name__)

WRITES_WAIT_S_MAX = 0.15
"""So long the requests in flight may take to write what they have to, while the successor's writes wait."""
POLL_INTERVAL_S = 0.006
"""Between two parked polls that are sent away: their next one costs the successor more than any after it."""
SPREAD_S_MAX = 5.0
"""About so long for all of them. On SQLite nobody here hears of what is no message (keys, calls, typing); those wait until they are sent away."""
TOLD_AT_ONCE_MAX = 50
"""Polls in a room with a new message: as many are sent away at once, those in larger rooms little by little, before all others."""
HINT_INTERVAL_S = 0.05
CHECK_INTERVAL_S = 0.01
MOVED_PER_SLICE = 25
"""So many connections move at once, then both processes attend to people for `CHECK_INTERVAL_S`: 10,000 take 4 s."""
CONNECTION, MEMORY = b"c", b"m"
"""What is sent to the successor, with a file each: a client's socket; what it should know."""
MEMORY_SIZE_MAX = 64 * 1024 * 1024
IDLE_S = 3.0
"""A connection that cannot be moved (TLS) gets this long to ask once more, and be told to close, before it is closed."""


class Retirement:
    """One worker's last duties. `give` leads to the successor; without it connections are closed in the old way."""

    def __init__(self, app: App, state: ServerState, give: socket.socket | None) -> None:
        self._app = app
        self._state = state
        self._give = give
        self._moved = 0

    async def run(self) -> None:
        """The listening sockets are closed already. Returns when every request in flight is answered."""
        self._app.db.share_turn()
        self._leave_memory()
        BoundedHttpProtocol.on_idle = self._on_idle
        moving = asyncio.create_task(self._move_idle_ones())
        try:
            await self._finish_writes()
            self._app.stopping = True
            await self._send_polls_away()
            await self._wait_for_the_rest()
        finally:
            moving.cancel()
        if self._give is not None:
            self._give.close()
        log.info("handed over", connections=self._moved)

    def _leave_memory(self) -> None:
        if self._give is None:
            return
        memory = os.memfd_create("zajil-memory")
        try:
            with os.fdopen(memory, "wb", closefd=False) as file:
                file.write(leave_memory(self._app))
            socket.send_fds(self._give, [MEMORY], [memory])
        except OSError as error:  # then the successor knows what it finds in the database
            log.warning("what is known of conversations was not handed over", cause=str(error))
        finally:
            os.close(memory)

    # Writes

    async def _finish_writes(self) -> None:
        """Let requests in flight write, then let the successor."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WRITES_WAIT_S_MAX
        while len(self._state.tasks) > self._app.notifier.count_parked() and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(CHECK_INTERVAL_S / 5)
        # The successor sends to other servers from now on.
        await self._app.destinations.stop()
        await self._app.db.pass_turn()

    # Connections

    def _connections(self) -> list[BoundedHttpProtocol]:
        return [each for each in self._state.connections if isinstance(each, BoundedHttpProtocol)]

    def _on_idle(self, connection: BoundedHttpProtocol) -> None:
        self._offer(connection)

    def _offer(self, connection: BoundedHttpProtocol) -> bool:
        """Move a connection on which nothing is under way; one that cannot be moved answers once more and closes.

        False: the successor has not read its last ones yet.
        """
        if not connection.is_idle:
            return True
        if self._give is None or connection.scheme == "https":
            connection.closes_next = True
            return True
        return connection.transport.get_write_buffer_size() > 0 or self._move(connection, self._give)

    async def _move_idle_ones(self) -> None:
        """Those that were idle at the beginning, whose answer had not left yet, that came from this worker's own predecessor only now, …"""
        while True:
            moved = self._moved
            for connection in self._connections():
                if not self._offer(connection) or self._moved - moved >= MOVED_PER_SLICE:
                    break
            await asyncio.sleep(CHECK_INTERVAL_S)

    def _move(self, connection: BoundedHttpProtocol, give: socket.socket) -> bool:
        transport = connection.transport
        connection.flow.pause_reading()
        fd = os.dup(transport.get_extra_info("socket").fileno())
        try:
            socket.send_fds(give, [CONNECTION], [fd])
        except BlockingIOError:
            connection.flow.resume_reading()
            return False
        except OSError:  # the successor is gone; the next one gets the client by another way
            connection.flow.resume_reading()
            give.close()
            self._give = None
        else:
            self._moved += 1
            transport.close()  # of this process's copy: the connection itself stays open
        finally:
            os.close(fd)
        return True

    # Polls

    async def _send_polls_away(self) -> None:
        """Answer parked polls, the ones that have news first, the others little by little: each costs the successor something."""
        notifier, loop = self._app.notifier, asyncio.get_running_loop()
        waiting = dict.fromkeys(notifier.parked_users())
        with_news: dict[OnlineUser, None] = {}
        interval_s = min(POLL_INTERVAL_S, SPREAD_S_MAX / max(1, notifier.count_parked()))
        hinted_at = 0.0
        while waiting:
            if loop.time() - hinted_at > HINT_INTERVAL_S:
                hinted_at = loop.time()
                with contextlib.suppress(Exception):
                    for room_id in await self._app.db.find_rooms_written_since():
                        told = [user for user in notifier.online_in(room_id) if user.waiters]
                        if sum(len(user.waiters) for user in told) <= TOLD_AT_ONCE_MAX:
                            for user in told:
                                user.wake()
                        else:
                            with_news.update(dict.fromkeys(told))
            user = next(iter(with_news), None) or next(iter(waiting))
            if not user.wake_one():
                with_news.pop(user, None)
                waiting.pop(user, None)
                continue
            await asyncio.sleep(interval_s)
        notifier.wake_all()

    async def _wait_for_the_rest(self) -> None:
        """Requests in flight are finished, then connections that could not be moved are closed."""
        loop = asyncio.get_running_loop()
        moved, moved_at = self._moved, loop.time()
        while self._state.tasks or (self._connections() and loop.time() - moved_at < IDLE_S):
            if self._moved != moved:
                moved, moved_at = self._moved, loop.time()
            self._app.notifier.wake_all()
            await asyncio.sleep(CHECK_INTERVAL_S)


class Arrivals:
    """The successor's end: takes in the connections that its predecessor gives it, and what it knew."""

    def __init__(self, app: App, end: socket.socket, build_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._app = app
        self._end = end
        self._build_protocol = build_protocol
        self._arriving: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._end.fileno(), self._receive)

    def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(MOVED_PER_SLICE):
            try:
                text, files, _, _ = socket.recv_fds(self._end, 1, 1)
            except BlockingIOError:
                return
            except OSError:
                text, files = b"", []
            if not text and not files:  # the predecessor has ended
                loop.remove_reader(self._end.fileno())
                self._end.close()
                return
            if text == MEMORY:
                for fd in files:
                    self._read_memory(fd)
                continue
            for fd in files:
                arrival = loop.create_task(self._take(socket.socket(fileno=fd)))
                self._arriving.add(arrival)
                arrival.add_done_callback(self._arriving.discard)

    def _read_memory(self, fd: int) -> None:
        with os.fdopen(fd, "rb") as file:
            file.seek(0)
            inherit_memory(self._app, file.read(MEMORY_SIZE_MAX))

    async def _take(self, connection: socket.socket) -> None:
        connection.set_inheritable(False)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._build_protocol, connection)
        except OSError:
            connection.close()
