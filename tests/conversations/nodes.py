"""Two servers' processes on one PostgreSQL, as on two machines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from tests.conversations.account import Account
from tests.nats_server import NatsServer
from tests.postgres_server import run_postgres
from tests.servers import Server, build_zajil


@contextmanager
def run_two_nodes(folder: Path, *, with_bus: bool, **given: str) -> Iterator[list[Server]]:
    """Both nodes, running; with a bus they hear of each other over NATS, without one they look into the database."""
    bus = NatsServer()
    with run_postgres() as postgres:
        options = {"database": postgres.make_database(), **given}
        if with_bus:
            bus.start()
            options["bus"] = bus.url
        first = build_zajil(folder / "first", **options).start()
        second = build_zajil(folder / "second", **options)
        second.data.mkdir()
        shutil.copy(first.data / "signing.key", second.data / "signing.key")
        second.start()
        try:
            yield [first, second]
        finally:
            first.stop()
            second.stop()
            bus.stop()


async def register_pair(nodes: list[Server], connections: aiohttp.ClientSession, name: str) -> list[Account]:
    """Somebody on the first node, and somebody on the second."""
    return [await Account(node.base, connections).register(f"{name}{number}") for number, node in enumerate(nodes)]
