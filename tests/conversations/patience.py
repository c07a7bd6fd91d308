"""Waiting that counts only the time in which this process ran.

A machine that suspends its processes for a minute must not look like a server that does not come back: the clock went on, and
nobody had a chance to do anything.
"""

from __future__ import annotations

import asyncio
import time

STEP_SECONDS_MAX = 0.5
"""A longer gap between two looks is a pause of this process, not of the server it waits for."""


class Patience:
    """So many seconds of waiting, in steps."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._last = time.monotonic()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        now = time.monotonic()
        self.spent += min(now - self._last, STEP_SECONDS_MAX)
        self._last = now

    @property
    def is_over(self) -> bool:
        return self.spent > self.seconds
