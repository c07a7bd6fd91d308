"""How long a day is, on a clock that only runs while the drill waits."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from zajil.drill import faults, run_drill
from zajil.drill.flood import Came
from zajil.drill.ledger import Ledger
from zajil.drill.plan import FAILED, FAULTS, FEBRUARY_22, QUICK
from zajil.drill.run_drill import Order, Result, play

WAITING_S_MAX = 40
"""Of the minute of a quick day. The rest is for the start, what the faults really take, and the judgement."""


def build_traffic() -> Any:
    """Everybody of a quick day; whatever they do takes no time."""
    person = AsyncMock()
    traffic = MagicMock(rate_per_s=QUICK.rate_per_s, refused=0, unread={}, places=[(person, "!room:localhost")])
    traffic.pairs = [(person, "!pair:localhost")] * QUICK.people
    traffic.register = AsyncMock(return_value=[person])
    traffic.count_failed = AsyncMock(return_value=dict.fromkeys(FAILED, 0))
    traffic.wait_until_synced = AsyncMock(return_value=0.0)
    return traffic


async def test_a_quick_day_has_a_flood_and_is_over_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0

    async def wait(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    async def flood(*_: object) -> Came:
        await wait(QUICK.flood_s)
        return Came()

    for module in (faults, run_drill):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now_s, time=lambda: now_s))
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=wait, gather=asyncio.gather))
    monkeypatch.setattr(faults, "run_flood", flood)
    monkeypatch.setattr(faults.Day, "find_back_ms", AsyncMock(return_value=0.0))
    ledger = Ledger()
    day = faults.Day(QUICK, build_traffic(), ledger, MagicMock(reload=AsyncMock()))
    order = Order(FEBRUARY_22, FAULTS, QUICK, 22, Path())
    result = Result(FEBRUARY_22, QUICK, 22, 0.0, 0.0, "", ledger)
    await play(order, day, result, lambda _: None)
    assert {each.fault.name for each in result.played} == {fault.name for fault in FAULTS if not fault.needs_postgres}
    assert now_s < WAITING_S_MAX
