"""A load that knows what it was promised, and a checker that holds the server to it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
from tests.conversations.account import Account, RequestFailed, register_accounts
from tests.conversations.synced_client import SyncedClient, Variant, load_fresh

RETRY_PAUSE_SECONDS = 0.02
SYNC_TIMEOUT_MS = 500
CATCH_UP_SECONDS_MAX = 60.0
LOST = (
    aiohttp.ClientError,
    ConnectionError,
    TimeoutError,
)  # the server went away: the client cannot know how far it got
READER_VARIANTS = [Variant("plain", page_limit=200), Variant("gaps", timeline_limit=2, page_limit=200)]


@dataclass
class Sent:
    """One message with its transaction: acknowledged once `event_id` is set."""

    room_id: str
    transaction_id: str
    body: str
    event_id: str | None = None
    attempts: int = 0
    attempted_at: float = 0.0
    failure: str = ""
    """What the attempt before this one came to."""


@dataclass
class Sender:
    account: Account
    rooms: list[str]
    sent: list[Sent] = field(default_factory=list)


class Load:
    """Senders that retry each message under its transaction ID until it is acknowledged, and readers that follow."""

    def __init__(self, senders: list[Sender], readers: list[SyncedClient], rooms: list[str]) -> None:
        self.senders = senders
        self.readers = readers
        self.rooms = rooms
        self.running = False
        self.transaction_prefix = "k"
        self.counted_from = self.first_ack_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def prepare(cls, base: str, connections: aiohttp.ClientSession, senders: int, rooms: int) -> Load:
        accounts = await register_accounts(base, connections, [f"sender{number}" for number in range(senders)])
        room_ids = [await accounts[0].create_room(preset="public_chat") for _ in range(rooms)]
        for account in accounts[1:]:
            for room_id in room_ids:
                await account.join(room_id)
        readers = [
            await load_fresh(account.user_id, account, READER_VARIANTS[index % len(READER_VARIANTS)])
            for index, account in enumerate(accounts[:4])
        ]
        return cls([Sender(account, room_ids) for account in accounts], readers, room_ids)

    def start(self) -> None:
        self.running = True
        self._tasks = [asyncio.create_task(self._send(sender)) for sender in self.senders]
        self._tasks += [asyncio.create_task(self._read(reader)) for reader in self.readers]

    async def finish(self) -> None:
        """Stop making new messages; every message begun is retried until it is acknowledged."""
        self.running = False
        await asyncio.wait_for(asyncio.gather(*self._tasks), CATCH_UP_SECONDS_MAX)
        self._tasks = []

    def check_running(self) -> None:
        """Raise what ended a sender or reader, if anything did."""
        for task in self._tasks:
            if task.done():
                task.result()

    def reset_first_acknowledgement(self) -> None:
        """From here on look for the first acknowledgement of a request made from here on."""
        self.counted_from, self.first_ack_at = time.monotonic(), 0.0

    async def _send(self, sender: Sender) -> None:
        while self.running:
            number = len(sender.sent)
            room_id = sender.rooms[number % len(sender.rooms)]
            message = Sent(room_id, f"{self.transaction_prefix}{number}", f"{sender.account.user_id} {number}")
            sender.sent.append(message)
            await self._deliver(sender, message)

    async def _deliver(self, sender: Sender, message: Sent) -> None:
        while message.event_id is None:
            message.attempts += 1
            began = message.attempted_at = time.monotonic()
            try:
                message.event_id = await sender.account.send_text(message.room_id, message.body, message.transaction_id)
                if began >= self.counted_from and not self.first_ack_at:
                    self.first_ack_at = time.monotonic()
            except LOST as error:
                message.failure = repr(error)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            except RequestFailed as failure:
                if "-> 503" not in str(failure) and "-> 502" not in str(failure):
                    raise
                message.failure = str(failure)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)

    def describe_senders(self) -> str:
        """What each sender is waiting for, for a test that failed."""
        now = time.monotonic()
        return "\n".join(
            f"{sender.account.user_id}: attempt {last.attempts}, under way for {now - last.attempted_at:.1f} s, before: {last.failure}"
            for sender in self.senders
            for last in sender.sent[-1:]
        )

    async def _read(self, reader: SyncedClient) -> None:
        while self.running:
            try:
                await reader.sync(SYNC_TIMEOUT_MS)
            except LOST:
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            except RequestFailed as failure:
                if "-> 503" not in str(failure) and "-> 502" not in str(failure):
                    raise
                await asyncio.sleep(RETRY_PAUSE_SECONDS)

    def count_acknowledged(self) -> int:
        return sum(1 for sender in self.senders for message in sender.sent if message.event_id)

    async def check(self) -> None:
        """Every acknowledged event once and in order, for every reader, and the same to a new login."""
        fresh = await load_fresh(self.senders[0].account.user_id, self.senders[0].account, READER_VARIANTS[0])
        truth: dict[str, list[str]] = {}
        for room_id in self.rooms:
            room = fresh.rooms[room_id]
            assert room.prev_batch is not None
            older = await fresh.load_older(room_id, room.prev_batch, room.timeline, set())
            truth[room_id] = [event["event_id"] for event in [*older, *room.timeline] if is_message(event)]
            bodies = [event["content"]["body"] for event in [*older, *room.timeline] if is_message(event)]
            twice = [body for body, count in Counter(bodies).items() if count > 1]
            assert not twice, f"{room_id}: retries of a transaction made two events: {twice[:5]}"
            self._check_room(room_id, truth[room_id])
        for reader in self.readers:
            await self._check_reader(reader, truth)
        await self._check_retries()

    def _check_room(self, room_id: str, truth: list[str]) -> None:
        place = {event_id: index for index, event_id in enumerate(truth)}
        assert len(place) == len(truth), f"{room_id}: an event stands twice in its history"
        for sender in self.senders:
            acknowledged = [sent.event_id for sent in sender.sent if sent.room_id == room_id and sent.event_id]
            lost = [event_id for event_id in acknowledged if event_id not in place]
            assert not lost, f"{room_id}: acknowledged and lost: {lost[:5]} ({len(lost)} of {len(acknowledged)})"
            places = [place[event_id] for event_id in acknowledged]
            assert places == sorted(places), f"{room_id}: messages of {sender.account.user_id} are out of order"

    async def _check_reader(self, reader: SyncedClient, truth: dict[str, list[str]]) -> None:
        deadline = time.monotonic() + CATCH_UP_SECONDS_MAX
        while True:
            await reader.sync()
            seen = {
                room_id: [event["event_id"] for event in reader.rooms[room_id].timeline if is_message(event)]
                for room_id in self.rooms
            }
            if all(seen[room_id][-1:] == truth[room_id][-1:] for room_id in self.rooms):
                break
            assert time.monotonic() < deadline, f"{reader} never saw the last message; steps: {reader.steps[-3:]}"
        for room_id in self.rooms:
            assert seen[room_id] == truth[room_id], (
                f"{reader} saw {len(seen[room_id])} messages of {room_id}, its history has {len(truth[room_id])}; "
                f"missing: {[e for e in truth[room_id] if e not in set(seen[room_id])][:5]}"
            )

    async def _check_retries(self) -> None:
        """A transaction repeated much later, after restarts, is answered with the event it made."""
        for sender in self.senders:
            for message in sender.sent[-1:] + sender.sent[:1]:
                again = await sender.account.send_text(message.room_id, message.body, message.transaction_id)
                assert again == message.event_id, f"{message} retried gave {again}"


def is_message(event: dict[str, object]) -> bool:
    return event["type"] == "m.room.message"
