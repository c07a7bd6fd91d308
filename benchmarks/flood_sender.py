"""Sends thousands of requests a second at the times at which they are due, and costs little: no task, no future, one callback each.

A generator that shares a machine with the server must not be what is measured. So it says by how much it was itself late.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from benchmarks.flood_client import CONTENT

UNANSWERED: Final = 0
"""Stands for a status where there was none."""
NOT_SENT: Final = 1
"""The people had no connection left: all they may have waited for answers."""
CONNECTIONS_MAX: Final = 8000
"""Two for each who sends copies."""
TICK_S: Final = 0.001
"""Timers are no finer: who asks for less keeps the processor busy until it is time."""
REST_S_MAX: Final = 30.0
"""So long after the last was sent, answers may still come."""


class Sender(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, flood: ScheduledFlood) -> None:
        self._flood = flood
        self._buffer = b""
        self._is_waiting = False
        self._first: bytes | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._first is not None:
            self.transport.write(self._first)
            self._first = None

    def send(self, request: bytes) -> None:
        self._is_waiting = True
        if self.transport is None:
            self._first = request
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        at = data.find(b"content-length: ", 0, end)
        if end < 0 or at < 0 or len(data) < end + 4 + int(data[at + 16 : data.find(b"\r", at)]):
            self._buffer = data
            return
        self._buffer, self._is_waiting = b"", False
        self._flood.answered(self, int(data[9:12]), data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flood.lost(self, is_waiting=self._is_waiting)
        self._is_waiting = False


class ScheduledFlood:
    """What is to be sent, and what came of it."""

    def __init__(self, port: int, note: Callable[[int, bytes], None]) -> None:
        self._port = port
        self._note = note
        self._free: list[Sender] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._open_now = 0
        self.opened = 0
        self.late_ms: list[float] = []

    async def run(self, times_s: Sequence[float], build: Callable[[int], bytes]) -> None:
        """Send `build(number)` at each of the times, whatever became of those before; returns when all are answered or given up."""
        number = 0
        while number < len(times_s):
            now_s = time.monotonic()
            while number < len(times_s) and times_s[number] <= now_s:
                self._send(build(number))
                self.late_ms.append((time.monotonic() - times_s[number]) * 1000)
                number += 1
            if number < len(times_s):
                await asyncio.sleep(max(TICK_S, times_s[number] - time.monotonic()))
        until_s = time.monotonic() + REST_S_MAX
        while self._under_way and time.monotonic() < until_s:
            await asyncio.sleep(0.05)
        for _ in range(self._under_way):
            self._note(UNANSWERED, b"")

    def answered(self, sender: Sender, status: int, answer: bytes) -> None:
        self._under_way -= 1
        self._note(status, answer)
        self._free.append(sender)

    def lost(self, sender: Sender, *, is_waiting: bool) -> None:
        self._open_now -= 1
        if is_waiting:
            self._under_way -= 1
            self._note(UNANSWERED, b"")
        elif sender in self._free:
            self._free.remove(sender)

    def _send(self, request: bytes) -> None:
        if self._free:
            self._under_way += 1
            self._free.pop().send(request)
            return
        if self._open_now >= CONNECTIONS_MAX:
            self._note(NOT_SENT, b"")
            return
        self._under_way += 1
        self._open_now += 1
        self.opened += 1
        sender = Sender(self)
        sender.send(request)
        opening = asyncio.ensure_future(self._open(sender))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, sender: Sender) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: sender, "127.0.0.1", self._port)
        except OSError:
            sender.connection_lost(None)


def build_head(room_id: str) -> bytes:
    """The beginning of a message's request, up to its transaction ID."""
    return f"PUT /_matrix/client/v3/rooms/{room_id}/send/m.room.encrypted/".encode()


def build_rest(token: str) -> bytes:
    """What follows the transaction ID."""
    return (
        f" HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(CONTENT)}\r\n\r\n"
    ).encode() + CONTENT


class Watch:
    """Notices when this process's own event loop was late: what was measured then says little of the server."""

    INTERVAL_S: Final = 0.002
    LATE_S: Final = 0.003
    """Timers are no finer than a millisecond."""

    def __init__(self) -> None:
        self.pauses: list[tuple[float, float]] = []
        """From when until when it was busy with something else."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._look())

    def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()

    async def _look(self) -> None:
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(self.INTERVAL_S)
            now_s = time.monotonic()
            if now_s - before_s > self.INTERVAL_S + self.LATE_S:
                self.pauses.append((before_s, now_s))

    def covers(self, from_s: float, until_s: float) -> bool:
        return any(begin_s < until_s and end_s > from_s for begin_s, end_s in self.pauses)


def be_a_generator(*, is_idle: bool = False) -> None:
    """Keep off the server's processor, and do not stop for collecting garbage.

    Who `is_idle` has a processor only while neither the server nor those who measure want it: people who flood bring computers of their own.
    """
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        os.sched_setaffinity(0, processors[1:])
    if is_idle:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    gc.freeze()
    gc.disable()


def summarise_late(late_ms: Sequence[float]) -> tuple[float, float]:
    """How late p99 and the worst were sent."""
    ordered = sorted(late_ms) or [0.0]
    return ordered[int(len(ordered) * 0.99)], ordered[-1]
