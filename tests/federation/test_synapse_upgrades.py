"""Rooms that are replaced while people of both Zajil and Synapse are in them: the others see it, and follow (client-server API, "Room Upgrades")."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.federation.peers import (
    Person,
    Refusal,
    build_peer,
    build_synapse_peer,
    make_authority,
    register,
    run_both,
)

INVITE = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "invite"}}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Person]]:
    """One on Zajil, one on Synapse."""
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    zajil, synapse = build_peer(folder / "zajil", authority), build_synapse_peer(folder / "synapse", authority)
    with run_both(zajil, synapse) as servers:
        yield {name: register(server, "ali") for name, server in zip(("zajil", "synapse"), servers, strict=True)}


def other_of(people: dict[str, Person], name: str) -> Person:
    return people["synapse" if name == "zajil" else "zajil"]


def content_of(person: Person, room_id: str, event_type: str) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", f"/rooms/{room_id}/state/{event_type}")
    return found


def make_room(host: Person, guest: Person, version: str, **more: Any) -> str:
    """A room in which both may do everything."""
    levels: dict[str, Any] = {"users": {host.user_id: 100, guest.user_id: 100}}
    creation: dict[str, Any] = {}
    if version == "12":
        levels["users"], creation = {}, {"additional_creators": [guest.user_id]}
    body = {"room_version": version, "power_level_content_override": levels, "creation_content": creation}
    room_id = host.create_room(**{"preset": "public_chat", "name": "Before", **body, **more})
    guest.join(room_id, host.server.server_name)
    host.wait_for(
        "the guest",
        lambda me: any(each.get("state_key") == guest.user_id for each in me.seen.get(room_id, [])),
    )
    return room_id


def upgrade(upgrader: Person, other: Person, room_id: str, version: str) -> str:
    """Replace the room; returns the successor's ID as the other side has learned it."""
    replacement = upgrader.call("POST", f"/rooms/{room_id}/upgrade", {"new_version": version})["replacement_room"]
    tombstone = other.wait_for(
        "the tombstone",
        lambda me: next((each for each in me.seen[room_id] if each["type"] == "m.room.tombstone"), None),
    )
    assert tombstone["sender"] == upgrader.user_id
    assert tombstone["content"]["replacement_room"] == replacement
    for me in (upgrader, other):
        assert content_of(me, room_id, "m.room.tombstone") == tombstone["content"]
    return str(replacement)


def check_successor(upgrader: Person, other: Person, room_id: str, replacement: str, version: str) -> None:
    """Both are in the successor: it says what it replaces, and they talk in it."""
    upgrader.wait_for(
        "the other",
        lambda me: any(
            each.get("state_key") == other.user_id and each["content"]["membership"] == "join"
            for each in me.seen.get(replacement, [])
        ),
    )
    for me in (upgrader, other):
        create = content_of(me, replacement, "m.room.create")
        assert create["room_version"] == version
        assert create["predecessor"]["room_id"] == room_id
        if version != "12":
            assert create["predecessor"]["event_id"] == me.state(room_id)["m.room.tombstone", ""]
        assert content_of(me, replacement, "m.room.name") == {"name": "Before"}
    for me, they in ((upgrader, other), (other, upgrader)):
        me.send(replacement, f"from {me.user_id}")
        they.wait_for_text(replacement, f"from {me.user_id}")
    assert upgrader.state(replacement) == other.state(replacement)
    assert upgrader.state(room_id) == other.state(room_id)


@pytest.mark.parametrize("upgrader_name", ["zajil", "synapse"])
@pytest.mark.parametrize(
    ("host_name", "old", "new"),
    [
        ("synapse", "1", "10"),
        ("synapse", "6", "11"),
        ("synapse", "9", "12"),
        ("synapse", "10", "11"),
        ("synapse", "12", "12"),
        ("zajil", "10", "10"),
        ("zajil", "10", "12"),
        ("zajil", "11", "12"),
        ("zajil", "12", "11"),
    ],
)
def test_a_public_room_is_replaced(
    people: dict[str, Person], host_name: str, upgrader_name: str, old: str, new: str
) -> None:
    room_id = make_room(people[host_name], other_of(people, host_name), old)
    upgrader, other = people[upgrader_name], other_of(people, upgrader_name)
    tags = f"/user/{other.user_id}/rooms/%s/tags"
    other.call("PUT", tags % room_id + "/m.favourite", {"order": 0.25})
    replacement = upgrade(upgrader, other, room_id, new)
    other.join(replacement, upgrader.server.server_name)
    check_successor(upgrader, other, room_id, replacement, new)
    # What the others had set for the room goes along with them.
    assert other.call("GET", tags % replacement) == {"tags": {"m.favourite": {"order": 0.25}}}


@pytest.mark.parametrize("upgrader_name", ["zajil", "synapse"])
@pytest.mark.parametrize("new", ["11", "12"])
def test_an_invited_user_follows(people: dict[str, Person], upgrader_name: str, new: str) -> None:
    upgrader, other = people[upgrader_name], other_of(people, upgrader_name)
    room_id = make_room(upgrader, other, "10")
    upgrader.set_state(room_id, "m.room.join_rules", {"join_rule": "invite"})
    replacement = upgrade(upgrader, other, room_id, new)
    with pytest.raises(Refusal) as refused:
        other.join(replacement, upgrader.server.server_name)
    assert refused.value.status == 403
    upgrader.call("POST", f"/rooms/{replacement}/invite", {"user_id": other.user_id})
    other.wait_for("the invitation", lambda me: me.invites.get(replacement))
    other.join(replacement)
    check_successor(upgrader, other, room_id, replacement, new)


@pytest.mark.parametrize("upgrader_name", ["zajil", "synapse"])
@pytest.mark.parametrize("new", ["10", "12"])
def test_members_of_another_room_follow_into_a_restricted_one(
    people: dict[str, Person], upgrader_name: str, new: str
) -> None:
    upgrader, other = people[upgrader_name], other_of(people, upgrader_name)
    club = make_room(upgrader, other, "10")
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": club}]}
    restricted = {"type": "m.room.join_rules", "state_key": "", "content": rule}
    room_id = make_room(upgrader, other, "9" if upgrader_name == "synapse" else "10", initial_state=[restricted])
    replacement = upgrade(upgrader, other, room_id, new)
    other.join(replacement, upgrader.server.server_name)
    check_successor(upgrader, other, room_id, replacement, new)
    member = other.call("GET", f"/rooms/{replacement}/state/m.room.member/{other.user_id}")
    assert member["join_authorised_via_users_server"] == upgrader.user_id


@pytest.mark.parametrize("upgrader_name", ["zajil", "synapse"])
def test_a_replaced_room_is_quiet(people: dict[str, Person], upgrader_name: str) -> None:
    upgrader, other = people[upgrader_name], other_of(people, upgrader_name)
    room_id = upgrader.create_room(preset="public_chat", room_version="11")
    other.join(room_id, upgrader.server.server_name)
    other.send(room_id, "before")
    upgrader.wait_for_text(room_id, "before")
    with pytest.raises(Refusal) as refused:
        other.call("POST", f"/rooms/{room_id}/upgrade", {"new_version": "12"})
    assert refused.value.status == 403
    upgrade(upgrader, other, room_id, "12")
    other.wait_for(
        "the power levels",
        lambda me: content_of(me, room_id, "m.room.power_levels")["events_default"] >= 50,
    )
    with pytest.raises(Refusal) as refused:
        other.send(room_id, "after")
    assert refused.value.status == 403
