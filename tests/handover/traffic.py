"""Sends at a steady rate and clients that sync, none of which forgives anything; and a judge of what came of it.

The sends are open-loop: each has its time, whatever became of the one before, and its duration counts from that time.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import aiohttp
from tests.conversations.account import register_accounts
from tests.handover.http_client import Connection, Failed, send_path

CLIENTS_PER_ROOM = 4
SYNC_TIMEOUT_MS = 20_000
FILTER = quote('{"room":{"timeline":{"limit":1000}}}')
"""So that no timeline has a gap merely because the server was away for long."""
CATCH_UP_SECONDS_MAX = 300.0
RETRY_PAUSE_SECONDS = 0.02
RETRY_SECONDS_MAX = 300.0


@dataclass
class SyncClient:
    """Follows its rooms, and remembers every message in the order in which it came."""

    name: str
    connection: Connection
    since: str = ""
    seen: dict[str, list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    arrived_at: dict[str, float] = field(default_factory=dict)

    async def step(self, timeout_ms: int = SYNC_TIMEOUT_MS) -> None:
        query = f"filter={FILTER}&timeout={timeout_ms}" + (f"&since={self.since}" if self.since else "")
        answer = await self.connection.call("GET", f"/_matrix/client/v3/sync?{query}")
        for room_id, update in answer.get("rooms", {}).get("join", {}).items():
            timeline = update.get("timeline", {})
            if timeline.get("limited") and self.since:
                self.faults.append(f"{self.name}: a gap in {room_id} after {self.since}")
            seen = self.seen.setdefault(room_id, [])
            for event in timeline.get("events", []):
                if event["type"] == "m.room.message":
                    seen.append(event["event_id"])
                    self.arrived_at[event["event_id"]] = time.monotonic()
        self.since = answer["next_batch"]


@dataclass
class Sent:
    room_id: str
    due: float
    event_id: str = ""
    seconds: float = 0.0
    attempts: int = 1
    acknowledged_at: float = 0.0


class Traffic:
    """`sends_per_second` into rooms of four, by as many accounts as there are rooms; half of all connections are kept."""

    def __init__(self, port: int, rooms: dict[str, str], clients: list[SyncClient], *, retries: bool) -> None:
        self.port = port
        self.rooms = rooms
        """Room ID and the token of who sends in it."""
        self.clients = clients
        self.retries = retries
        self.other_port = port
        """Where every second send goes."""
        self.sent: list[Sent] = []
        self.failures: list[str] = []
        self._ends_at = math.inf
        self._tasks: set[asyncio.Task[None]] = set()
        self._pools: dict[str, list[Connection]] = {room_id: [] for room_id in rooms}

    @classmethod
    async def prepare(cls, base: str, port: int, clients: int, *, retries: bool = False) -> Traffic:
        count = max(1, clients // CLIENTS_PER_ROOM)
        async with aiohttp.ClientSession() as connections:
            accounts = await register_accounts(base, connections, [f"rider{n}" for n in range(count)], 4)
            rooms = {await account.create_room(preset="private_chat"): account.token for account in accounts}
        followers = [
            SyncClient(f"client {index}.{n}", Connection(port, account.token, keep=n % 2 == 0))
            for index, account in enumerate(accounts)
            for n in range(CLIENTS_PER_ROOM)
        ]
        for each in followers:
            await each.step(0)
        return cls(port, rooms, followers, retries=retries)

    async def run(self, sends_per_second: float, work: Callable[[], Awaitable[None]]) -> None:
        """Keep everybody busy while `work` goes on; then wait until all has arrived."""
        self._ends_at = math.inf
        followers = [asyncio.create_task(self._follow(each)) for each in self.clients]
        sender = asyncio.create_task(self._send_steadily(sends_per_second))
        try:
            await asyncio.sleep(0.5)
            await work()
            await asyncio.sleep(0.5)
        finally:
            # What was due until now is sent, however far behind a busy machine is.
            self._ends_at = time.monotonic()
            await sender
        await asyncio.gather(*self._tasks)
        await self._wait_until_all_arrived()
        for task in followers:
            task.cancel()
        await asyncio.gather(*followers, return_exceptions=True)

    async def _send_steadily(self, rate: float) -> None:
        began = time.monotonic()
        rooms = itertools.cycle(self.rooms)
        for number in itertools.count():
            due = began + number / rate
            if due > self._ends_at:
                return
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._send(number, next(rooms), due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, number: int, room_id: str, due: float) -> None:
        sent = Sent(room_id, due)
        self.sent.append(sent)
        keep = number % 2 == 0
        pool = self._pools[room_id]
        connection = pool.pop() if keep and pool else self._connect(room_id, number, keep)
        path = send_path(room_id, f"m{number}")
        while not sent.event_id:
            try:
                answer = await connection.call("PUT", path, {"msgtype": "m.text", "body": f"message {number}"})
                sent.event_id = answer["event_id"]
            except Failed as failure:
                if not self._may_retry(failure, due):
                    return
                sent.attempts += 1
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
        sent.acknowledged_at = time.monotonic()
        sent.seconds = sent.acknowledged_at - due
        if keep:
            pool.append(connection)

    def _connect(self, room_id: str, number: int, keep: bool) -> Connection:
        port = self.other_port if number % 4 < 2 else self.port
        return Connection(port, self.rooms[room_id], keep=keep)

    def _may_retry(self, failure: Failed, due: float) -> bool:
        if self.retries and failure.status in (0, 502, 503) and time.monotonic() - due < RETRY_SECONDS_MAX:
            return True
        self.failures.append(str(failure))
        return False

    async def _follow(self, client: SyncClient) -> None:
        while True:
            try:
                await client.step()
            except Failed as failure:
                if not self._may_retry(failure, time.monotonic()):
                    return
                await asyncio.sleep(RETRY_PAUSE_SECONDS)

    def acknowledged(self, room_id: str) -> set[str]:
        return {sent.event_id for sent in self.sent if sent.room_id == room_id and sent.event_id}

    async def _wait_until_all_arrived(self) -> None:
        wanted = {room_id: self.acknowledged(room_id) for room_id in self.rooms}
        deadline = time.monotonic() + CATCH_UP_SECONDS_MAX
        while time.monotonic() < deadline:
            if all(wanted[room_id] <= set(events) for each in self.clients for room_id, events in each.seen.items()):
                return
            await asyncio.sleep(0.1)

    def judge(self) -> None:
        """0 failed, 0 lost, 0 twice, and one order for all."""
        assert not self.failures, f"{len(self.failures)} requests failed: {self.failures[:5]}"
        faults = [fault for each in self.clients for fault in each.faults]
        assert not faults, f"{len(faults)} faults: {faults[:5]}"
        orders: dict[str, list[str]] = {}
        for each in self.clients:
            for room_id, events in each.seen.items():
                assert len(events) == len(set(events)), f"{each.name} saw a message of {room_id} twice"
                lost = self.acknowledged(room_id) - set(events)
                assert not lost, f"{each.name} never saw {len(lost)} acknowledged messages of {room_id}"
                assert len(events) == len([s for s in self.sent if s.room_id == room_id]), "a message nobody sent"
                assert orders.setdefault(room_id, events) == events, f"{each.name} saw {room_id} in another order"

    def describe(self) -> str:
        seconds = sorted(sent.seconds for sent in self.sent if sent.event_id)
        retried = sum(sent.attempts > 1 for sent in self.sent)
        return (
            f"{len(self.sent)} sends, {len(self.clients)} clients, {len(self.failures)} failed; "
            f"p50 {statistics.median(seconds) * 1000:.1f} ms, p99 {seconds[int(len(seconds) * 0.99)] * 1000:.0f} ms, "
            f"longest {seconds[-1] * 1000:.0f} ms, delivered within {self.longest_delivery_seconds * 1000:.0f} ms; "
            f"retried {retried}"
        )

    @property
    def longest_delivery_seconds(self) -> float:
        """From the time at which a message was due to the moment at which its last reader had it."""
        due = {sent.event_id: sent.due for sent in self.sent if sent.event_id}
        return max(at - due[event_id] for each in self.clients for event_id, at in each.arrived_at.items())

    @property
    def longest_seconds(self) -> float:
        return max(sent.seconds for sent in self.sent)

    def back_seconds(self, cut_at: float) -> float:
        """From a cut to the first acknowledgement of a send that was due after it."""
        return min(sent.acknowledged_at for sent in self.sent if sent.due > cut_at and sent.event_id) - cut_at


async def reload(data: Path) -> float:
    """Run `zajil reload` and return its seconds."""
    from tests.servers import build_environment, build_zajil_command, build_zajil_env

    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *build_zajil_command("reload", "--data", str(data)),
        env=build_environment(build_zajil_env()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return time.monotonic() - began
