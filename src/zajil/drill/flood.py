"""The chain letter: a process that sends to many rooms at a rate that the server cannot keep up with. `python -m zajil.drill.flood`, by a drill only.

A process of its own, because a busy generator would delay, and so falsify, what is measured beside it. It reads a line of JSON and prints one.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp

LETTER: Final = "Forward this to eight people or the pigeons will be cut off! "
UNDER_WAY_MAX: Final = 4000
REQUEST_TIMEOUT_S: Final = 30.0


@dataclass
class Came:
    """What came of a flood."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many ended how."""
    acknowledged: list[tuple[str, str, str, float, float]] = field(default_factory=list)
    """Room ID, event ID, body, when it was sent and when it was acknowledged, of every copy that was taken; seconds of the machine's clock."""


async def send(session: aiohttp.ClientSession, base: str, token: str, room_id: str, number: int, came: Came) -> None:
    path = f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/send/m.room.message/f{number}"
    # No two are the same, or nobody could say which of them was stored twice.
    body = f"drill letter {number}"
    letter = {"msgtype": "m.text", "body": body, "org.zajil.padding": LETTER * 10}
    sent_s = time.monotonic()
    try:
        async with session.put(base + path, json=letter, headers={"Authorization": f"Bearer {token}"}) as response:
            content = await response.read()
            came.outcomes[str(response.status)] += 1
            if response.status == 200:
                event_id = json.loads(content)["event_id"]
                came.acknowledged.append((room_id, event_id, body, sent_s, time.monotonic()))
            if response.status == 429 and not is_told_when(response.headers.get("retry-after", ""), content):
                came.outcomes["429 without a true Retry-After"] += 1
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        came.outcomes["no answer"] += 1


def is_told_when(retry_after: str, content: bytes) -> bool:
    """Whether the header says when to come back, and not sooner than the body does."""
    return retry_after.isdecimal() and int(retry_after) * 1000 >= json.loads(content).get("retry_after_ms", 0)


async def flood(order: dict[str, Any]) -> Came:
    """Send `rate_per_s` for `seconds`, whatever becomes of it."""
    chance = random.Random(order["seed"])  # noqa: S311  a plan, not a secret
    came = Came()
    under_way: set[asyncio.Task[None]] = set()
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        began = due = time.monotonic()
        number = 0
        while due - began < order["seconds"]:
            due += chance.expovariate(order["rate_per_s"])
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1
            if len(under_way) >= UNDER_WAY_MAX:
                came.outcomes["not sent: too many under way"] += 1
                continue
            token, room_id = chance.choice(order["tokens"]), chance.choice(order["rooms"])
            task = asyncio.create_task(send(session, order["base"], token, room_id, number, came))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way, timeout=REQUEST_TIMEOUT_S)
    return came


def main() -> None:
    order = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(vars(asyncio.run(flood(order)))) + "\n")


if __name__ == "__main__":
    main()
