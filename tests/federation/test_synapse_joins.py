"""Joins with a part of the state between Zajil and Synapse, both ways, and with Zajil killed in the middle."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.federation.peers import (
    Person,
    Refusal,
    TlsServer,
    build_peer,
    build_synapse_peer,
    make_authority,
    register,
    run_both,
)

from zajil.services.federation.serve_membership import MEMBERS_TOLD_MAX

CROWD = 12
WAIT_S_MAX = 60.0
PARTIAL, COMPLETE = "a room is joined without most of its members", "the state of a room is complete"


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    zajil = build_peer(folder / "zajil", authority, guest_access="on")
    with run_both(zajil, build_synapse_peer(folder / "synapse", authority)) as both:
        yield both


def members(person: Person, room_id: str) -> dict[str, str]:
    """The joined ones and their events, as soon as the server knows them."""
    until = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            found = person.call("GET", f"/rooms/{room_id}/members", membership="join")["chunk"]
            return {each["state_key"]: each["event_id"] for each in found}
        except (Refusal, TimeoutError, OSError):
            assert time.monotonic() < until, person.server.log_tail()
            time.sleep(0.05)


def wait_for_lines(server: TlsServer, line: str, count: int) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while server.log.read_text(errors="replace").count(line) < count:
        assert time.monotonic() < until, server.log_tail()
        time.sleep(0.002)


def count_lines(server: TlsServer, line: str) -> int:
    return server.log.read_text(errors="replace").count(line)


def make_crowded_room(host: Person, name: str) -> tuple[str, list[Person]]:
    room_id = host.create_room(preset="public_chat", name=name)
    crowd = [register(host.server, f"{name}{number}") for number in range(CROWD)]
    for each in crowd:
        each.join(room_id)
    return room_id, crowd


def test_we_join_a_crowded_room_of_synapse(people: tuple[Person, Person]) -> None:
    ali, sara = people
    room_id, crowd = make_crowded_room(sara, "crowd")
    crowd[0].send(room_id, "before")
    done = count_lines(ali.server, COMPLETE)
    ali.join(room_id, sara.server.server_name)
    assert count_lines(ali.server, PARTIAL)
    ali.send(room_id, "hello")
    sara.wait_for_text(room_id, "hello")
    crowd[3].send(room_id, "welcome")
    sara.call("POST", f"/rooms/{room_id}/ban", {"user_id": crowd[4].user_id})
    ali.wait_for_text(room_id, "welcome")
    wait_for_lines(ali.server, COMPLETE, done + 1)
    gone = crowd[4].user_id
    ali.wait_for("the ban", lambda me: any(e.get("state_key") == gone for e in me.seen[room_id]))
    assert members(ali, room_id) == members(sara, room_id)
    assert len(members(ali, room_id)) == CROWD + 1
    assert ali.state(room_id) == sara.state(room_id)


def test_synapse_joins_a_crowded_room_of_ours(people: tuple[Person, Person]) -> None:
    ali, sara = people
    access = {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "can_join"}}
    room_id = ali.create_room(preset="public_chat", name="Ours", initial_state=[access])
    crowd = []
    for _ in range(MEMBERS_TOLD_MAX):
        made = Person(ali.server, "", "").call("POST", "/register", {}, kind="guest")
        guest = Person(ali.server, made["user_id"], made["access_token"])
        guest.join(room_id)
        crowd.append(guest)
    assert sara.join(room_id, ali.server.server_name) == room_id
    sara.send(room_id, "hello")
    ali.wait_for_text(room_id, "hello")
    crowd[50].send(room_id, "welcome")
    sara.wait_for_text(room_id, "welcome")
    assert members(sara, room_id) == members(ali, room_id)
    assert len(members(sara, room_id)) == MEMBERS_TOLD_MAX + 2
    assert sara.state(room_id) == ali.state(room_id)


def test_zajil_is_killed_while_synapse_does_not_answer(people: tuple[Person, Person]) -> None:
    ali, sara = people
    room_id, _ = make_crowded_room(sara, "away")
    seen, done = count_lines(ali.server, PARTIAL), count_lines(ali.server, COMPLETE)

    def hold() -> None:
        # As soon as the part is here Synapse stands still, and Zajil dies meanwhile.
        wait_for_lines(ali.server, PARTIAL, seen + 1)
        os.kill(sara.server.pid, signal.SIGSTOP)

    holding = threading.Thread(target=hold)
    holding.start()
    ali.join(room_id, sara.server.server_name)
    holding.join()
    mine = ali.send(room_id, "mine")
    ali.server.kill()
    ali.server.start()
    os.kill(sara.server.pid, signal.SIGCONT)
    wait_for_lines(ali.server, COMPLETE, done + 1)
    assert members(ali, room_id) == members(sara, room_id)
    sara.wait_for("what was acknowledged", lambda me: any(e["event_id"] == mine for e in me.seen.get(room_id, [])))
