"""How long syncs are put together in one round of the event loop.

After a restart or a reload everybody asks at once, and a new process answers the first sync of each slowly. A message needs half a dozen rounds from
its arrival to its answer; if a hundred syncs are put together in each, that takes seconds. So in each round they get a few milliseconds, in the order in
which they came, and then all else has its turn.
"""

import asyncio
from collections.abc import Callable
from typing import Final

ROUND_S_MAX: Final = 0.005


class SyncTurns:
    """Of one process. `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._ends_s: float | None = None
        """When this round's time for syncs is over; None before the first in a round."""

    def may_go_on(self) -> bool:
        """Whether there is time left in this round; else `wait`."""
        if self._ends_s is None:
            self._ends_s = self._now_s() + ROUND_S_MAX
            asyncio.get_running_loop().call_soon(self._begin_round)
            return True
        return self._now_s() < self._ends_s

    async def wait(self) -> None:
        """Until there is time."""
        while not self.may_go_on():  # noqa: ASYNC110  rounds are told to nobody
            await asyncio.sleep(0)

    def _begin_round(self) -> None:
        self._ends_s = None
