"""Three Zajil servers over real sockets, cut off from each other in every way while people on all of them write and change the room, and then healed.

The same with a thousand stories and no sockets: tests/simulation/test_partitions.py.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
from tests.federation.cut_links import Links
from tests.federation.peers import Person, TlsServer, make_authority, register

WAIT_S_MAX = 90.0
LINES = 4


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    folder: Path = tmp_path_factory.mktemp("three")
    authority, links = make_authority(folder / "authority"), Links()
    servers = [links.build_server(folder / name, authority) for name in ("one", "two", "three")]
    try:
        for server in servers:
            server.start()
        yield links
    finally:
        for server in servers:
            server.stop()
        links.close()


class Story:
    """A room with somebody of each server in it, and all that was acknowledged there."""

    def __init__(self, links: Links, people: list[Person], version: str) -> None:
        self.links = links
        self.people = people
        host, *guests = people
        levels = {"users": {} if version == "12" else {host.user_id: 100}, "state_default": 0, "events": {}}
        self.room_id = host.create_room(preset="public_chat", room_version=version, power_level_content_override=levels)
        for guest in guests:
            guest.join(self.room_id, host.server.server_name)
        self.acknowledged: list[str] = []
        self.lines: dict[str, list[str]] = {person.user_id: [] for person in people}

    def act(self, chapter: str) -> None:
        """Everybody writes, and changes what the others change too."""
        for number in range(LINES):
            for person in self.people:
                line = f"{chapter} {number} {person.user_id}"
                self.acknowledged.append(person.send(self.room_id, line))
                self.lines[person.user_id].append(line)
        for person in self.people:
            for event_type, content in (
                ("m.room.name", {"name": f"{chapter} {person.user_id}"}),
                ("m.room.topic", {"topic": f"{chapter} {person.user_id}"}),
            ):
                self.acknowledged.append(person.set_state(self.room_id, event_type, content))
            member = {"membership": "join", "displayname": f"{chapter} {person.user_id}"}
            self.acknowledged.append(person.set_state(self.room_id, "m.room.member", member, person.user_id))
        levels = self.people[0].call("GET", f"/rooms/{self.room_id}/state/m.room.power_levels")
        levels["events"][f"org.zajil.{chapter}"] = 50
        self.acknowledged.append(self.people[0].set_state(self.room_id, "m.room.power_levels", levels))

    def check(self) -> None:
        """Everybody has seen everything once, each one's lines in their order; all hold the same state."""
        self.links.cut()
        wanted = set(self.acknowledged)
        for person in self.people:
            person.wait_for(
                f"all {len(wanted)} events",
                lambda me: wanted <= {each["event_id"] for each in me.seen.get(self.room_id, [])},
            )
            seen = [each["event_id"] for each in person.seen[self.room_id]]
            assert len(set(seen)) == len(seen), "an event came twice"
            texts = person.texts(self.room_id)
            for user_id, lines in self.lines.items():
                assert [text for text in texts if text.endswith(user_id)] == lines
        until(lambda: len({tuple(sorted(person.state(self.room_id).items())) for person in self.people}) == 1)


def until(condition: Callable[[], bool]) -> None:
    """Forks are joined right after their last event has come."""
    end = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < end, "the servers do not come to the same state"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def people(links: Links) -> list[Person]:
    return [
        register(server, name) for server, name in zip(links.servers.values(), ("ali", "sara", "omar"), strict=True)
    ]


def restart_hard(server: TlsServer) -> None:
    """As after a power cut."""
    process = server.process
    assert process is not None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    server.start()


@pytest.mark.parametrize("version", ["10", "12"])
def test_servers_that_were_cut_off_come_together(links: Links, people: list[Person], version: str) -> None:
    story = Story(links, people, version)
    names = list(links.servers)
    pairs = list(combinations(names, 2))
    story.act("whole")
    for one, other in pairs:
        links.cut((one, other))
        story.act(f"pair{names.index(one)}{names.index(other)}")
    story.check()
    for alone in names:
        links.cut(*(pair for pair in pairs if alone in pair))
        story.act(f"alone{names.index(alone)}")
    story.check()
    refused = links.refused
    links.cut(*pairs)
    story.act("apart")
    restart_hard(people[1].server)
    story.act("restarted")
    assert links.refused > refused, "the links were not cut"
    story.check()
