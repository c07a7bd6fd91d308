"""Transactions of a hostile server whose signatures are right: events and EDUs that are changed in every way, or that claim what they may not.

Whatever comes, the answer is no 5xx, the event loop is never held up for long, and nobody's room changes by it.
"""

import asyncio
import copy
import gc
import random
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.client import Answer, Client, InProcessServer, q
from tests.simulation.network import Network, running_network

from zajil.core.canonical_json import CanonicalJsonError
from zajil.core.events import Event, sign_event
from zajil.core.request_signing import build_request_header
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.core.signing import compute_content_hash, encode_base64
from zajil.main.garbage import GarbageSearch

V3 = "/_matrix/client/v3"
HERE, THERE = "here.test", "there.test"
VERSIONS = ("10", "11", "12")
BATCH = 10
STALL_S_MAX = 0.05
LARGE_SHARE = 0.01
"""Of the transactions, so many are as large as may be."""
SENT_REMEMBERED_MAX = 200
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**53, 2**63, 1.5, "", "x", "\0", "\ud800".encode("utf-16", "surrogatepass").hex(), "x" * 300, "@a:b", "!a:b", "$a",
    [], {}, [[]], [None], {"a": {"b": {"c": []}}}, ["x"] * 30, {"membership": "join"}, {"users": {"@guest:there.test": 100}},
]  # fmt: skip
TYPES = (
    "m.room.message", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.name", "m.room.create", "m.room.redaction",
    "m.room.server_acl", "m.room.third_party_invite", "m.room.history_visibility", "m.room.encryption", "m.room.tombstone", "org.zajil.test",
)  # fmt: skip
EDUS = ("m.typing", "m.receipt", "m.presence", "m.device_list_update", "m.signing_key_update", "m.direct_to_device")
FIELDS = (
    "type", "sender", "state_key", "content", "room_id", "depth", "origin_server_ts", "prev_events", "auth_events", "hashes", "signatures",
    "unsigned", "redacts", "event_id", "membership", "origin", "extra",
)  # fmt: skip


class Hostile:
    """A server whose only user is in the room without any power."""

    def __init__(self, network: Network, guest: Client, seed: int) -> None:
        self.network = network
        self.there: InProcessServer = network.servers[THERE]
        self.guest = guest
        self.random = random.Random(seed)
        self.sent: list[str] = []
        self.longest_s = 0.0
        """How long one step of the server's event loop computed at most."""

    async def build(self, room_id: str) -> dict[str, Any]:
        """A well-formed event that the guest may not send, or may, at the end of the room."""
        app = self.there.app
        head = await app.rooms.find(app.db.reader, room_id, app.db.position)
        assert head is not None
        auth = [head.rest["m.room.power_levels", ""].event.event_id]
        if not head.rules.room_id_is_create_hash:
            auth.append(head.rest["m.room.create", ""].event.event_id)
        member = await app.rooms.member(app.db.reader, head, self.guest.user_id)
        assert member is not None
        event_type = self.random.choice(TYPES)
        pdu: dict[str, Any] = {
            "type": event_type,
            "sender": self.guest.user_id,
            "room_id": room_id,
            "content": self.content(event_type),
            "depth": head.row.depth + 1,
            "origin_server_ts": app.clock.now_ms(),
            "prev_events": self.follow(list(head.row.extremities)),
            "auth_events": [*auth, member.event.event_id],
        }
        if event_type.startswith("m.room.") and event_type not in (
            "m.room.message",
            "m.room.redaction",
            "m.room.member",
        ):
            pdu["state_key"] = ""
        if event_type == "m.room.member":
            pdu["state_key"] = self.random.choice([f"@host:{HERE}", f"@third:{THERE}"])
        return pdu

    def follow(self, ends: list[str]) -> list[str]:
        """What the room ends with; or events that forked it, or that there are none of."""
        chance = self.random.random()
        if chance < 0.7 or not self.sent:
            return ends
        if chance < 0.95:
            return self.random.sample(self.sent, min(len(self.sent), self.random.choice((1, 2, 5, 20, 21))))
        return [f"${self.random.getrandbits(256):043x}", *ends]

    def content(self, event_type: str) -> Any:
        if event_type == "m.room.member":
            return {"membership": self.random.choice(["join", "leave", "ban", "invite", "knock", "x"])}
        if event_type == "m.room.power_levels":
            return {"users": {self.guest.user_id: 100}}
        return {self.random.choice(["body", "name", "join_rule", "allow", "redacts"]): self.random.choice(VALUES)}

    def mutate(self, pdu: dict[str, Any]) -> dict[str, Any]:
        changed = copy.deepcopy(pdu)
        for _ in range(self.random.choice((0, 1, 1, 2, 3))):
            field = self.random.choice(FIELDS)
            if self.random.random() < 0.2:
                changed.pop(field, None)
            else:
                changed[field] = copy.deepcopy(self.random.choice(VALUES))
        return changed

    def sign(self, pdu: dict[str, Any], rules: RoomRules) -> dict[str, Any]:
        """As well as it can be signed."""
        try:
            pdu.setdefault("hashes", {"sha256": encode_base64(compute_content_hash(pdu, rules))})
            pdu.setdefault("signatures", {})
            signed = sign_event(Event(rules, "", pdu=pdu), self.there.app.sign_event)
            self.sent = [*self.sent[1 - SENT_REMEMBERED_MAX :], signed.event_id]
            return signed.pdu
        except (CanonicalJsonError, TypeError, ValueError, AttributeError, KeyError):
            return pdu

    def edu(self) -> Any:
        content: Any = {
            self.random.choice(
                ["room_id", "user_id", "typing", "push", "sender", "type", "message_id", "messages", "x"]
            ): (self.random.choice(VALUES))
            for _ in range(4)
        }
        edu: dict[str, Any] = {"edu_type": self.random.choice(EDUS), "content": content}
        if self.random.random() < 0.3:
            edu[self.random.choice(["edu_type", "content"])] = self.random.choice(VALUES)
        return self.random.choice([edu, edu, edu, self.random.choice(VALUES)])

    def swell(self) -> dict[str, Any]:
        """What takes longest to read."""
        many = {f"key {number}": number for number in range(self.random.choice((100, 3_000, 40_000)))}
        deep: Any = {}
        for _ in range(95):
            deep = {"a": deep}
        parts = [many, {"type": "m.room.message", "content": many}, ["x"] * 3_000, [{}] * 3_000, "x" * 60_000, deep]
        part = {**self.random.choice(parts[:2]), "extra": self.random.choice(parts[2:])}
        size = len(orjson.dumps(part))
        return {
            "pdus": [part] * min(50, 6_000_000 // size),
            "edus": [{"edu_type": self.random.choice(EDUS), "content": part}] * min(100, 3_000_000 // size),
        }

    async def send(self, content: Any) -> int:
        """The status of the answer; 0 if the transaction cannot even be signed."""
        app = self.there.app
        path = f"/_matrix/federation/v1/send/{self.random.getrandbits(64)}"
        client = Client(self.network.servers[HERE])
        try:
            header = build_request_header("PUT", path, THERE, HERE, content, app.signing_key)
            body = orjson.dumps(content)
        except (CanonicalJsonError, TypeError):
            return 0
        client.headers["authorization"] = header
        return (await self.watch(client.call("PUT", path, body))).status

    async def watch(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        """Await it, and note how long others would have had to wait. It is the time that the thread of the loop computes: the machine may have
        other things to do."""
        task = asyncio.create_task(call)
        while not task.done():
            began_s = time.thread_time()
            await asyncio.sleep(0)
            self.longest_s = max(self.longest_s, time.thread_time() - began_s)
        return await task


async def attack(folder: Path, seed: int, count: int) -> None:
    async with running_network(folder, (HERE, THERE)) as network:
        with collecting_as_a_worker_does() as garbage:
            await attack_rooms(network, garbage, seed, count)


@contextmanager
def collecting_as_a_worker_does() -> Iterator[GarbageSearch]:
    """Searches for garbage among what is old have times of their own, when it is quiet."""
    thresholds = gc.get_threshold()
    garbage = GarbageSearch(time.monotonic, is_quiet=lambda: True, has_live=lambda: False)
    garbage.begin()
    try:
        yield garbage
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def attack_rooms(network: Network, garbage: GarbageSearch, seed: int, count: int) -> None:
    here = network.servers[HERE]
    host, guest = await here.register("host"), await network.servers[THERE].register("guest")
    hostile = Hostile(network, guest, seed)
    for done in range(0, count, BATCH * 50):
        version = hostile.random.choice(VERSIONS)
        body = {"preset": "public_chat", "room_version": version, "name": "as it was"}
        room_id = (await host.post(f"{V3}/createRoom", body)).ok()["room_id"]
        (await guest.post(f"{V3}/join/{q(room_id)}?via={HERE}")).ok()
        await network.settle()
        hostile.sent.clear()
        before = await read_state(host, room_id)
        for _ in range(50):
            pdus = [
                hostile.sign(hostile.mutate(await hostile.build(room_id)), ROOM_RULES[version]) for _ in range(BATCH)
            ]
            is_large = hostile.random.random() < LARGE_SHARE
            content = hostile.swell() if is_large else {"pdus": pdus, "edus": [hostile.edu() for _ in range(3)]}
            status = await hostile.send(content)
            assert status < 500, (seed, done, status, pdus)
            assert hostile.longest_s < STALL_S_MAX, (seed, done, is_large, pdus)
        assert await read_state(host, room_id) == before, (seed, done)
        garbage.check()
    await here.app.message_index.catch_up()  # nothing that was placed is in its way
    print(f"{count} events, the longest step took {hostile.longest_s * 1000:.1f} ms")


async def read_state(person: Client, room_id: str) -> dict[tuple[str, str], Any]:
    """All that the guest has no say in: everything but their own member event."""
    found = (await person.get(f"{V3}/rooms/{q(room_id)}/state")).ok()
    return {
        (each["type"], each["state_key"]): each["event_id"]
        for each in found
        if not (each["type"] == "m.room.member" and each["state_key"].endswith(THERE))
    }


async def test_hostile_transactions_change_nothing(tmp_path: Path) -> None:
    await attack(tmp_path, 1, 2_000)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 110))
async def test_hostile_transactions_change_nothing_at_length(tmp_path: Path, seed: int) -> None:
    await attack(tmp_path, seed, 10_000)
