"""How much is read in one round of the event loop while there is too much to do.

libuv hands over up to 48 times 1,024 ready connections before anything else has a turn: answers, timers, the sign of life to the supervisor.
With thousands of connections that ask again as soon as they were refused that takes seconds. So what comes beyond a few requests is put aside
for the next rounds, and what was let in goes on in between.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

PER_ROUND: Final = 16
"""About a millisecond's work."""


class Held(Protocol):
    """A connection with something that was received and not looked at."""

    def read_held(self) -> None: ...


class ReadTurns:
    """Of one process."""

    def __init__(self) -> None:
        self._left = PER_ROUND
        self._held: deque[Held] = deque()
        self._is_round_planned = False

    def __len__(self) -> int:
        return len(self._held)

    def may_read(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether a connection may be read now; else it must be held."""
        if not self._is_round_planned:
            self._is_round_planned = True
            loop.call_soon(self._begin_round, loop)
        if self._held or self._left <= 0:
            return False
        self._left -= 1
        return True

    def hold(self, connection: Held) -> None:
        """It is read when its turn comes; after `may_read` has said no."""
        self._held.append(connection)

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_round_planned = False
        self._left = PER_ROUND
        while self._held and self._left > 0:
            self._left -= 1
            self._held.popleft().read_held()
        if self._held:
            self._is_round_planned = True
            loop.call_soon(self._begin_round, loop)
