"""Work for other servers is done in small slices, one at a time, between the requests of this server's own users.

A slice holds the event loop for well under a millisecond. One after the other they would still be in the way: a message that is sent goes through the
loop half a dozen times until it is answered, and would meet a slice each time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from zajil.services.app import App

SLICE_EVENTS_MAX: Final = 4
"""Events that are verified, or placed in one commit, in a slice."""
SLICE_S_MAX: Final = 0.0005
"""After this time a slice takes no further event."""
PAUSE_S: Final = 0.001
PAUSES_MAX: Final = 2
"""So often a slice lets our own users go first; then it has its turn, however busy they are."""


class InboundTurns:
    """Who wants a turn gets it in the order of asking."""

    def __init__(self, app: App, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._app = app
        self._sleep = sleep
        self._turn = asyncio.Lock()

    def is_over(self, began_s: float) -> bool:
        """Whether a slice that began then has had its time."""
        return self._app.clock.monotonic_s() - began_s > SLICE_S_MAX

    async def wait(self) -> None:
        """Until the caller may do a slice of work that does not leave the loop, or goes on when it has waited for the network."""
        async with self.hold():
            pass

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Do one slice of work inside, and nobody else one meanwhile. It must not wait for the network."""
        async with self._turn:
            await self._sleep(0)
            for _ in range(PAUSES_MAX):
                if not self._app.admission.count_own_running():
                    break
                await self._sleep(PAUSE_S)
            yield
