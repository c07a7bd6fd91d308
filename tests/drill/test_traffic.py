"""What the people of a drill do, without a server: what they measure must be what somebody would have felt."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from zajil.drill.crowd import Crowd
from zajil.drill.faults import Day, clock_jump
from zajil.drill.installation import DrillError, Installation
from zajil.drill.ledger import Ledger
from zajil.drill.matrix_client import Person, Refused
from zajil.drill.plan import FAILED, FAULTS, QUICK
from zajil.drill.proxy import Proxy
from zajil.drill.traffic import PHOTO_EVERY, Traffic

ROOM = "!room:localhost"
STALL_S = 0.2


class Anna(Person):
    """Somebody whose server answers at once."""

    def __init__(self) -> None:
        super().__init__("", None, "anna")  # type: ignore[arg-type]
        self.user_id = "@anna:localhost"
        self.sent: list[dict[str, Any]] = []

    async def send(self, room_id: str, txn_id: str, content: dict[str, Any]) -> str:
        self.sent.append(content)
        return f"${txn_id}"

    async def upload(self, content: bytes) -> str:
        return "mxc://localhost/photo"

    async def download(self, uri: str) -> None:
        pass


@pytest.fixture
async def traffic() -> AsyncIterator[Traffic]:
    """Nobody in it yet, and nothing behind it."""
    made = Traffic(QUICK, Proxy(("127.0.0.1", 1)), 22, Ledger())
    yield made
    await made.stop()


async def test_a_photo_that_waits_for_its_turn_was_due_before(traffic: Traffic) -> None:
    """The first message has a photo; what held it up, and the photo itself, is part of its latency."""
    anna = Anna()
    message = traffic.ledger.intend(anna.user_id, ROOM, time.monotonic())
    async with traffic._locks[anna.user_id, ROOM]:
        sending = asyncio.create_task(traffic._send(anna, message))
        await asyncio.sleep(STALL_S)
    await sending
    assert [content["msgtype"] for content in anna.sent] == ["m.file"]
    assert message.latency_s is not None and message.latency_s >= STALL_S


class Unlucky(Anna):
    """Somebody whose photos and syncs get no answer, and whose friends' photos are not given out."""

    can_upload = False
    error: Exception

    async def upload(self, content: bytes) -> str:
        if self.can_upload:
            return await super().upload(content)
        raise ConnectionError

    async def download(self, uri: str) -> None:
        raise Refused(500, "M_UNKNOWN", 0.0)

    async def sync(self, since: str | None, timeout_ms: int) -> dict[str, Any]:
        raise self.error


async def test_what_fails_beside_the_messages_is_counted_by_kind(traffic: Traffic) -> None:
    unlucky = Unlucky()
    assert set((await traffic.count_failed()).values()) == {0}
    for number in range(PHOTO_EVERY + 1):
        message = traffic.ledger.intend(unlucky.user_id, ROOM, time.monotonic())
        unlucky.can_upload = number > 0
        await traffic._send(unlucky, message)
        assert message.event_id is not None and message.failures == 0
    for error in (TimeoutError(), Refused(500, "M_UNKNOWN", 0.0), Refused(429, "M_LIMIT_EXCEEDED", 0.0)):
        unlucky.error = error
        reading = asyncio.create_task(traffic._read(unlucky, asyncio.Event()))
        await asyncio.sleep(0)
        reading.cancel()
    counts = {"failed_uploads": 1, "failed_downloads": 1, "failed_syncs": 2, "postponed_reads": 1}
    assert await traffic.count_failed() == counts


def test_where_nobody_is_to_notice_anything_no_request_may_fail() -> None:
    for name in ("upgrade", "clock-jump"):
        promised = {
            promise.figure: promise.at_most for fault in FAULTS if fault.name == name for promise in fault.promises
        }
        assert {figure: promised[figure] for figure in ("failures", *FAILED)} == dict.fromkeys(("failures", *FAILED), 0)


class Dated(Anna):
    """A member whose rooms have one message each, from the moment at which they are read and a few seconds more or less."""

    def __init__(self, off_s: dict[str, int]) -> None:
        super().__init__()
        self._off_s = off_s

    async def page(self, room_id: str, token: str | None, direction: str) -> dict[str, Any]:
        date_ms = round((time.time() + self._off_s[room_id]) * 1000)
        return {"chunk": [{"event_id": f"${room_id}", "origin_server_ts": date_ms}]}


class Clock(Installation):
    """A copy of which nothing runs; its messages of the moment of a jump are acknowledged at once."""

    def __init__(self, ledger: Ledger, rooms: Iterable[str]) -> None:
        self._ledger = ledger
        self._rooms = rooms

    def shift_clock(self, seconds: int) -> None:
        for room_id in self._rooms if seconds else ():
            message = self._ledger.intend("@anna:localhost", room_id, time.monotonic())
            message.event_id, message.acked_s = f"${room_id}", time.monotonic()


@pytest.mark.parametrize("off_s", [3600, -3600])
async def test_a_message_dated_wrongly_is_found_in_any_room_and_direction(traffic: Traffic, off_s: int) -> None:
    offs_s = {ROOM: 0, "!other:localhost": off_s}
    anna = Dated(offs_s)
    traffic.places = [(anna, room_id) for room_id in offs_s]
    traffic.members = {room_id: [anna.user_id] for room_id in offs_s}
    traffic._by_id = {anna.user_id: anna}
    scale = replace(QUICK, fault_s=0.0)
    figures = await clock_jump(Day(scale, traffic, traffic.ledger, Clock(traffic.ledger, offs_s)))
    assert figures["time_off_ms"] == pytest.approx(3_600_000, abs=1000)
    offs_s["!other:localhost"] = 0
    assert (await clock_jump(Day(scale, traffic, traffic.ledger, Clock(traffic.ledger, offs_s))))["time_off_ms"] < 1000


async def test_a_crowd_that_has_ended_by_itself_is_no_good_news() -> None:
    crowd = Crowd()
    await crowd.start("http://127.0.0.1:1", ["token"], 1, 22)
    assert crowd._process is not None
    crowd._process.kill()
    await crowd._process.wait()
    for question in (crowd.count_failed(), crowd.count_behind(0.0)):
        with pytest.raises(DrillError, match="has ended by itself"):
            await question
