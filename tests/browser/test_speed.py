"""How fast the web client is in Chromium, and that its memory stays: `npm run speed` on a quiet machine, or `make soak`."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from benchmarks.big_room import JOINS_AT_ONCE, fill_room
from tests.browser.stories import run_story
from tests.conversations.account import PASSWORD, Account
from tests.servers import Server, start_zajil

# Longer than the longest story may take, and than it takes to furnish its server.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1_500)]

CHATS = 200
MESSAGES = 40
CHATS_WITH_MESSAGES = 12
BIG_MEMBERS = 5_000
SOME_MEMBERS = 500
SECONDS_MAX = 900.0


async def furnish(server: Server, members: int) -> None:
    """An account "owner" with 200 chats, some of them long, and one with thousands of members."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=JOINS_AT_ONCE * 2)) as connections:
        owner = await Account(server.base, connections).register("owner")
        big = await fill_room(server.base, connections, owner, members)
        await owner.call("PUT", f"/rooms/{big}/state/m.room.name/", {"name": "Five thousand"})
        for number in range(CHATS - 1):
            room = await owner.create_room(name=f"Chat {number}", preset="private_chat")
            for line in range(MESSAGES if number >= CHATS - CHATS_WITH_MESSAGES else 1):
                await owner.send_text(room, f"line {line} of chat {number}: the pigeon has arrived")


def measure(folder: Path, members: int, slack: str) -> None:
    server = start_zajil(folder, guest_access="on")
    try:
        asyncio.run(furnish(server, members))
        figures = run_story(
            server, "speed", seconds_max=SECONDS_MAX, ZAJIL_SPEED_PASSWORD=PASSWORD, ZAJIL_SPEED_SLACK=slack
        )
        print(figures)
    finally:
        server.stop()


@pytest.mark.soak
def test_the_bars_with_slack(tmp_path: Path) -> None:
    """Beside other tests on the same cores, and with a smaller large room: finds what became several times slower."""
    measure(tmp_path, SOME_MEMBERS, "4")


@pytest.mark.soak
def test_the_bars(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        measure(tmp_path, BIG_MEMBERS, "1")


@pytest.mark.soak
def test_memory_stays(tmp_path: Path) -> None:
    server = start_zajil(tmp_path)
    try:
        run_story(server, "soak", seconds_max=SECONDS_MAX)
    finally:
        server.stop()
