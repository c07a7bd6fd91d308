"""Writes of every pace, for tests of who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from zajil.ports.database import Database, Pace, Stream, Transaction, set_pace


def write(database: Database, pace: Pace, item: Callable[[Transaction], Awaitable[int]]) -> asyncio.Task[int]:
    """Begin a write of this pace, in a context of its own."""

    async def run() -> int:
        set_pace(pace)
        return await database.write(item)

    return asyncio.create_task(run())


async def append(tx: Transaction) -> int:
    return await tx.append(Stream.EVENTS, "!room:x")
