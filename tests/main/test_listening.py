"""How many connections a worker accepts while its event loop is busy."""

import asyncio
import socket
from contextlib import ExitStack

import uvloop

from zajil.main.listening import ACCEPTED_AT_ONCE, LISTEN_BACKLOG, multiply

CLIENTS = 20 * ACCEPTED_AT_ONCE


async def count_rounds(listener: socket.socket, clients: int) -> int:
    """Rounds of the event loop until all who have connected already are accepted."""
    accepted: list[asyncio.BaseTransport] = []

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport)

    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Accepted, sock=each, backlog=LISTEN_BACKLOG) for each in multiply([listener])]
    rounds = 0
    while len(accepted) < clients:
        await asyncio.sleep(0)
        rounds += 1
    for each in (*servers, *accepted):
        each.close()
    return rounds


def test_many_who_come_at_once_are_accepted_in_few_rounds() -> None:
    """Each round may take milliseconds then."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=LISTEN_BACKLOG))
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        assert uvloop.run(count_rounds(listener, CLIENTS)) <= 2 * CLIENTS / ACCEPTED_AT_ONCE
