"""When everybody asks at once, what is not a sync has its turn in between."""

import asyncio

from zajil.services.sync.turns import ROUND_S_MAX, SyncTurns

SYNCS = 200
SYNC_S = 0.002
HOPS = 6
"""Rounds of the event loop that a message needs."""


async def test_a_message_passes_many_syncs() -> None:
    now_s, done, order = 0.0, 0, list[int]()
    turns = SyncTurns(lambda: now_s)

    async def sync(number: int) -> None:
        nonlocal now_s, done
        await turns.wait()
        now_s += SYNC_S
        done += 1
        order.append(number)

    async def send() -> int:
        for _ in range(HOPS):
            await asyncio.sleep(0)
        return done

    async with asyncio.TaskGroup() as tasks:
        for number in range(SYNCS):
            tasks.create_task(sync(number))
        message = tasks.create_task(send())
    # One more may begin before a round's time is over than fits into it.
    assert message.result() <= (HOPS + 2) * (ROUND_S_MAX / SYNC_S + 1)
    assert order == list(range(SYNCS)), "who came first is answered first"


async def test_an_idle_server_lets_each_go_on() -> None:
    turns = SyncTurns(asyncio.get_running_loop().time)
    assert turns.may_go_on()
    await asyncio.sleep(ROUND_S_MAX * 2)
    assert turns.may_go_on()
