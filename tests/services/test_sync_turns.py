"""When everybody asks at once, what is not a sync has its turn in between."""

import asyncio

from zajil.services.sync.turns import AT_ONCE_MAX, ROUND_S_MAX, SyncTurns

SYNCS = 200
SYNC_S = 0.002
HOPS = 6
"""Rounds of the event loop that a message needs."""


async def test_a_message_passes_many_syncs() -> None:
    now_s, done, order = 0.0, 0, list[int]()
    turns = SyncTurns(lambda: now_s, lambda: True)

    async def sync(number: int) -> None:
        nonlocal now_s, done
        if not turns.may_go_on():
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
    # In the first round one more may begin than fits into it; then they go on one by one, because each fills a round.
    assert message.result() <= ROUND_S_MAX / SYNC_S + 1 + HOPS
    assert order == list(range(SYNCS)), "who came first is answered first"


async def test_without_messages_more_of_them_share_a_round() -> None:
    now_s, done, rounds = 0.0, 0, 0
    turns = SyncTurns(lambda: now_s, lambda: False)

    async def sync() -> None:
        nonlocal now_s, done
        if not turns.may_go_on():
            await turns.wait()
        now_s += SYNC_S
        done += 1

    syncs = [asyncio.create_task(sync()) for _ in range(SYNCS)]
    while done < SYNCS:
        rounds += 1
        await asyncio.sleep(0)
    assert rounds < SYNCS / 2
    await asyncio.gather(*syncs)


async def test_many_short_ones_share_a_round() -> None:
    now_s, rounds = 0.0, 0
    turns = SyncTurns(lambda: now_s, lambda: True)
    short_s = ROUND_S_MAX / 20

    async def sync() -> None:
        nonlocal now_s
        if not turns.may_go_on():
            await turns.wait()
        now_s += short_s

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(sync() for _ in range(SYNCS)))
    counting.cancel()
    assert rounds < SYNCS / 4


async def test_dear_ones_after_cheap_ones_fill_few_rounds() -> None:
    now_s, done = 0.0, 0
    turns = SyncTurns(lambda: now_s, lambda: True)

    async def sync(number: int) -> None:
        nonlocal now_s, done
        if not turns.may_go_on():
            await turns.wait()
        now_s += SYNC_S / 100 if number < SYNCS else SYNC_S
        done += 1

    syncs = [asyncio.create_task(sync(number)) for number in range(2 * SYNCS)]
    long_rounds = 0
    while done < 2 * SYNCS:
        before_s = now_s
        await asyncio.sleep(0)
        long_rounds += now_s - before_s > ROUND_S_MAX + SYNC_S
        assert now_s - before_s <= (AT_ONCE_MAX + 1) * SYNC_S
    assert long_rounds <= 8
    await asyncio.gather(*syncs)


async def test_who_has_gone_takes_no_turn() -> None:
    now_s = 0.0
    turns = SyncTurns(lambda: now_s, lambda: True)
    went_on: list[int] = []

    async def sync(number: int) -> None:
        nonlocal now_s
        if not turns.may_go_on():
            await turns.wait()
        now_s += ROUND_S_MAX
        went_on.append(number)

    syncs = [asyncio.create_task(sync(number)) for number in range(4)]
    await asyncio.sleep(0)
    syncs[1].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert went_on == [0, 2]
    await asyncio.gather(*syncs[2:])
    assert went_on == [0, 2, 3]


async def test_an_idle_server_lets_each_go_on() -> None:
    turns = SyncTurns(asyncio.get_running_loop().time, lambda: True)
    assert turns.may_go_on()
    await asyncio.sleep(ROUND_S_MAX * 2)
    assert turns.may_go_on()
