"""Two Zajil servers over TLS: rooms that both are in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.federation.peers import Person, TlsServer, build_peer, make_authority, register, run_both


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    with run_both(build_peer(folder / "one", authority), build_peer(folder / "two", authority)) as both:
        yield both


@pytest.fixture(scope="module")
def people(peers: tuple[TlsServer, TlsServer]) -> tuple[Person, Person]:
    return register(peers[0], "ali"), register(peers[1], "sara")


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_a_public_room_is_joined_and_talked_in(people: tuple[Person, Person], version: str) -> None:
    ali, sara = people
    room_id = ali.create_room(preset="public_chat", room_version=version, name="Across")
    ali.send(room_id, "before")
    assert sara.join(room_id, ali.server.server_name) == room_id
    ali.wait_for("the join", lambda me: any(e.get("state_key") == sara.user_id for e in me.seen.get(room_id, [])))
    ali.send(room_id, "hello")
    sara.wait_for_text(room_id, "hello")
    sara.send(room_id, "marhaba")
    ali.wait_for_text(room_id, "marhaba")
    for number in range(20):
        ali.send(room_id, f"a{number}")
        sara.send(room_id, f"s{number}")
    for me in (ali, sara):
        me.wait_for_text(room_id, "a19")
        me.wait_for_text(room_id, "s19")
        assert [t for t in me.texts(room_id) if t.startswith("a")] == [f"a{n}" for n in range(20)]
        assert [t for t in me.texts(room_id) if t[0] == "s"] == [f"s{n}" for n in range(20)]
    ali.set_state(room_id, "m.room.topic", {"topic": "both"})
    sara.wait_for("the topic", lambda me: any(e["type"] == "m.room.topic" for e in me.seen[room_id]))
    assert ali.state(room_id) == sara.state(room_id)


def test_an_invitation_is_seen_accepted_and_declined(people: tuple[Person, Person]) -> None:
    ali, sara = people
    first, second = (ali.create_room(preset="private_chat", name=name) for name in ("First", "Second"))
    for room_id in (first, second):
        ali.call("POST", f"/rooms/{room_id}/invite", {"user_id": sara.user_id})
        shown = sara.wait_for("the invitation", lambda me, room_id=room_id: me.invites.get(room_id))
        assert any(each["type"] == "m.room.name" for each in shown)
    sara.join(first)
    ali.send(first, "welcome")
    sara.wait_for_text(first, "welcome")
    sara.call("POST", f"/rooms/{second}/leave", {})
    ali.wait_for(
        "the refusal",
        lambda me: any(
            each.get("state_key") == sara.user_id and each["content"].get("membership") == "leave"
            for each in me.seen.get(second, [])
        ),
    )
