"""The chain letter of a drill, against a server that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from zajil.drill.flood import flood, is_told_when
from zajil.drill.plan import FAULTS

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

    outcomes = await flood(build_order(await serve(refuse)))
    assert outcomes["429"] > 10
    assert outcomes.get("429 without a true Retry-After", 0) == (0 if is_true else outcomes["429"])


def test_a_header_alone_is_enough() -> None:
    assert is_told_when("1", b"{}")
    assert not is_told_when("soon", b"{}")


def test_every_refusal_is_promised_to_say_when_to_come_back() -> None:
    (promised,) = ([promise.figure for promise in fault.promises] for fault in FAULTS if fault.name == "flood")
    assert "flood_refused_without_retry_after" in promised
