"""The chain letter: a process that sends to many rooms at a rate that the server cannot keep up with. `python -m zajil.drill.flood`, by a drill only.

A process of its own, because a busy generator would delay, and so falsify, what is measured beside it. It reads a line of JSON and prints one.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import Any, Final
from urllib.parse import quote

import aiohttp

LETTER: Final = "Forward this to eight people or the pigeons will be cut off! "
UNDER_WAY_MAX: Final = 4000
REQUEST_TIMEOUT_S: Final = 30.0


async def send(
    session: aiohttp.ClientSession, base: str, token: str, room_id: str, txn_id: str, outcomes: Counter[str]
) -> None:
    path = f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/send/m.room.message/{txn_id}"
    body = {"msgtype": "m.text", "body": LETTER * 10}
    try:
        async with session.put(base + path, json=body, headers={"Authorization": f"Bearer {token}"}) as response:
            content = await response.read()
            outcomes[str(response.status)] += 1
            if response.status == 429 and not is_told_when(response.headers.get("retry-after", ""), content):
                outcomes["429 without a true Retry-After"] += 1
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        outcomes["no answer"] += 1


def is_told_when(retry_after: str, content: bytes) -> bool:
    """Whether the header says when to come back, and not sooner than the body does."""
    return retry_after.isdecimal() and int(retry_after) * 1000 >= json.loads(content).get("retry_after_ms", 0)


async def flood(order: dict[str, Any]) -> dict[str, int]:
    """Send `rate_per_s` for `seconds`, whatever becomes of it; how many ended how."""
    chance = random.Random(order["seed"])  # noqa: S311  a plan, not a secret
    outcomes: Counter[str] = Counter()
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
                outcomes["not sent: too many under way"] += 1
                continue
            token, room_id = chance.choice(order["tokens"]), chance.choice(order["rooms"])
            task = asyncio.create_task(send(session, order["base"], token, room_id, f"f{number}", outcomes))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way, timeout=REQUEST_TIMEOUT_S)
    return dict(outcomes)


def main() -> None:
    order = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asyncio.run(flood(order))) + "\n")


if __name__ == "__main__":
    main()
