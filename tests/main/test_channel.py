"""The worker's signs of life."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket

import pytest

from zajil.main import channel


async def test_a_moment_without_memory_is_not_the_last_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = itertools.count()

    def find_memory() -> int:
        if next(counts) == 1:
            raise MemoryError
        return 1

    monkeypatch.setattr(channel, "find_memory", find_memory)
    monkeypatch.setattr(channel, "SIGN_OF_LIFE_S", 0.01)
    supervisor, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    supervisor.settimeout(5)
    with supervisor, worker:
        end = channel.Channel(worker, lambda give: None)
        end.tell_ready()
        heard = [json.loads(await asyncio.to_thread(supervisor.recv, 1024))["type"] for _ in range(4)]
        assert heard == ["ready", "alive", "alive", "alive"]
        assert next(counts) >= 4
        assert end._pulse is not None
        end._pulse.cancel()
