"""Two processes on one database agree which of them sends to a server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.client import running_server

from zajil.services.federation.senders import Senders


class Sender:
    """One process, as far as this goes."""

    def __init__(self) -> None:
        self.active: list[str] = []
        self.changes = 0
        self.senders: Senders

    def note_change(self) -> None:
        self.changes += 1

    def die(self) -> None:
        """As by kill -9: nobody is told."""
        task, self.senders._task = self.senders._task, None
        assert task is not None
        task.cancel()


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[Sender]:
    async with running_server(data, federation=False) as server:
        sender = Sender()
        sender.senders = Senders(server.app, lambda: sender.active, sender.note_change)
        await sender.senders.start()
        try:
            yield sender
        finally:
            await sender.senders.stop()


async def wait_until(test: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not test():
            await asyncio.sleep(0.02)


async def take(sender: Sender, server_name: str) -> None:
    """Have the turn as soon as nobody objects."""
    async with asyncio.timeout(60):
        while not await sender.senders.take(server_name):
            await asyncio.sleep(0.02)


async def test_each_server_is_sent_to_by_one_and_by_the_other_when_that_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as first:
        assert first.senders.is_alone
        assert await first.senders.take("one.test")
        first.active = ["one.test"]
        async with running(tmp_path) as second:
            # The first has not heard of the second yet and sends to whom it likes.
            assert not await second.senders.take("two.test")
            await take(second, "two.test")
            assert not first.senders.is_alone
            assert not await second.senders.take("one.test")  # what the first was sending when it heard is its own
            assert not await first.senders.take("two.test")
            assert await first.senders.take("one.test")
            assert first.senders.has_turn("one.test")
            assert not first.senders.has_turn("two.test")
        # The second has ended and said so.
        await wait_until(lambda: first.senders.is_alone)
        assert await first.senders.take("two.test")
        assert first.changes >= 1


async def test_who_is_killed_loses_its_turns_and_who_was_only_stopped_begins_anew(tmp_path: Path) -> None:
    async with running(tmp_path) as first, running(tmp_path) as second:
        await wait_until(lambda: not first.senders.is_alone)
        await take(first, "one.test")
        first.die()
        assert not await second.senders.take("one.test")
        await take(second, "one.test")
        assert second.senders.is_alone
        # It goes on: the turn is not its own any more, and it has to be heard of again before it takes another.
        first.senders._beaten_s = -1e9
        assert not await first.senders.take("one.test")
        assert not await first.senders.take("three.test")
        second.active = ["one.test"]
        first.senders._task = asyncio.create_task(first.senders._run())
        await take(first, "three.test")
        assert not await first.senders.take("one.test")
        assert await second.senders.take("one.test")
        assert not await second.senders.take("three.test")
