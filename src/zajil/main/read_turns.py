"""How much is read in one round of the event loop while there is too much to do.

libuv hands over up to 48 times 1,024 ready connections before anything else has a turn: answers, timers, the sign of life to the supervisor.
With thousands of connections that ask again as soon as they were refused that takes seconds. So what comes is put aside, and read a little of
in each round. A message in a conversation takes half a dozen rounds from its arrival to its answer, and waits for what is read in each of them.

Connections on which the last request was refused come after the others: in a flood they are nearly all there are.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

SLICE_S: Final = 0.001
"""So long is read in a round."""
REFUSED_SLICE_S: Final = 0.0002
"""So long are those read whose last request was refused. Were it much shorter, the rounds themselves would cost more than what is
done in them."""


class Held(Protocol):
    """A connection with something that was received and not looked at."""

    def read_held(self) -> None: ...


class ReadTurns:
    """Of one process. `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float] = time.perf_counter) -> None:
        self._now_s = now_s
        self._held: deque[Held] = deque()
        self._refused: deque[Held] = deque()
        """Those whose last request was refused."""
        self._is_round_planned = False

    def __len__(self) -> int:
        return len(self._held) + len(self._refused)

    def hold(self, connection: Held, loop: asyncio.AbstractEventLoop, *, was_refused: bool) -> None:
        """It is read when its turn comes, in the next round or later."""
        (self._refused if was_refused else self._held).append(connection)
        self._plan_round(loop)

    def _plan_round(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_round_planned:
            self._is_round_planned = True
            loop.call_soon(self._begin_round, loop)

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_round_planned = False
        try:
            self._read(self._held, SLICE_S)
            self._read(self._refused, REFUSED_SLICE_S)
        finally:
            if self._held or self._refused:
                self._plan_round(loop)

    def _read(self, queue: deque[Held], slice_s: float) -> None:
        until_s = self._now_s() + slice_s
        while queue:
            queue.popleft().read_held()
            if self._now_s() >= until_s:
                break
