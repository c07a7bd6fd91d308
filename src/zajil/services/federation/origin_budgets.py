"""Every other server has a budget of its own, so that none takes what the others or this server's own users need (core/origin_budget.py).

Who is over it is told so with 429 M_LIMIT_EXCEEDED and comes again: servers keep what they have to send. Only requests with a verified signature count.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from zajil.core.origin_budget import WAITING_MAX, Kind, OriginBudget, build_limits
from zajil.services.admission.new_rooms import describe_s, round_up_ms
from zajil.services.app import App
from zajil.services.errors import MatrixError, limit_exceeded

ORIGINS_REMEMBERED_MAX: Final = 20_000
WAIT_S_MAX: Final = 10.0
RESTS_LOOKED_AT_MAX: Final = 10

Waiting = deque[tuple[Kind, asyncio.Future[None]]]


class OriginBudgets:
    """The budgets of this process."""

    def __init__(self, app: App) -> None:
        config = app.config
        self._app = app
        self.limits = build_limits(
            config.federation_requests_per_s, config.federation_events_per_s, config.federation_requests_at_once
        )
        self._origins: OrderedDict[str, OriginBudget] = OrderedDict()
        self._waiting: dict[str, Waiting] = {}

    def check(self, origin: str, kind: Kind | None) -> None:
        """Raises 429 M_LIMIT_EXCEEDED if the server has used up its budget. Counts nothing: it may be somebody else who says to be that server."""
        budget = self._origins.get(origin)
        if budget is not None and self._app.config.rate_limits:
            self._refuse_if(kind, budget.find_wait_s(self.limits, kind, self._app.clock.monotonic_s()), "rate")

    @asynccontextmanager
    async def hold(self, origin: str, kind: Kind, note_waiting: Callable[[bool], None]) -> AsyncIterator[None]:
        """Do a request of the server inside. `note_waiting` is told when it begins to wait for its turn, and when it has it.

        Raises 429 M_LIMIT_EXCEEDED.
        """
        if not self._app.config.rate_limits:
            yield
            return
        now_s = self._app.clock.monotonic_s()
        budget = self._find(origin, now_s)
        self._refuse_if(kind, budget.find_wait_s(self.limits, kind, now_s), "rate")
        budget.take_request(self.limits, kind, now_s)
        if origin not in self._waiting and budget.may_begin(self.limits, kind):
            budget.begin(kind)
        else:
            await self._wait(origin, budget, kind, note_waiting)
        began_s = self._app.clock.monotonic_s()
        try:
            yield
        finally:
            budget.end(kind, self._app.clock.monotonic_s() - began_s)
            self._begin_next(origin, budget)

    def count_events(self, origin: str, count: int) -> None:
        """The transaction that is being taken in has so many events."""
        budget = self._origins.get(origin)
        if budget is not None:
            budget.take_events(self.limits, count, self._app.clock.monotonic_s())

    async def _wait(self, origin: str, budget: OriginBudget, kind: Kind, note_waiting: Callable[[bool], None]) -> None:
        """Until it is the request's turn, which has begun then."""
        waiting = self._waiting.setdefault(origin, deque())
        if len(waiting) >= WAITING_MAX:
            self._refuse_if(kind, budget.expect_s(self.limits, len(waiting)), "crowd")
        entry = kind, asyncio.get_running_loop().create_future()
        waiting.append(entry)
        self._begin_next(origin, budget)
        note_waiting(True)
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await entry[1]
        except BaseException as error:
            if entry[1].done() and not entry[1].cancelled():
                budget.end(kind, 0.0)
            else:
                waiting.remove(entry)
            self._begin_next(origin, budget)
            if isinstance(error, TimeoutError):
                self._refuse_if(kind, budget.expect_s(self.limits, len(waiting)), "crowd")
            raise
        finally:
            note_waiting(False)

    def _begin_next(self, origin: str, budget: OriginBudget) -> None:
        """The first that may, and then the next."""
        waiting = self._waiting.get(origin)
        if waiting is None:
            return
        for entry in list(waiting):
            kind, turn = entry
            if not turn.done() and budget.may_begin(self.limits, kind):
                waiting.remove(entry)
                budget.begin(kind)
                turn.set_result(None)
        if not waiting:
            self._waiting.pop(origin, None)

    def _find(self, origin: str, now_s: float) -> OriginBudget:
        budget = self._origins.get(origin)
        if budget is None:
            budget = self._origins[origin] = OriginBudget()
            if len(self._origins) > ORIGINS_REMEMBERED_MAX:
                self._forget_some(now_s)
        self._origins.move_to_end(origin)
        return budget

    def _forget_some(self, now_s: float) -> None:
        """Those that have not asked for longest, but for such as still have something to wait for, as long as there are not too many of these."""
        oldest = [name for name, _ in zip(self._origins, range(RESTS_LOOKED_AT_MAX), strict=False)]
        resting = next((name for name in oldest if self._origins[name].is_idle(now_s)), None)
        idle = resting or next((name for name in oldest if not self._origins[name].running), None)
        if idle is not None:
            del self._origins[idle]

    def _refuse_if(self, kind: Kind | None, wait_s: float, reason: str) -> None:
        if wait_s:
            self._app.measurements.federation.note_refused("unknown" if kind is None else kind, reason)
            raise _refuse(wait_s)


def _refuse(wait_s: float) -> MatrixError:
    told = f"Your server asks too much of this one. Try again in {describe_s(wait_s)}."
    return limit_exceeded(round_up_ms(wait_s), told)
