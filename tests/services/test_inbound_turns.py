"""Work for other servers is done in slices that let this server's own users go first."""

import asyncio
from pathlib import Path

from tests.client import running_server

from zajil.core.admission import Entry
from zajil.core.admission_work import Work
from zajil.services.federation.inbound_turns import PAUSE_S, PAUSES_MAX, InboundTurns


async def test_a_slice_waits_for_our_own_users_but_not_for_ever(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admission = server.app.admission
        own, foreign = Entry(Work.FEW, "@anna:localhost", 0.0), Entry(Work.FEDERATION, "other.test", 0.0)
        for entry in (own, foreign):
            assert admission.arrive(entry, 0.0) is None
        pauses: list[float] = []

        async def pause(seconds: float) -> None:
            if seconds:
                pauses.append(seconds)
            await asyncio.sleep(0)

        turns = InboundTurns(server.app, pause)
        await turns.wait()
        assert pauses == [PAUSE_S] * PAUSES_MAX
        admission.leave(own, 1.0)
        await turns.wait()
        assert pauses == [PAUSE_S] * PAUSES_MAX  # the other server's request is nothing to wait for


async def test_slices_come_one_at_a_time_in_the_order_of_asking(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        turns, done = InboundTurns(server.app), []

        async def work(name: str) -> None:
            for _ in range(3):
                async with turns.hold():
                    done.append(name)
                    await asyncio.sleep(0)
                    done.append(name)

        await asyncio.gather(work("a"), work("b"), work("c"))
        assert done == list("aabbcc" * 3)
