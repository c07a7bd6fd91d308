"""Zajil and Synapse in the same rooms, over TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation.peers import Person, TlsServer, build_peer, build_synapse_peer, make_authority, register

VERSIONS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]
OURS = ["10", "11", "12"]  # what we create; all are understood


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    servers = [build_peer(folder / "zajil", authority), build_synapse_peer(folder / "synapse", authority)]
    try:
        for server in servers:
            server.start()
        yield servers[0], servers[1]
    finally:
        for server in servers:
            server.stop()


@pytest.fixture(scope="module")
def people(peers: tuple[TlsServer, TlsServer]) -> tuple[Person, Person]:
    """Ali on Zajil, Sara on Synapse."""
    return register(peers[0], "ali"), register(peers[1], "sara")


def talk(host: Person, guest: Person, room_id: str) -> None:
    """Both write, both see it in order, both hold the same state."""
    host.wait_for("the join", lambda me: any(e.get("state_key") == guest.user_id for e in me.seen.get(room_id, [])))
    for number in range(5):
        host.send(room_id, f"h{number}")
        guest.send(room_id, f"g{number}")
    for me in (host, guest):
        me.wait_for_text(room_id, "h4")
        me.wait_for_text(room_id, "g4")
        assert [text for text in me.texts(room_id) if text[0] == "h"] == [f"h{n}" for n in range(5)]
        assert [text for text in me.texts(room_id) if text[0] == "g"] == [f"g{n}" for n in range(5)]
    host.set_state(room_id, "m.room.topic", {"topic": "both"})
    guest.wait_for("the topic", lambda me: any(e["type"] == "m.room.topic" for e in me.seen[room_id]))
    assert host.state(room_id) == guest.state(room_id)


@pytest.mark.parametrize("version", VERSIONS)
def test_we_join_rooms_of_synapse(people: tuple[Person, Person], version: str) -> None:
    ali, sara = people
    room_id = sara.create_room(preset="public_chat", room_version=version)
    assert ali.join(room_id, sara.server.server_name) == room_id
    talk(sara, ali, room_id)


@pytest.mark.parametrize("version", OURS)
def test_synapse_joins_our_rooms(people: tuple[Person, Person], version: str) -> None:
    ali, sara = people
    room_id = ali.create_room(preset="public_chat", room_version=version)
    assert sara.join(room_id, ali.server.server_name) == room_id
    talk(ali, sara, room_id)
