"""Zajil and Synapse in the same rooms, over TLS."""

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
    run_both,
)

VERSIONS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]
OURS = ["10", "11", "12"]  # what we create; all are understood


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    zajil, synapse = build_peer(folder / "zajil", authority), build_synapse_peer(folder / "synapse", authority)
    with run_both(zajil, synapse) as both:
        yield both


@pytest.fixture(params=["zajil hosts", "synapse hosts"])
def pair(request: pytest.FixtureRequest, people: tuple[Person, Person]) -> tuple[Person, Person]:
    """Who makes the room, and who comes into it."""
    return people if request.param == "zajil hosts" else people[::-1]


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


def both_in(pair: tuple[Person, Person]) -> str:
    """A room of the first with both people in it."""
    host, guest = pair
    room_id = host.create_room(preset="public_chat")
    guest.join(room_id, host.server.server_name)
    host.wait_for("the guest", lambda me: is_member(me, room_id, guest.user_id, "join"))
    return room_id


def test_typing_receipts_and_presence_go_both_ways(pair: tuple[Person, Person]) -> None:
    one, other = pair
    room_id = both_in(pair)
    event_id = one.send(room_id, "read me")
    other.wait_for_text(room_id, "read me")
    one.call("PUT", f"/rooms/{room_id}/typing/{one.user_id}", {"typing": True, "timeout": 30_000})
    one.call("POST", f"/rooms/{room_id}/receipt/m.read/{event_id}", {})
    other.wait_for(
        "typing",
        lambda me: any(
            e["type"] == "m.typing" and one.user_id in e["content"]["user_ids"] for e in me.ephemeral.get(room_id, [])
        ),
    )
    other.wait_for(
        "the receipt",
        lambda me: any(
            e["type"] == "m.receipt" and one.user_id in e["content"].get(event_id, {}).get("m.read", {})
            for e in me.ephemeral.get(room_id, [])
        ),
    )
    one.call("PUT", f"/presence/{one.user_id}/status", {"presence": "online", "status_msg": f"here {one.user_id}"})
    other.wait_for(
        "the presence",
        lambda me: any(
            e["sender"] == one.user_id and e["content"].get("status_msg") == f"here {one.user_id}" for e in me.presence
        ),
    )


def test_keys_and_messages_to_devices(pair: tuple[Person, Person]) -> None:
    one, other = pair
    both_in(pair)
    device_id = one.call("GET", "/account/whoami")["device_id"]
    keys = {
        "user_id": one.user_id,
        "device_id": device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": {f"ed25519:{device_id}": "A" * 43, f"curve25519:{device_id}": "B" * 43},
        "signatures": {},
    }
    one_time = {"signed_curve25519:AAAA": {"key": "C" * 43, "signatures": {}}}
    other.changed_devices.clear()
    one.call("POST", "/keys/upload", {"device_keys": keys, "one_time_keys": one_time})
    other.wait_for("the new keys", lambda me: one.user_id in me.changed_devices)
    asked = other.call("POST", "/keys/query", {"device_keys": {one.user_id: []}})
    assert asked["failures"] == {}
    assert asked["device_keys"][one.user_id][device_id]["keys"] == keys["keys"]
    claimed = other.call("POST", "/keys/claim", {"one_time_keys": {one.user_id: {device_id: "signed_curve25519"}}})
    assert claimed["one_time_keys"][one.user_id][device_id]["signed_curve25519:AAAA"]["key"] == "C" * 43
    content = {"messages": {one.user_id: {device_id: {"said": other.user_id}}}}
    other.call("PUT", f"/sendToDevice/org.zajil.test/{device_id}", content)
    one.wait_for(
        "the message",
        lambda me: any(e["content"] == {"said": other.user_id} for e in me.to_device),
    )


def test_invitations_go_both_ways(pair: tuple[Person, Person]) -> None:
    host, guest = pair
    taken, refused = (host.create_room(preset="private_chat", name=name) for name in ("Taken", "Refused"))
    for room_id in (taken, refused):
        host.call("POST", f"/rooms/{room_id}/invite", {"user_id": guest.user_id})
        guest.wait_for("the invitation", lambda me, room_id=room_id: me.invites.get(room_id))
        assert any(each["type"] == "m.room.name" for each in guest.invites[room_id])
    guest.join(taken)
    host.wait_for("the guest", lambda me: is_member(me, taken, guest.user_id, "join"))
    guest.send(taken, "thanks")
    host.wait_for_text(taken, "thanks")
    guest.call("POST", f"/rooms/{refused}/leave", {})
    host.wait_for("the refusal", lambda me: is_member(me, refused, guest.user_id, "leave"))


def is_member(me: Person, room_id: str, user_id: str, membership: str) -> bool:
    """Whether the last member event of a user that has been seen says so."""
    seen = [e for e in me.seen.get(room_id, []) if e["type"] == "m.room.member" and e["state_key"] == user_id]
    return bool(seen) and seen[-1]["content"]["membership"] == membership


def test_knocks_go_both_ways(pair: tuple[Person, Person]) -> None:
    host, guest = pair
    room_id = host.create_room(
        preset="private_chat",
        initial_state=[{"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}],
    )
    guest.call("POST", f"/knock/{room_id}", {"reason": "please"}, via=[host.server.server_name])
    host.wait_for("the knock", lambda me: is_member(me, room_id, guest.user_id, "knock"))
    host.call("POST", f"/rooms/{room_id}/invite", {"user_id": guest.user_id})
    guest.wait_for("the invitation", lambda me: me.invites.get(room_id))
    guest.join(room_id)
    host.wait_for("the guest", lambda me: is_member(me, room_id, guest.user_id, "join"))


def test_restricted_rooms_let_members_of_the_other_room_in(pair: tuple[Person, Person]) -> None:
    host, guest = pair
    club = host.create_room(preset="public_chat")
    allow = [{"type": "m.room_membership", "room_id": club}]
    rule = {"join_rule": "restricted", "allow": allow}
    room_id = host.create_room(
        preset="private_chat", initial_state=[{"type": "m.room.join_rules", "state_key": "", "content": rule}]
    )
    with pytest.raises(Refusal) as refused:
        guest.join(room_id, host.server.server_name)
    assert refused.value.status == 403
    guest.join(club, host.server.server_name)
    guest.join(room_id, host.server.server_name)
    host.wait_for("the guest", lambda me: is_member(me, room_id, guest.user_id, "join"))


def test_redactions_edits_reactions_kicks_and_bans(pair: tuple[Person, Person]) -> None:
    host, guest = pair
    room_id = host.create_room(preset="public_chat")
    guest.join(room_id, host.server.server_name)
    host.wait_for("the guest", lambda me: is_member(me, room_id, guest.user_id, "join"))
    event_id = host.send(room_id, "first")
    guest.wait_for_text(room_id, "first")
    edit = {
        "msgtype": "m.text",
        "body": "* second",
        "m.new_content": {"msgtype": "m.text", "body": "second"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }
    host.send_event(room_id, "m.room.message", edit)
    guest.wait_for_text(room_id, "* second")
    reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "x"}}
    guest.send_event(room_id, "m.reaction", reaction)
    host.wait_for("the reaction", lambda me, r=room_id: any(e["type"] == "m.reaction" for e in me.seen[r]))
    host.call("PUT", f"/rooms/{room_id}/redact/{event_id}/1", {})
    guest.wait_for("the redaction", lambda me, r=room_id: any(e["type"] == "m.room.redaction" for e in me.seen[r]))
    assert guest.call("GET", f"/rooms/{room_id}/event/{event_id}")["content"] == {}
    host.call("POST", f"/rooms/{room_id}/ban", {"user_id": guest.user_id})
    guest.wait_for("the ban", lambda me, r=room_id: r in me.left)
    with pytest.raises(Refusal):
        guest.join(room_id, host.server.server_name)


def test_one_side_is_down_for_a_while(pair: tuple[Person, Person]) -> None:
    host, guest = pair
    room_id = host.create_room(preset="public_chat")
    guest.join(room_id, host.server.server_name)
    host.wait_for("the guest", lambda me, r=room_id: is_member(me, r, guest.user_id, "join"))
    guest.server.stop()
    lines = [f"while you were away {number}" for number in range(60)]
    for line in lines:
        host.send(room_id, line)
    guest.server.start()
    guest.send(room_id, "back")
    host.wait_for_text(room_id, "back")
    guest.wait_for_text(room_id, lines[-1])
    assert [text for text in guest.texts(room_id) if text.startswith("while")] == lines


@pytest.mark.parametrize("count", [250, pytest.param(2_000, marks=pytest.mark.soak)])
def test_older_events_are_read_across(pair: tuple[Person, Person], count: int) -> None:
    host, guest = pair
    room_id = host.create_room(preset="public_chat")
    for number in range(count):
        host.send(room_id, f"old {number}")
    guest.join(room_id, host.server.server_name)
    read: list[str] = []
    token = ""
    while True:
        query = {"from": token} if token else {}
        page = guest.call("GET", f"/rooms/{room_id}/messages", None, dir="b", limit=100, **query)
        read += [e["content"]["body"] for e in page["chunk"] if e["type"] == "m.room.message"]
        token = page.get("end", "")
        if not token or any(e["type"] == "m.room.create" for e in page["chunk"]):
            break
    assert read == [f"old {number}" for number in reversed(range(count))]
