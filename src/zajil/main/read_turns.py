"""How much is read in one round of the event loop while there is too much to do.

libuv hands over up to 48 times 1,024 ready connections before anything else has a turn: answers, timers, the sign of life to the supervisor.
With thousands of connections that ask again as soon as they were refused that takes seconds. So what comes is put aside, and read a little of
in each round. A message in a conversation takes half a dozen rounds from its arrival to its answer, and waits for what is read in each of them.

Connections on which the last request was refused come after the others: in a flood they are nearly all there are. While a message of a
conversation is under way they are left alone, for a moment.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

SLICE_S: Final = 0.001
"""So long is read in a round."""
LATE_SLICE_S: Final = 0.0002
"""So long are those read whose last request was refused and who have waited for `REFUSED_WAIT_S_MAX`, while a message of a conversation is
under way. Were it much shorter, the rounds themselves would cost more than what is done in them."""
REFUSED_WAIT_S_MAX: Final = 0.05
"""So long at most they are not read because such a message is under way. All wait for as long, so no fewer are read in a second."""
PAUSE_S: Final = 0.001
"""Until it is looked again whether such a message is under way; timers are no finer, and looking in each round would keep the processor busy."""


class Held(Protocol):
    """A connection with something that was received and not looked at."""

    def read_held(self) -> None: ...


class ReadTurns:
    """Of one process. `has_live` says whether a message of a conversation is under way; `now_s` is a monotonic clock."""

    def __init__(self, has_live: Callable[[], bool], now_s: Callable[[], float] = time.perf_counter) -> None:
        self._has_live = has_live
        self._now_s = now_s
        self._held: deque[Held] = deque()
        self._refused: deque[tuple[float, Held]] = deque()
        """Those whose last request was refused, and since when each of them waits."""
        self._round: asyncio.Handle | None = None
        self._is_pausing = False
        """The next round is a while off."""

    def __len__(self) -> int:
        return len(self._held) + len(self._refused)

    def hold(self, connection: Held, loop: asyncio.AbstractEventLoop, *, was_refused: bool) -> None:
        """It is read when its turn comes, in the next round or later."""
        if was_refused:
            self._refused.append((self._now_s(), connection))
        else:
            self._held.append(connection)
            if self._is_pausing and self._round is not None:
                self._round.cancel()
                self._round = None
        if self._round is None:
            self._plan_round(loop)

    def _plan_round(self, loop: asyncio.AbstractEventLoop) -> None:
        """The next one, or after a pause if there are only such as must wait."""
        self._is_pausing = not self._held and not self._is_due(self._has_live(), self._now_s())
        if self._is_pausing:
            self._round = loop.call_later(PAUSE_S, self._begin_round, loop)
        else:
            self._round = loop.call_soon(self._begin_round, loop)

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._round = None
        try:
            self._read_held()
            self._read_refused()
        finally:
            if self._held or self._refused:
                self._plan_round(loop)

    def _read_held(self) -> None:
        until_s = self._now_s() + SLICE_S
        while self._held:
            self._held.popleft().read_held()
            if self._now_s() >= until_s:
                break

    def _read_refused(self) -> None:
        has_live, now_s = self._has_live(), self._now_s()
        until_s = now_s + (LATE_SLICE_S if has_live else SLICE_S)
        while self._refused and now_s < until_s and self._is_due(has_live, now_s):
            self._refused.popleft()[1].read_held()
            has_live, now_s = self._has_live(), self._now_s()

    def _is_due(self, has_live: bool, now_s: float) -> bool:
        """Whether the first of those that were refused may be read."""
        return not has_live or now_s - self._refused[0][0] >= REFUSED_WAIT_S_MAX
