"""The crowd: devices that follow their rooms and write nothing, in a process of their own. `python -m zajil.drill.crowd`, by a drill only.

A thousand devices that come back at once keep a processor busy for a second; in the process that measures they would falsify what is measured.
The process has its own way to the server, which breaks with the drill's network: it reads lines of JSON and answers the questions among them.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import Any, Final

import aiohttp

from zajil.drill.installation import DrillError
from zajil.drill.matrix_client import GONE, Person, Refused
from zajil.drill.proxy import Proxy

SYNC_TIMEOUT_MS: Final = 10_000
SYNCS_WHEN_BACK: Final = 2
"""Without waiting for news. The first may have been begun just before the network was back, and would not count."""
ANSWER_S_MAX: Final = 60.0


class Crowd:
    """The drill's end."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()

    async def start(self, target: tuple[str, int] | str, tokens: list[str], count: int, seed: int) -> None:
        """`count` devices, in turn of the accounts whose tokens these are."""
        if not count:
            return
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "zajil.drill.crowd"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.tell("start", target=target, tokens=tokens, count=count, seed=seed)

    def tell(self, what: str, **details: Any) -> None:
        """`cut`, `restore` and `drop` as of `Proxy`; `pause` and `resume`."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"what": what, **details}).encode() + b"\n")

    async def count_behind(self, since_s: float) -> int:
        """How many of them have ended no sync that was begun after `since_s`."""
        return int(await self._ask("count_behind", since_s=since_s) or 0)

    async def count_failed(self) -> Counter[str]:
        """How many syncs have failed since the start, by kind."""
        return Counter(await self._ask("count_failed"))

    async def _ask(self, what: str, **details: Any) -> Any:
        if self._process is None or self._process.stdout is None:
            return None
        async with self._asking:
            self.tell(what, **details)
            line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S_MAX)
        if not line:
            raise DrillError("the process of those who follow has ended by itself: nothing of this can be judged")
        return json.loads(line)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Followers:
    """The crowd's own end."""

    def __init__(self, order: dict[str, Any]) -> None:
        target = order["target"]
        self.network = Proxy(target if isinstance(target, str) else (target[0], target[1]))
        self._order = order
        self._chance = random.Random(order["seed"])  # noqa: S311  a plan, not a secret
        self._synced_since = [0.0] * order["count"]
        self._failed: Counter[str] = Counter()
        self._may_go_on = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.network.start()
        self._may_go_on.set()
        # Else it would ask again by itself where a connection broke, and wait there for news.
        connections = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        connections._retry_connection = False
        tokens = self._order["tokens"]
        for number in range(self._order["count"]):
            person = Person(f"http://127.0.0.1:{self.network.port}", connections, "", tokens[number % len(tokens)])
            self._tasks.append(asyncio.create_task(self._follow(number, person)))

    async def _follow(self, number: int, person: Person) -> None:
        since: str | None = None
        owed = 0
        while True:
            await self._may_go_on.wait()
            began_s = time.monotonic()
            try:
                # Who was cut off first asks what there is, as clients do.
                answer = await person.sync(since, SYNC_TIMEOUT_MS if since and not owed else 0)
            except (*GONE, Refused) as error:
                owed = SYNCS_WHEN_BACK
                self._failed[name_failed_read(error, "failed_syncs")] += 1
                await asyncio.sleep(max(self._chance.uniform(0.02, 0.5), getattr(error, "retry_after_s", 0.0)))
                continue
            since, owed = answer["next_batch"], max(0, owed - 1)
            self._synced_since[number] = began_s

    def do(self, message: dict[str, Any]) -> Any:
        """What the drill says; the answer if it asks."""
        what = message["what"]
        if what == "count_behind":
            since_s: float = message["since_s"]
            return sum(each < since_s for each in self._synced_since)
        if what == "count_failed":
            return self._failed
        if what == "pause":
            self._may_go_on.clear()
        elif what == "resume":
            self._may_go_on.set()
        else:
            {"cut": self.network.cut, "restore": self.network.restore, "drop": self.network.drop}[what]()
        return None


def name_failed_read(error: Exception, name: str) -> str:
    """A reader who is asked to come back in a moment loses nothing, and to ask so is what a busy server should do."""
    return "postponed_reads" if isinstance(error, Refused) and error.status == 429 else name


async def follow() -> None:
    """Until the drill is gone, however that went."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    followers = Followers(json.loads(await reader.readline()))
    await followers.start()
    while line := await reader.readline():
        answer = followers.do(json.loads(line))
        if answer is not None:
            sys.stdout.write(f"{json.dumps(answer)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(follow())
