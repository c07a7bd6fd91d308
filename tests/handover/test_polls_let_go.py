"""What a worker that is replaced does with the polls that are parked there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.client import Client, running_server
from uvicorn.server import ServerState

from zajil.main.handover import POLL_INTERVAL_S, Retirement
from zajil.main.protocol import BoundedHttpProtocol

DEVICES = 12


async def test_the_devices_of_one_user_are_not_sent_away_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first poll costs the successor more than any after it, and somebody may have many devices."""
    monkeypatch.setattr(BoundedHttpProtocol, "on_idle", None)  # a worker that retires sets it for good
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        since = (await anna.get("/_matrix/client/v3/sync?timeout=0")).ok()["next_batch"]
        loop, ended_s = asyncio.get_running_loop(), []

        async def poll(device: Client) -> None:
            (await device.get(f"/_matrix/client/v3/sync?timeout=600000&since={since}")).ok()
            ended_s.append(loop.time())

        polls = [asyncio.create_task(poll(anna)) for _ in range(DEVICES)]
        while server.app.notifier.count_parked() < DEVICES:
            await asyncio.sleep(0.01)
        await Retirement(server.app, ServerState(), None).run()
        await asyncio.gather(*polls)
        assert ended_s[-1] - ended_s[0] >= DEVICES / 2 * POLL_INTERVAL_S
