"""Three servers, cut off from each other in every way while people on all of them write and change the room, and then healed: the room is
the same everywhere, nothing that was acknowledged is missing anywhere, and the clients that followed it see just that."""

import random
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q
from tests.simulation.follower import Follower
from tests.simulation.network import Network, running_network

from zajil.ports.stores.events import SOFT_FAILED

NAMES = ("one.test", "two.test", "three.test")
V3 = "/_matrix/client/v3"
STEPS = 30
PAGES_MAX = 50
SEEDS_PER_RUN = 20
VERSIONS = ("10", "11", "12")
HARD_SEEDS = (1110, 2534, 2742)
"""Who has the history has left, or was removed; two come back at once, each with what they remember of the room."""


class Story:
    """One room and what happens in it."""

    def __init__(self, network: Network, people: list[Client], seed: int) -> None:
        self.network = network
        self.people = people
        self.random = random.Random(seed)
        self.glances = random.Random(seed)
        self.seed = seed
        self.room_id = ""
        self.acknowledged: list[str] = []
        self.followers: list[Follower] = []

    async def begin(self) -> None:
        host, *guests = self.random.sample(self.people, len(self.people))
        version = self.random.choice(VERSIONS)
        levels = {"users": {host.user_id: 100}, "state_default": 0, "events_default": 0, "invite": 0}
        if version == "12":
            levels["users"] = {}
        body = {"preset": "public_chat", "room_version": version, "power_level_content_override": levels}
        self.room_id = (await host.post(f"{V3}/createRoom", body)).ok()["room_id"]
        via = host.user_id.partition(":")[2]
        for guest in guests:
            (await guest.post(f"{V3}/join/{q(self.room_id)}?via={via}")).ok()
        await self.network.settle()
        # Their clients look now and then; by themselves, so that the story goes as it would without them.
        self.followers = [Follower(person, self.room_id) for person in self.people]
        for follower in self.followers:
            await follower.sync()

    async def run(self) -> None:
        for _ in range(STEPS):
            if self.random.random() < 0.25:
                self.cut()
            await self.act(self.random.choice(self.people))
            if self.glances.random() < 0.3:
                await self.glances.choice(self.followers).sync()
        self.network.heal()
        await self.network.settle()
        # Whoever has not heard of an end of the room hears of it with the next message.
        for person in self.people:
            await self.write(person, "at last")
            await self.network.settle()

    def cut(self) -> None:
        """Any of the six directions, each by itself."""
        links = list(permutations(NAMES, 2))
        self.network.cut = {link for link in links if self.random.random() < 0.4}
        for server in self.network.servers.values():
            server.app.destinations.retry_now()

    async def act(self, person: Client) -> None:
        what = self.random.choice(("write", "write", "name", "topic", "profile", "levels", "kick", "rejoin"))
        if what == "write":
            await self.write(person, f"{self.seed} {self.random.random()}")
        elif what in ("name", "topic"):
            await self.put(person, f"state/m.room.{what}", {what: str(self.random.random())})
        elif what == "profile":
            content = {"membership": "join", "displayname": str(self.random.random())}
            await self.put(person, f"state/m.room.member/{q(person.user_id)}", content)
        elif what == "levels":
            await self.change_levels(person)
        elif what == "kick":
            target = self.random.choice(self.people)
            await self.note(person.post(f"{V3}/rooms/{q(self.room_id)}/kick", {"user_id": target.user_id}))
        else:
            await self.note(person.post(f"{V3}/join/{q(self.room_id)}?via={self.random.choice(NAMES)}"))

    async def change_levels(self, person: Client) -> None:
        answer = await person.get(f"{V3}/rooms/{q(self.room_id)}/state/m.room.power_levels")
        if answer.status == 200:
            content = answer.body
            content["events"] = {**content.get("events", {}), "m.room.topic": self.random.choice((0, 50, 100))}
            await self.put(person, "state/m.room.power_levels", content)

    async def write(self, person: Client, text: str) -> None:
        await self.put(person, f"send/m.room.message/{self.random.random()}", {"msgtype": "m.text", "body": text})

    async def put(self, person: Client, path: str, content: dict[str, Any]) -> None:
        await self.note(person.put(f"{V3}/rooms/{q(self.room_id)}/{path}", content))

    async def note(self, call: Any) -> None:
        answer = await call
        assert answer.status < 500 or answer.status in (502, 503), (self.seed, answer.status, answer.raw)
        if answer.status == 200 and "event_id" in answer.body:
            self.acknowledged.append(answer.body["event_id"])

    async def check(self) -> None:
        """Every server that is in the room holds the same state, and has every event that any of them acknowledged, but for those that failed
        softly where they arrived: somebody had removed their sender meanwhile. Who is in the room is the same for all that are."""
        failed = {event_id for server in self.network.servers.values() for event_id in await self.find_failed(server)}
        views = {name: await self.find_joined(server) for name, server in self.network.servers.items()}
        standing = [name for name in NAMES if name in views[name]]
        states: dict[str, dict[tuple[str, str], str]] = {}
        for name in standing:
            app = self.network.servers[name].app
            head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
            assert head is not None
            nids = {
                **await app.rooms.read_state(app.db.reader, head.row.members_root),
                **await app.rooms.read_state(app.db.reader, head.row.rest_root),
            }
            ids = await app.stores.events.load_event_ids(app.db.reader, list(nids.values()))
            states[name] = {key: ids[nid] for key, nid in nids.items()}
            await self.read_back(name)
            here = await app.stores.events.load_by_ids(app.db.reader, self.acknowledged)
            missing = set(self.acknowledged) - failed - {each.event.event_id for each in here}
            assert not missing, (self.seed, name, missing)
        assert len({tuple(sorted(state.items())) for state in states.values()}) <= 1, (self.seed, describe(states))
        assert all(views[name] == set(standing) for name in standing), (self.seed, views)
        for follower in self.followers:
            try:
                await follower.check()
            except AssertionError as error:
                raise AssertionError((self.seed, "a client sees it otherwise", *error.args)) from error

    async def find_joined(self, server: InProcessServer) -> set[str]:
        app = server.app
        head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
        assert head is not None
        return set(await app.stores.federation_queue.load_joined_servers(app.db.reader, head.row.room_nid))

    async def find_failed(self, server: InProcessServer) -> list[str]:
        app = server.app
        here = await app.stores.events.load_by_ids(app.db.reader, self.acknowledged)
        return [each.event.event_id for each in here if each.flags & SOFT_FAILED]

    async def read_back(self, name: str) -> None:
        """To the beginning: what a server was not in the room for is fetched when somebody reads that far."""
        person = next(each for each in self.people if each.user_id.endswith(name))
        start = ""
        for _ in range(PAGES_MAX):
            path = f"{V3}/rooms/{q(self.room_id)}/messages?dir=b&limit=100{start}"
            page = (await person.get(path)).ok()
            if "end" not in page:
                return
            start = f"&from={page['end']}"
        raise AssertionError((self.seed, "the history has no end"))


def describe(states: dict[str, dict[tuple[str, str], str]]) -> dict[tuple[str, str], dict[str, str | None]]:
    """Only what differs."""
    keys = {key for state in states.values() for key in state}
    return {
        key: {name: state.get(key) for name, state in states.items()}
        for key in sorted(keys)
        if len({state.get(key) for state in states.values()}) > 1
    }


async def play(folder: Path, seeds: range) -> None:
    async with running_network(folder, NAMES) as network:
        people = [await server.register(name.partition(".")[0]) for name, server in network.servers.items()]
        for seed in seeds:
            story = Story(network, people, seed)
            await story.begin()
            await story.run()
            await story.check()


@pytest.mark.parametrize("start", range(0, 200, SEEDS_PER_RUN))
async def test_a_healed_room_is_the_same_everywhere(tmp_path: Path, start: int) -> None:
    await play(tmp_path, range(start, start + SEEDS_PER_RUN))


@pytest.mark.parametrize("seed", HARD_SEEDS)
async def test_a_healed_room_is_the_same_everywhere_also_after_these(tmp_path: Path, seed: int) -> None:
    await play(tmp_path, range(seed, seed + 1))


@pytest.mark.soak
@pytest.mark.parametrize("start", range(1_000, 3_000, SEEDS_PER_RUN))
async def test_a_healed_room_is_the_same_everywhere_at_length(tmp_path: Path, start: int) -> None:
    await play(tmp_path, range(start, start + SEEDS_PER_RUN))
