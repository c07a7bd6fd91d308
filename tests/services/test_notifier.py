"""Who waits for news is woken, whatever is forgotten meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.client import running_server


async def test_nobody_waits_on_a_record_that_is_forgotten(tmp_path: Path) -> None:
    """Another process writes after a sync has looked who asks, and before it waits."""
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        notifier = server.app.notifier
        user = await notifier.find_or_load(server.app.db.reader, anna.user_id)
        notifier.hear_foreign(server.app.db.position, ())
        assert await asyncio.wait_for(notifier.wait(user, 30), 1)
        again = await notifier.find_or_load(server.app.db.reader, anna.user_id)
        assert again is not user
        assert not await asyncio.wait_for(notifier.wait(again, 0.05), 1)
