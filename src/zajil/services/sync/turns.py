"""How many syncs are put together in one round of the event loop.

After a restart or a reload everybody asks at once, and a new process answers the first sync of each slowly. A message needs half a dozen rounds from
its arrival to its answer; if a hundred syncs are put together in each, that takes seconds. So those for which there is no time in a round wait in the
order in which they came, and as many of them go on in each of the next as keep it short; longer while there is no message that would have to wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

ROUND_S_MAX: Final = 0.002
"""A round with syncs in it should take no longer while a message is under way; one sync alone may."""
IDLE_ROUND_S_MAX: Final = 0.01
"""While none is: each round has its price, above all when thousands of connections are read in it."""
AT_ONCE_MAX: Final = 16
"""What a sync will take nobody knows before. If all of these are dear after cheap ones, one round is long, and the next has one again."""


class SyncTurns:
    """Of one process. `now_s` is a monotonic clock; `has_messages` says whether any are under way."""

    def __init__(self, now_s: Callable[[], float], has_messages: Callable[[], bool]) -> None:
        self._now_s = now_s
        self._has_messages = has_messages
        self._began_s: float | None = None
        """When the present round began; None before the first sync in one."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        """No more than there are connections."""
        self._at_once = 1
        """So many that wait go on in a round: more while rounds are short, fewer when they are not."""

    def may_go_on(self) -> bool:
        """Whether there is time left in this round, and nobody came before; else `wait`."""
        if self._began_s is None:
            self._plan_round()
            return True
        return not self._waiting and self._is_short(self._began_s)

    async def wait(self) -> None:
        """Until it is this sync's turn. To be called at once after `may_go_on` has said no."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _is_short(self, began_s: float) -> bool:
        return self._now_s() - began_s < (ROUND_S_MAX if self._has_messages() else IDLE_ROUND_S_MAX)

    def _plan_round(self) -> None:
        self._began_s = self._now_s()
        asyncio.get_running_loop().call_soon(self._begin_round)

    def _begin_round(self) -> None:
        began_s, self._began_s = self._began_s, None
        if not self._waiting or began_s is None:
            self._at_once = 1
            return
        self._at_once = min(self._at_once * 2, AT_ONCE_MAX) if self._is_short(began_s) else 1
        self._plan_round()
        woken = 0
        while self._waiting and woken < self._at_once:
            turn = self._waiting.popleft()
            if not turn.done():  # its client may have gone
                turn.set_result(None)
                woken += 1
