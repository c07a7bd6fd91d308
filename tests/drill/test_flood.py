"""The chain letter of a drill, against a server that answers as it is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web

from zajil.drill.faults import write_down
from zajil.drill.flood import flood, is_told_when
from zajil.drill.ledger import Ledger, Window, judge, summarise
from zajil.drill.matrix_client import Person
from zajil.drill.plan import FAULTS, QUICK
from zajil.drill.proxy import Proxy
from zajil.drill.traffic import Traffic

LIMITED = '{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}'
Answer = Callable[[web.Request], Awaitable[web.Response]]
Serve = Callable[[Answer], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server whose every answer is `answer`'s; says where it is."""
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runners.append(web.AppRunner(app, access_log=None))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}"

    yield start
    await asyncio.gather(*(runner.cleanup() for runner in runners))


def build_order(base: str) -> dict[str, Any]:
    return {"base": base, "tokens": ["t"], "rooms": ["!a:x", "!b:x"], "rate_per_s": 200, "seconds": 0.2, "seed": 1}


@pytest.mark.parametrize(
    ("header", "is_true"), [({}, False), ({"retry-after": "1"}, False), ({"retry-after": "2"}, True)]
)
async def test_a_refusal_must_say_truly_when_to_come_back(serve: Serve, header: dict[str, str], is_true: bool) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=429, headers=header, text=LIMITED)

    outcomes = (await flood(build_order(await serve(refuse)))).outcomes
    assert outcomes["429"] > 10
    assert outcomes.get("429 without a true Retry-After", 0) == (0 if is_true else outcomes["429"])


def test_a_header_alone_is_enough() -> None:
    assert is_told_when("1", b"{}")
    assert not is_told_when("soon", b"{}")


def test_every_refusal_is_promised_to_say_when_to_come_back() -> None:
    (promised,) = ([promise.figure for promise in fault.promises] for fault in FAULTS if fault.name == "flood")
    assert "flood_refused_without_retry_after" in promised


async def test_what_the_flood_was_acknowledged_has_to_be_there(serve: Serve) -> None:
    """A server that takes every third copy, keeps all but one of them, and one of them twice."""
    rooms: dict[str, list[dict[str, Any]]] = {"!a:x": [], "!b:x": []}
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        room_id = request.path.split("/")[5]
        if request.method == "GET":
            return web.json_response({"chunk": rooms[room_id]})
        asked += 1
        if asked % 3:
            return web.Response(status=429, headers={"retry-after": "2"}, text=LIMITED)
        event = {"event_id": f"${asked}", "content": await request.json()}
        rooms[room_id] += {3: [], 6: [event, {**event, "event_id": "$again"}]}.get(asked, [event])
        return web.json_response({"event_id": f"${asked}"})

    base, ledger = await serve(answer), Ledger()
    came = await flood(build_order(base))
    write_down(ledger, came)
    assert len(ledger.acknowledged) == came.outcomes["200"] > 5
    assert summarise(ledger.messages, Window("all", 0.0, time.monotonic())).sends == 0, (
        "only conversations are measured"
    )
    traffic = Traffic(QUICK, Proxy(("127.0.0.1", 1)), 22, ledger)
    async with ClientSession() as connections:
        traffic.unread = dict.fromkeys(rooms, Person(base, connections, "anna"))
        verdict = judge(ledger, await traffic.load_histories(), traffic.members)
    await traffic.stop()
    assert (verdict.lost, verdict.doubled) == (1, 1)
    assert verdict.missing[0].startswith("$3 in ") and verdict.duplicated[0].startswith("drill letter ")
