"""When garbage is looked for: a little and often when it is quiet, and not in the middle of a flood.

CPython looks through everything that lives long whenever that has grown by a quarter. In a flood thousands of connections are new and it grows fast,
so that the whole process stood still for up to 0.3 s, again and again, and conversations with it. Here what has survived one search is left out
of the next ones (`gc.freeze`), so that a search takes as long as what is new since; once in a while, when it is quiet, all is looked through.
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

YOUNG: Final = (500, 5, 1_000_000_000)
"""Of the young ones CPython takes care, of fewer at once than usual: a search among 40,000 took 30 ms. The search among the old ones is ours."""
YOUNG_IN_CROWD: Final = (5_000, 5, 1_000_000_000)
"""In a flood CPython takes care of them only when there was no moment in which nothing had to wait for it."""
CHECK_S: Final = 1.0
CROWD_CHECK_S: Final = 0.005
SEARCHES_LEAST: Final = 10
"""So many searches among the middle-aged make one among the old ones worth while."""
QUIET_INTERVAL_S: Final = 10.0
BUSY_INTERVAL_S: Final = 600.0
WHOLE_INTERVAL_S: Final = 3600.0
WHOLE_INTERVAL_S_MAX: Final = 6 * 3600.0


class GarbageSearch:
    """Of one process. `is_quiet` says whether a pause would be noticed by few, `has_live` whether a message of a conversation is under way."""

    def __init__(self, now_s: Callable[[], float], is_quiet: Callable[[], bool], has_live: Callable[[], bool]) -> None:
        self._now_s = now_s
        self._is_quiet = is_quiet
        self._has_live = has_live
        self._searched_s = self._searched_all_s = now_s()

    def begin(self) -> None:
        """What is there now is no garbage."""
        gc.freeze()
        gc.set_threshold(*YOUNG)
        gc.enable()

    async def run(self) -> None:
        while True:
            if self._is_quiet():
                await asyncio.sleep(CHECK_S)
            else:
                await self._search_in_crowd()
            self.check()

    async def _search_in_crowd(self) -> None:
        """Until the next check, search among the young whenever nothing has to wait for it."""
        gc.set_threshold(*YOUNG_IN_CROWD)
        try:
            until_s = self._now_s() + CHECK_S
            while self._now_s() < until_s:
                self.search_young()
                await asyncio.sleep(CROWD_CHECK_S)
        finally:
            gc.set_threshold(*YOUNG)

    def search_young(self) -> bool:
        """Search among the young if there are enough and no message of a conversation is under way; says whether that was done.

        What survives is old then. CPython would look at it once more, with four others together, and that took up to 4 ms at once.
        """
        if gc.get_count()[0] < YOUNG[0] or self._has_live():
            return False
        gc.collect(1)
        return True

    def check(self) -> str:
        """Search if it is time to; says among what."""
        now_s, is_quiet = self._now_s(), self._is_quiet()
        since_s = now_s - self._searched_all_s
        if since_s >= (WHOLE_INTERVAL_S if is_quiet else WHOLE_INTERVAL_S_MAX):
            gc.unfreeze()
            self._searched_all_s = now_s
            found = "all"
        elif gc.get_count()[2] >= SEARCHES_LEAST and now_s - self._searched_s >= (
            QUIET_INTERVAL_S if is_quiet else BUSY_INTERVAL_S
        ):
            found = "new"
        else:
            return ""
        self._searched_s = now_s
        gc.collect()
        gc.freeze()
        return found
