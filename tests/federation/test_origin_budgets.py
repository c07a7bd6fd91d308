"""Each other server has a budget: what one has too much of is refused, and nobody else notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.client import PASSWORD, InProcessServer, running_server
from tests.federation.signed_client import SignedClient
from tests.simulation.network import StillClock

from zajil.core.origin_budget import BURST_S, TRANSACTIONS_MAX, WAITING_MAX, Kind
from zajil.http.federation_api import load_federation_routes
from zajil.http.federation_api.request_kinds import BY_WORD, find_request_kind
from zajil.http.federation_api.server_bodies import SENDER_BODIES_MAX, ServerBodies
from zajil.http.request import Request
from zajil.http.router import Auth
from zajil.ports.federation import FederationFailed, FederationRequest, FederationStream
from zajil.services.errors import MatrixError
from zajil.services.rate_limits import RateLimits

LOOK_UP = "/_matrix/federation/v1/query/profile?user_id=@nobody:localhost"
NOBODY = 404


class Nowhere:
    """No other server can be reached."""

    async def request(self, request: FederationRequest) -> Any:
        raise FederationFailed(request.destination, "nowhere")

    async def stream(self, request: FederationRequest) -> FederationStream:
        raise FederationFailed(request.destination, "nowhere")

    async def close(self) -> None:
        return None


@asynccontextmanager
async def running(folder: Path, **options: Any) -> AsyncIterator[tuple[InProcessServer, SignedClient, SignedClient]]:
    """A server whose time stands still, and two others that it knows."""
    async with running_server(folder, rate_limits=True, **options) as server:
        server.app.clock = StillClock()
        server.app.rate_limits = RateLimits(server.app.clock, is_on=True)
        server.app.federation = Nowhere()
        yield server, await SignedClient(server, "one.test").introduce(), await SignedClient(server, "two.test").introduce()


async def send(one: SignedClient, number: int, pdus: list[Any]) -> Any:
    content = {"origin": one.name, "origin_server_ts": 1, "pdus": pdus, "edus": []}
    return await one.call("PUT", f"/_matrix/federation/v1/send/{number}", content)


async def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with running(tmp_path, federation_requests_per_s=1) as (server, one, two):
        for _ in range(BURST_S):
            assert (await one.call("GET", LOOK_UP)).status == NOBODY
        refused = await one.call("GET", LOOK_UP)
        assert (refused.status, refused.errcode) == (429, "M_LIMIT_EXCEEDED")
        wait_ms = refused.body["retry_after_ms"]
        assert 900 <= wait_ms <= 1000
        assert refused.headers["retry-after"] == "1"
        assert (await two.call("GET", LOOK_UP)).status == NOBODY
        assert (await server.register("anna", password=PASSWORD)).access_token

        clock = server.app.clock
        clock._ms += wait_ms - 100
        assert (await one.call("GET", LOOK_UP)).status == 429
        clock._ms += 100
        assert (await one.call("GET", LOOK_UP)).status == NOBODY
        assert (await one.call("GET", LOOK_UP)).status == 429
        assert server.app.measurements.federation.refused == {(Kind.LOOK_UP, "rate"): 3}


async def test_what_takes_much_work_counts_more(tmp_path: Path) -> None:
    async with running(tmp_path, federation_requests_per_s=2) as (_, one, _two):
        state = "/_matrix/federation/v1/state/!none:localhost?event_id=$none"
        assert [(await one.call("GET", state)).status for _ in range(3)] == [NOBODY, NOBODY, 429]


async def test_nobody_uses_up_the_budget_of_another(tmp_path: Path) -> None:
    async with running(tmp_path, federation_requests_per_s=1) as (server, one, _):
        forger = SignedClient(server, "one.test")
        forger.key = SignedClient(server, "forger.test").key
        for _ in range(3 * BURST_S):
            assert (await forger.call("GET", LOOK_UP)).status == 401
        assert (await one.call("GET", LOOK_UP)).status == NOBODY


async def test_events_count_too_and_are_refused_before_the_body_is_read(tmp_path: Path) -> None:
    async with running(tmp_path, federation_events_per_s=1) as (server, one, two):
        pdus = [{"room_id": "!none:localhost", "number": number} for number in range(50)]
        assert (await send(one, 1, pdus)).status == 200
        assert (await send(two, 1, pdus)).status == 200
        scope = {
            "type": "http",
            "method": "PUT",
            "raw_path": b"/_matrix/federation/v1/send/2",
            "query_string": b"",
            "headers": [
                (b"authorization", one.sign("PUT", "/_matrix/federation/v1/send/2", {}).encode()),
                (b"content-length", b"2"),
            ],
            "client": ("127.0.0.1", 1),
        }
        answered: list[dict[str, Any]] = []

        async def receive() -> Any:
            raise AssertionError("the body is read")

        async def note(message: dict[str, Any]) -> None:
            answered.append(message)

        await server.asgi(scope, receive, note)
        assert answered[0]["status"] == 429
        refused = await send(one, 3, [])
        assert 39_000 <= refused.body["retry_after_ms"] <= 41_000
        assert (await one.call("GET", LOOK_UP)).status == NOBODY  # only its events are too many


async def test_transactions_that_hang_hold_up_only_themselves(tmp_path: Path) -> None:
    async with running(tmp_path) as (server, one, two):
        anna = await server.register("anna", password=PASSWORD)
        room_id = (await anna.post("/_matrix/client/v3/createRoom", {})).ok()["room_id"]
        turns = server.app.room_turns
        await turns.acquire(room_id)
        pdus = [{"room_id": room_id}]
        hanging = [asyncio.create_task(send(one, number, pdus)) for number in range(TRANSACTIONS_MAX + WAITING_MAX)]
        waiting = server.app.origin_budgets._waiting
        while len(waiting.get("one.test", ())) < WAITING_MAX:
            await asyncio.sleep(0.001)
        refused = await send(one, 100, pdus)
        assert (refused.status, refused.errcode) == (429, "M_LIMIT_EXCEEDED")
        assert refused.body["retry_after_ms"] >= 200
        assert server.app.measurements.federation.refused == {(Kind.TRANSACTION, "crowd"): 1}
        # Another server's transaction, another kind of request, and our own users go on.
        assert (await send(two, 1, [{"room_id": "!none:localhost"}])).status == 200
        (await anna.put(f"/_matrix/client/v3/rooms/{room_id}/send/m.room.message/1", {"body": "x"})).ok()
        for each in hanging[5:]:
            each.cancel()
        await asyncio.gather(*hanging[5:], return_exceptions=True)
        assert (await one.call("GET", LOOK_UP)).status == NOBODY
        turns.release(room_id)
        assert [each.status for each in await asyncio.gather(*hanging[:5])] == [200] * 5
        assert not waiting
        assert not server.app.origin_budgets._origins["one.test"].running


@pytest.mark.parametrize("size", [b"10", b"10000000"])
async def test_a_body_that_does_not_come_is_given_up(size: bytes) -> None:
    bodies = ServerBodies(least_s=0.01)
    received = asyncio.Event()

    async def receive() -> Any:
        await received.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    def build() -> Request:
        scope = {"method": "PUT", "raw_path": b"/", "query_string": b"", "client": ("10.0.0.1", 1)}
        return Request({**scope, "headers": [(b"content-length", size)]}, receive, {})

    patient = ServerBodies()
    reading = [asyncio.create_task(patient.read(build(), "one.test", 10**7)) for _ in range(SENDER_BODIES_MAX)]
    await asyncio.sleep(0)
    for other, refused in (("one.test", True), ("two.test", False)):
        task = asyncio.create_task(patient.read(build(), other, 10**7))
        await asyncio.sleep(0)
        assert task.done() is refused
        if refused:
            with pytest.raises(MatrixError, match="M_LIMIT_EXCEEDED"):
                await task
        reading += [] if refused else [task]
    received.set()
    await asyncio.gather(*reading)
    received.clear()
    if size == b"10":
        with pytest.raises(MatrixError) as caught:
            await bodies.read(build(), "one.test", 10**7)
        assert caught.value.status == 408
        assert not bodies._of_senders


async def test_a_server_is_asked_for_its_keys_only_so_often_for_one_network(tmp_path: Path) -> None:
    async with running(tmp_path) as (server, _, _two):
        statuses = [(await SignedClient(server, f"s{number}.test").call("GET", LOOK_UP)).status for number in range(102)]
        assert statuses == [401] * 100 + [429] * 2


def test_every_kind_of_request_is_known() -> None:
    kinds = {find_request_kind(route) for route in load_federation_routes() if route.auth is Auth.SERVER}
    assert kinds == set(Kind)
    words = {route.path.split("/")[4] for route in load_federation_routes() if route.auth is Auth.SERVER}
    assert set(BY_WORD) <= words
