"""`zajil federation` beside a server that runs: another server that is away, kept out, let in; keys."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.federation.peers import Person, Refusal, TlsServer, build_peer, make_authority, register, run_both
from tests.servers import build_environment, build_zajil_command, build_zajil_env


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    with run_both(build_peer(folder / "one", authority), build_peer(folder / "two", authority)) as both:
        yield both


def run(server: TlsServer, *words: str) -> str:
    command = build_zajil_command("federation", *words, "--data", str(server.data), "--server-name", server.server_name)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=build_environment(build_zajil_env()), check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_until(server: TlsServer, expected: str, *words: str) -> str:
    """Again and again, until it says so."""
    until = time.monotonic() + 60
    while True:
        told = run(server, *words)
        if expected in told:
            return told
        assert time.monotonic() < until, told
        time.sleep(0.2)


def test_a_server_that_is_away_is_shown_and_tried_again(peers: tuple[TlsServer, TlsServer]) -> None:
    one, two = peers
    ali, sara = register(one, "ali"), register(two, "sara")
    room_id = ali.create_room(preset="public_chat")
    sara.join(room_id, one.server_name)
    ali.wait_for("the join", lambda me: has_joined(me, room_id, sara.user_id))
    assert "All servers have everything" in run_until(one, "All servers", "status")
    two.stop()
    ali.send(room_id, "while you were away")
    told = run_until(one, "failed", "status")
    assert two.server_name in told
    assert "1 events" in told
    two.start()
    assert "tried now" in run(one, "retry", two.server_name) or "All servers" in run(one, "status")
    sara.wait_for_text(room_id, "while you were away")
    run_until(one, "All servers", "status")


def has_joined(me: Person, room_id: str, user_id: str) -> bool:
    return any(each.get("state_key") == user_id for each in me.seen.get(room_id, []))


def test_a_server_is_kept_out_and_let_in_while_all_runs(peers: tuple[TlsServer, TlsServer]) -> None:
    one, two = peers
    dora = register(two, "dora")
    room_id = register(one, "carl").create_room(preset="public_chat")
    assert "denied" in run(one, "deny", two.server_name)
    wait_until_refused(dora, room_id, one.server_name)
    assert "no rule" in run(one, "deny", two.server_name, "--remove")
    until = time.monotonic() + 60
    while True:
        try:
            assert dora.join(room_id, one.server_name) == room_id
            break
        except Refusal:
            assert time.monotonic() < until
            time.sleep(0.2)


def wait_until_refused(person: Person, room_id: str, via: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            person.join(room_id, via)
        except Refusal as refusal:
            assert refusal.status == 403
            return
        assert time.monotonic() < until
        person.call("POST", f"/rooms/{room_id}/leave", {})


def test_keys_are_shown_and_rotated(peers: tuple[TlsServer, TlsServer]) -> None:
    one, two = peers
    before = run(one, "keys").split()[0]
    assert before in run(two, "keys", one.server_name)
    after = run(one, "keys", "--rotate").splitlines()
    assert after[0].split()[0] != before
    assert after[1].startswith(f"{before}  ")
    assert "old" in after[1]
