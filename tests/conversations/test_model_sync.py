"""Incremental sync = fresh sync: random operations by several users, followed step by step by clients of every kind.

A run is determined by its seed, printed on failure; ZAJIL_MODEL_SEED repeats one.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from tests.conversations.account import Account, register_accounts
from tests.conversations.synced_client import PLAIN, PLAIN_THREADS, VARIANTS, JoinedRoom, SyncedClient, load_fresh
from tests.servers import Server

USERS = 4
OPERATIONS = 120
OPERATIONS_SOAK = 600
SEEDS_SOAK = 30
ROOMS_MAX = 5
CLIENTS_MAX = 12
SETTLE_SYNCS_MAX = 20
REFUSALS = {403, 404}  # a random operation may not be allowed, or its room may stand empty; nothing else may go wrong


def fixed_seeds(first: int, count: int) -> list[int]:
    wanted = os.environ.get("ZAJIL_MODEL_SEED")
    return [int(wanted)] if wanted else list(range(first, first + count))


class World:
    """The users, their rooms, the clients that follow, and what must have reached them."""

    def __init__(self, accounts: list[Account], seed: int) -> None:
        self.random = random.Random(seed)
        self.accounts = accounts
        self.clients: list[SyncedClient] = []
        self.lobby = ""  # everybody is always in it
        self.rooms: list[str] = []
        self.event_ids: dict[str, list[str]] = {}
        self.thread_roots: dict[str, str] = {}
        self.thread_replies: dict[str, list[str]] = {}
        self.to_device_sent: dict[tuple[str, str], list[int]] = {}
        self.devices_expected: dict[SyncedClient, set[str]] = {}
        self.log: list[str] = []
        self.done = self.refused = self.counter = 0

    async def prepare(self) -> None:
        owner, *others = self.accounts
        self.lobby = await owner.create_room(preset="public_chat")
        self.rooms.append(self.lobby)
        self.event_ids[self.lobby] = []
        for account in others:
            await account.join(self.lobby)
        for index, account in enumerate(self.accounts):
            for variant in (PLAIN, VARIANTS[1 + index % (len(VARIANTS) - 1)]):
                await self.add_client(account, variant)

    async def add_client(self, account: Account, variant: Any) -> None:
        client = await load_fresh(account.user_id, account, variant)
        self.clients.append(client)
        self.devices_expected[client] = set()
        self.to_device_sent[(client.account.user_id, client.account.device_id)] = []

    async def attempt(self, what: str, account: Account, method: str, path: str, body: Any = None) -> Any:
        """Send a request that may be refused with 403 and with nothing else."""
        self.log.append(f"{account.user_id} {what}")
        status, answer = await account.request(method, path, body)
        if status == 200:
            self.done += 1
            return answer
        assert status in REFUSALS, f"{what} by {account.user_id}: {method} {path} {body} -> {status} {answer}"
        self.refused += 1
        return None

    def pick_room(self) -> str:
        return self.random.choice(self.rooms)

    def pick_event(self, room_id: str) -> str | None:
        events = self.event_ids[room_id]
        return self.random.choice(events[-10:]) if events else None

    def next_number(self) -> int:
        self.counter += 1
        return self.counter


def room_path(room_id: str, *parts: str) -> str:
    return "/".join(["/rooms", quote(room_id, safe=""), *(quote(part, safe="") for part in parts)])


async def send(world: World, account: Account) -> None:
    room_id = world.pick_room()
    body = {"msgtype": "m.text", "body": f"message {world.next_number()}"}
    if world.random.random() < 0.2:
        body["m.mentions"] = {"user_ids": [world.random.choice(world.accounts).user_id]}  # type: ignore[assignment]
    path = room_path(room_id, "send", "m.room.message", account.new_transaction_id())
    answer = await world.attempt("send", account, "PUT", path, body)
    if answer:
        world.event_ids[room_id].append(answer["event_id"])


async def reply_in_thread(world: World, account: Account) -> None:
    room_id = world.pick_room()
    if not (root := world.thread_roots.setdefault(room_id, world.pick_event(room_id) or "")):
        return
    relation = {"rel_type": "m.thread", "event_id": root}
    body = {"msgtype": "m.text", "body": f"in thread {world.next_number()}", "m.relates_to": relation}
    path = room_path(room_id, "send", "m.room.message", account.new_transaction_id())
    answer = await world.attempt("thread", account, "PUT", path, body)
    if answer:
        world.thread_replies.setdefault(room_id, []).append(answer["event_id"])


async def read_thread(world: World, account: Account) -> None:
    """A receipt for the thread alone; `read` gives unthreaded ones."""
    room_id = world.pick_room()
    if replies := world.thread_replies.get(room_id):
        path = room_path(room_id, "receipt", "m.read", world.random.choice(replies[-5:]))
        await world.attempt("read thread", account, "POST", path, {"thread_id": world.thread_roots[room_id]})


async def set_state(world: World, account: Account) -> None:
    kind, content = world.random.choice(
        [
            ("m.room.topic", {"topic": f"topic {world.next_number()}"}),
            ("m.room.name", {"name": f"name {world.next_number()}"}),
            ("m.room.history_visibility", {"history_visibility": world.random.choice(["joined", "invited", "shared"])}),
            ("org.example.counter", {"n": world.next_number()}),
        ]
    )
    await world.attempt(f"state {kind}", account, "PUT", room_path(world.pick_room(), "state", kind), content)


async def create_room(world: World, account: Account) -> None:
    if len(world.rooms) >= ROOMS_MAX:
        return
    preset = world.random.choice(["public_chat", "private_chat"])
    invite = [other.user_id for other in world.accounts if other is not account and world.random.random() < 0.5]
    answer = await world.attempt("create", account, "POST", "/createRoom", {"preset": preset, "invite": invite})
    world.event_ids[answer["room_id"]] = []
    world.rooms.append(answer["room_id"])


def pick_other_room(world: World) -> str | None:
    """A room that members may leave."""
    others = [room_id for room_id in world.rooms if room_id != world.lobby]
    return world.random.choice(others) if others else None


async def join(world: World, account: Account) -> None:
    if room_id := pick_other_room(world):
        await world.attempt("join", account, "POST", room_path(room_id, "join"), {})


async def leave(world: World, account: Account) -> None:
    if room_id := pick_other_room(world):
        await world.attempt("leave", account, "POST", room_path(room_id, "leave"), {})


async def change_other(world: World, account: Account) -> None:
    """Invite, kick, ban or unban somebody."""
    if not (room_id := pick_other_room(world)):
        return
    target = world.random.choice([other for other in world.accounts if other is not account])
    action = world.random.choice(["invite", "invite", "invite", "kick", "ban", "unban"])
    body = {"user_id": target.user_id}
    await world.attempt(f"{action} {target.user_id}", account, "POST", room_path(room_id, action), body)


async def redact(world: World, account: Account) -> None:
    room_id = world.pick_room()
    if event_id := world.pick_event(room_id):
        path = room_path(room_id, "redact", event_id, account.new_transaction_id())
        await world.attempt("redact", account, "PUT", path, {"reason": "model"})


async def react(world: World, account: Account) -> None:
    room_id = world.pick_room()
    if event_id := world.pick_event(room_id):
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": str(world.next_number())}
        path = room_path(room_id, "send", "m.reaction", account.new_transaction_id())
        await world.attempt("react", account, "PUT", path, {"m.relates_to": relation})


async def read(world: World, account: Account) -> None:
    room_id = world.pick_room()
    if event_id := world.pick_event(room_id):
        kind = world.random.choice(["m.read", "m.read", "m.read.private"])
        await world.attempt(kind, account, "POST", room_path(room_id, "receipt", kind, event_id), {})


async def set_account_data(world: World, account: Account) -> None:
    kind = f"org.example.{world.random.randrange(3)}"
    path = f"/user/{quote(account.user_id, safe='')}"
    if world.random.random() < 0.5:
        path += "/rooms/" + quote(world.pick_room(), safe="")
    await world.attempt(
        f"account data {kind}", account, "PUT", f"{path}/account_data/{kind}", {"n": world.next_number()}
    )


async def set_tag(world: World, account: Account) -> None:
    tag = world.random.choice(["m.favourite", "u.work"])
    room = quote(world.pick_room(), safe="")
    path = f"/user/{quote(account.user_id, safe='')}/rooms/{room}/tags/{tag}"
    if world.random.random() < 0.3:
        await world.attempt("untag", account, "DELETE", path)
    else:
        await world.attempt("tag", account, "PUT", path, {"order": world.random.randrange(10) / 10})


async def set_profile(world: World, account: Account) -> None:
    path = f"/profile/{quote(account.user_id, safe='')}/displayname"
    await world.attempt("profile", account, "PUT", path, {"displayname": f"name {world.next_number()}"})


async def change_device(world: World, account: Account) -> None:
    """New device keys: everybody who shares the lobby must hear of it."""
    keys = {
        "user_id": account.user_id,
        "device_id": account.device_id,
        "algorithms": ["m.megolm.v1.aes-sha2"],
        "keys": {f"ed25519:{account.device_id}": f"key{world.next_number()}"},
        "signatures": {account.user_id: {f"ed25519:{account.device_id}": "unchecked"}},
    }
    for client in world.clients:
        world.devices_expected[client].add(account.user_id)
        client.devices_changed.discard(account.user_id)
    await world.attempt("device keys", account, "POST", "/keys/upload", {"device_keys": keys})


async def send_to_device(world: World, account: Account) -> None:
    client = world.random.choice(world.clients)
    user_id, device_id = client.account.user_id, client.account.device_id
    number = world.next_number()
    body = {"messages": {user_id: {device_id: {"n": number}}}}
    path = f"/sendToDevice/org.example.model/{account.new_transaction_id()}"
    if await world.attempt(f"to-device {number}", account, "PUT", path, body) is not None:
        world.to_device_sent[(user_id, device_id)].append(number)


async def sync_one(world: World, account: Account) -> None:
    client = world.random.choice(world.clients)
    world.log.append(f"{client} syncs")
    await client.sync()


async def log_in(world: World, account: Account) -> None:
    if len(world.clients) < CLIENTS_MAX:
        await world.add_client(account, world.random.choice(VARIANTS))


async def start_over(world: World, account: Account) -> None:
    """A client whose cache was cleared: it syncs from the start, on the same device."""
    client = world.random.choice(world.clients)
    world.log.append(f"{client} starts over")
    await settle(client)
    client.forget()
    await client.sync()


OPERATIONS_WEIGHED: list[tuple[Callable[[World, Account], Awaitable[None]], int]] = [
    (send, 30),
    (set_state, 6),
    (create_room, 3),
    (join, 8),
    (leave, 5),
    (change_other, 8),
    (redact, 5),
    (react, 3),
    (read, 8),
    (set_account_data, 4),
    (set_tag, 4),
    (set_profile, 2),
    (change_device, 2),
    (send_to_device, 6),
    (reply_in_thread, 6),
    (read_thread, 3),
    (sync_one, 25),
    (log_in, 1),
    (start_over, 1),
]


async def run_operations(world: World, count: int) -> None:
    kinds = [kind for kind, _ in OPERATIONS_WEIGHED]
    weights = [weight for _, weight in OPERATIONS_WEIGHED]
    for _ in range(count):
        operation = world.random.choices(kinds, weights)[0]
        await operation(world, world.random.choice(world.accounts))


async def run_concurrently(world: World, count: int) -> None:
    """All users act at once while every client sits in its long poll."""
    acting = True

    async def follow(client: SyncedClient) -> None:
        while acting:
            await client.sync(timeout_ms=200)

    async def act(account: Account) -> None:
        kinds = [kind for kind, _ in OPERATIONS_WEIGHED if kind not in (sync_one, log_in, start_over)]
        weights = [weight for kind, weight in OPERATIONS_WEIGHED if kind in kinds]
        for _ in range(count // len(world.accounts)):
            await world.random.choices(kinds, weights)[0](world, account)

    followers = [asyncio.create_task(follow(client)) for client in world.clients]
    try:
        await asyncio.gather(*(act(account) for account in world.accounts))
    finally:
        acting = False
        await asyncio.gather(*followers)


async def settle(client: SyncedClient) -> None:
    """Sync until nothing new comes."""
    for _ in range(SETTLE_SYNCS_MAX):
        before = client.since
        if not await client.sync() and client.since == before:
            return
    # A server may move its token without telling anything; what was told is compared below.


def describe_state(room: JoinedRoom, *, members: bool) -> dict[tuple[str, str], tuple[str, Any]]:
    return {
        key: (event["event_id"], event["content"])
        for key, event in room.state.items()
        if members or key[0] != "m.room.member"
    }


def without_empty_tags(room: JoinedRoom) -> dict[str, Any]:
    """A room that lost its last tag has an empty m.tag; one that never had any may have none."""
    return {kind: content for kind, content in room.account_data.items() if content != {"tags": {}}}


def check_room(client: SyncedClient, room_id: str, mine: JoinedRoom, fresh: JoinedRoom) -> None:
    where = f"{client} in {room_id}"
    lazy = client.variant.lazy_load
    assert describe_state(mine, members=not lazy) == describe_state(fresh, members=not lazy), f"{where}: state"
    if lazy:
        wanted = describe_state(fresh, members=True)
        known = describe_state(mine, members=True)
        wrong = {key: value for key, value in known.items() if wanted.get(key) != value}
        assert not wrong, (
            f"{where}: members the client holds that are not so: {wrong}, but { ({key: wanted.get(key) for key in wrong}) }"
        )
        missing = {user_id for user_id in mine.heard if ("m.room.member", user_id) not in known}
        assert not missing, f"{where}: senders in timelines whose member events never came: {missing}"
    tail = min(len(mine.timeline), len(fresh.timeline))
    assert mine.describe_timeline()[-tail:] == fresh.describe_timeline()[-tail:], f"{where}: timeline"
    contents = [event["content"] for event in mine.timeline[-tail:]]
    assert contents == [event["content"] for event in fresh.timeline[-tail:]], f"{where}: contents"
    assert without_empty_tags(mine) == without_empty_tags(fresh), f"{where}: account data"
    assert mine.receipts == fresh.receipts, f"{where}: receipts"
    assert mine.unread == fresh.unread, f"{where}: unread counts"
    assert mine.unread_threads == fresh.unread_threads, f"{where}: unread counts of threads"
    counts = ("m.joined_member_count", "m.invited_member_count")
    joined = sum(
        1
        for (kind, _), event in fresh.state.items()
        if kind == "m.room.member" and event["content"]["membership"] == "join"
    )
    if counts[0] in mine.summary:
        assert mine.summary[counts[0]] == joined, f"{where}: summary {mine.summary}"


async def check_client(world: World, client: SyncedClient, fresh: SyncedClient) -> None:
    steps = "\n".join(client.steps)
    try:
        assert set(client.rooms) == set(fresh.rooms), f"{client}: joined rooms"
        assert set(client.invites) == set(fresh.invites), f"{client}: invites"
        assert client.account_data == fresh.account_data, f"{client}: account data"
        for room_id, room in client.rooms.items():
            check_room(client, room_id, room, fresh.rooms[room_id])
        sent = world.to_device_sent[(client.account.user_id, client.account.device_id)]
        received = [event["content"]["n"] for event in client.to_device]
        if (
            client.started_over
        ):  # acknowledged messages are deleted soon, not at once: a first sync may bring them again
            received = list(dict.fromkeys(received))
        assert received == sent, f"{client}: to-device messages, received {received}, sent {sent}"
        unheard = world.devices_expected[client] - client.devices_changed
        assert not unheard, f"{client}: never heard of new device keys of {unheard}"
    except AssertionError as failure:
        raise AssertionError(f"{failure}\nits last steps:\n{steps}") from failure


async def check_full_state(client: SyncedClient, fresh: SyncedClient) -> None:
    """full_state=true at the same token gives the whole state again."""
    answer = await client.account.sync(client.since, 0, **client.variant.build_query(), full_state="true")
    for room_id, room in fresh.rooms.items():
        update = answer["rooms"]["join"][room_id]
        again = JoinedRoom()
        client._apply_state(room_id, again, update)
        wanted = describe_state(room, members=not client.variant.lazy_load)
        assert describe_state(again, members=not client.variant.lazy_load) == wanted, (
            f"{client}: full_state of {room_id}"
        )


async def run_model(server: Server, name: Callable[[str], str], seed: int, count: int, *, concurrent: bool) -> None:
    print(f"seed {seed}, {count} operations, {'concurrent' if concurrent else 'one after the other'}")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as connections:
        accounts = await register_accounts(server.base, connections, [name(f"model{i}") for i in range(USERS)])
        world = World(accounts, seed)
        await world.prepare()
        try:
            await (run_concurrently if concurrent else run_operations)(world, count)
            for client in world.clients:
                await settle(client)
            for account in accounts:
                plain = await load_fresh(account.user_id, account)
                with_threads = await load_fresh(account.user_id, account, PLAIN_THREADS)
                for client in world.clients:
                    if client.account.user_id == account.user_id:
                        fresh = with_threads if client.variant.threads else plain
                        await settle(client)
                        await check_client(world, client, fresh)
                        await check_full_state(client, fresh)
        except AssertionError:
            print("last operations:\n" + "\n".join(world.log[-60:]))
            raise
        assert world.done * 2 > world.refused, f"only {world.done} operations succeeded, {world.refused} were refused"


@pytest.mark.parametrize("seed", fixed_seeds(1, 3))
async def test_incremental_sync_equals_fresh_sync(server: Server, unique_name: Callable[[str], str], seed: int) -> None:
    await run_model(server, unique_name, seed, OPERATIONS, concurrent=False)


@pytest.mark.parametrize("seed", fixed_seeds(101, 2))
async def test_incremental_sync_equals_fresh_sync_with_all_users_at_once(
    server: Server, unique_name: Callable[[str], str], seed: int
) -> None:
    await run_model(server, unique_name, seed, OPERATIONS, concurrent=True)


@pytest.mark.parametrize("concurrent", [False, True])
async def test_incremental_sync_equals_fresh_sync_on_postgres(
    server_on_postgres: Server, unique_name: Callable[[str], str], concurrent: bool
) -> None:
    for seed in fixed_seeds(201, 1):
        await run_model(server_on_postgres, unique_name, seed, OPERATIONS, concurrent=concurrent)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("concurrent", [False, True])
async def test_incremental_sync_equals_fresh_sync_for_long(
    server: Server, unique_name: Callable[[str], str], concurrent: bool
) -> None:
    for seed in fixed_seeds(1000, SEEDS_SOAK):
        await run_model(server, unique_name, seed, OPERATIONS_SOAK, concurrent=concurrent)
