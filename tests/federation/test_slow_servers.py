"""One dead, slow or hostile server never delays another: a healthy one has everything while the others have not answered yet."""

import asyncio
import contextlib
from pathlib import Path

import aiohttp
from aiohttp import web
from tests.conversations.account import Account
from tests.federation.listening_server import ListeningServer
from tests.federation.peers import make_authority
from tests.servers import build_zajil

MESSAGES = 20


class Endless(ListeningServer):
    """Its answer has no end."""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        await super().receive(request)
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" " * 65_536)
                await asyncio.sleep(0.001)
        return response


class Refusing(ListeningServer):
    """Answers with an error that says to come again in a year."""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        await super().receive(request)
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "x" * 1_000_000, "retry_after_ms": 10**11}
        return web.json_response(body, status=429)


class Busy(ListeningServer):
    """Takes a transaction only at the second attempt, a moment later, and says so."""

    refused = 0

    async def receive(self, request: web.Request) -> web.StreamResponse:
        if self.refused % 2 == 0:
            self.refused += 1
            body = {"errcode": "M_LIMIT_EXCEEDED", "error": "later", "retry_after_ms": 20}
            return web.json_response(body, status=429)
        self.refused += 1
        return await super().receive(request)


async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await reader.read()
    writer.close()


async def test_a_server_that_says_when_it_has_time_is_not_taken_for_dead(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority")
    busy = Busy(authority)
    await busy.start()
    options = {"federation_ca": str(authority.ca), "federation_networks": "127.0.0.0/8"}
    zajil = build_zajil(tmp_path, **options).start()
    try:
        async with aiohttp.ClientSession() as connections:
            anna = await Account(zajil.base, connections).register("anna")
            room_id = await anna.create_room(preset="public_chat", room_version="11")
            await busy.join(zajil.base, "localhost", room_id, "11")
            for number in range(3):
                await anna.send_text(room_id, f"message {number}")
                await busy.wait_for(number + 1)
        assert busy.texts() == [f"message {number}" for number in range(3)]
        assert busy.refused >= 2 * 3
        assert "cannot be reached" not in zajil.log.read_text()
    finally:
        zajil.stop()
        await busy.stop()


async def test_a_healthy_server_does_not_wait_for_the_others(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority")
    answers = asyncio.Event()

    async def wait_for_answers() -> None:
        await answers.wait()

    healthy = [ListeningServer(authority) for _ in range(2)]
    slow = ListeningServer(authority, wait_for_answers)
    others = [slow, Endless(authority), Refusing(authority)]
    silent, refused = ListeningServer(authority), ListeningServer(authority)
    everybody = [*others, silent, refused, *healthy]
    options = {"federation_ca": str(authority.ca), "federation_networks": "127.0.0.0/8"}
    zajil = build_zajil(tmp_path, **options).start()
    try:
        async with aiohttp.ClientSession() as connections:
            anna = await Account(zajil.base, connections).register("anna")
            room_id = await anna.create_room(preset="public_chat", room_version="11")
            for each in everybody:
                await each.start()
                await each.join(zajil.base, "localhost", room_id, "11")
            for each in (silent, refused):
                await each.stop()
            listener = await asyncio.start_server(stay_silent, "127.0.0.1", silent.port)
            sent = [f"message {number}" for number in range(MESSAGES)]
            for text in sent:
                await anna.send_text(room_id, text)
            for each in healthy:
                await each.wait_for(MESSAGES)
                assert each.texts() == sent
            # Those that take their time have been sent no second transaction before the first was answered.
            assert slow.most_at_once == 1
            assert len({each.txn_id for each in slow.arrivals}) == 1
            answers.set()
            await slow.wait_for(MESSAGES)
            assert slow.texts() == sent
            listener.close()
    finally:
        zajil.stop()
        for each in everybody:
            await each.stop()
