"""Invitations to people of whom only an e-mail address is known, between two Zajil servers and Synapse, with a real identity server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.federation.identity_server import IdentityServer
from tests.federation.peers import (
    Person,
    Refusal,
    build_peer,
    build_synapse_peer,
    make_authority,
    register,
)

from zajil.core.signing import SigningKey


@dataclass
class Place:
    """Ali's server asks the identity server; Sara is on another Zajil, Omar on Synapse."""

    identity: IdentityServer
    ali: Person
    sara: Person
    omar: Person


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    identity = IdentityServer(authority)
    options = {"outbound_allow": "127.0.0.0/8", "identity_servers": identity.name}
    one, two = (build_peer(folder / name, authority, **options) for name in ("one", "two"))
    servers = [one, two, build_synapse_peer(folder / "synapse", authority)]
    try:
        for server in servers:
            server.env["SSL_CERT_FILE"] = str(authority.ca)
            server.start()
        people = [register(server, name) for server, name in zip(servers, ("ali", "sara", "omar"), strict=True)]
        yield Place(identity, *people)
    finally:
        for server in servers:
            server.stop()
        identity.close()


def invite_by_mail(place: Place, inviter: Person, room_id: str, address: str) -> None:
    body = {"id_server": place.identity.name, "id_access_token": "t", "medium": "email", "address": address}
    inviter.call("POST", f"/rooms/{room_id}/invite", body)


def offer_in(place: Place, inviter: Person, room_id: str, address: str) -> None:
    """What a server does that asks the identity server, for one that is not set up to."""
    told = place.identity.answer(
        "/_matrix/identity/v2/store-invite",
        {"medium": "email", "address": address, "room_id": room_id, "sender": inviter.user_id},
    )
    keys = told["public_keys"]
    content = {"display_name": told["display_name"], **keys[0], "public_keys": keys}
    inviter.set_state(room_id, "m.room.third_party_invite", content, told["token"])


def member_of(person: Person, room_id: str, user_id: str) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", f"/rooms/{room_id}/state/m.room.member/{user_id}")
    return found


def come_in(inviter: Person, guest: Person, room_id: str) -> None:
    """The invitation is there, it names its proof, and it is good for joining."""
    shown = guest.wait_for("the invitation", lambda me: me.invites.get(room_id))
    own = next(each for each in shown if each.get("state_key") == guest.user_id)
    assert own["sender"] == inviter.user_id
    assert own["content"]["third_party_invite"]["signed"]["mxid"] == guest.user_id
    guest.join(room_id)
    guest.send(room_id, "thank you")
    inviter.wait_for_text(room_id, "thank you")


@pytest.mark.parametrize("version", ["10", "11", "12"])
@pytest.mark.parametrize("guest_name", ["sara", "omar"])
def test_an_address_becomes_a_user_of_another_server(place: Place, guest_name: str, version: str) -> None:
    guest: Person = getattr(place, guest_name)
    address = f"{guest_name}{version}@example.org"
    room_id = place.ali.create_room(preset="private_chat", room_version=version)
    invite_by_mail(place, place.ali, room_id, address)
    token = place.identity.pending[address][0]["token"]
    offer = place.ali.call("GET", f"/rooms/{room_id}/state/m.room.third_party_invite/{token}")
    assert offer["public_keys"] == place.identity.offered_keys
    asked = place.identity.validity_asked
    place.identity.bind(guest.server, address, guest.user_id)
    come_in(place.ali, guest, room_id)
    assert place.identity.validity_asked > asked, "the server of the room asks whether the key is still valid"


@pytest.mark.parametrize("version", ["10", "12"])
def test_a_room_of_synapse_invites_an_address(place: Place, version: str) -> None:
    room_id = place.omar.create_room(preset="private_chat", room_version=version)
    offer_in(place, place.omar, room_id, "from@synapse.example")
    place.identity.bind(place.sara.server, "from@synapse.example", place.sara.user_id)
    come_in(place.omar, place.sara, room_id)


@pytest.mark.parametrize("host_name", ["ali", "omar"])
def test_a_server_that_is_in_the_room_invites_by_itself(place: Place, host_name: str) -> None:
    host: Person = getattr(place, host_name)
    friend, newcomer = (register(place.sara.server, f"{name}{host_name}") for name in ("friend", "newcomer"))
    room_id = host.create_room(preset="public_chat")
    friend.join(room_id, host.server.server_name)
    host.set_state(room_id, "m.room.join_rules", {"join_rule": "invite"})
    offer_in(place, host, room_id, "newcomer@example.org")
    token = place.identity.pending["newcomer@example.org"][0]["token"]
    friend.wait_for("the offer", lambda me: any(each.get("state_key") == token for each in me.seen.get(room_id, [])))
    place.identity.bind(newcomer.server, "newcomer@example.org", newcomer.user_id)
    # It is made in the name of who made the offer, whose server hears of it like all others.
    host.wait_for(
        "the invitation",
        lambda me: any(each.get("state_key") == newcomer.user_id for each in me.seen.get(room_id, [])),
    )
    assert member_of(host, room_id, newcomer.user_id)["membership"] == "invite"
    come_in(host, newcomer, room_id)
    assert host.state(room_id) == newcomer.state(room_id)


def test_a_known_address_is_a_plain_invitation(place: Place) -> None:
    place.identity.users["known@example.org"] = place.sara.user_id
    body = {"id_server": place.identity.name, "id_access_token": "t", "medium": "email", "address": "Known@example.org"}
    room_id = place.ali.create_room(preset="private_chat", invite_3pid=[body])
    place.sara.wait_for("the invitation", lambda me: me.invites.get(room_id))
    assert "third_party_invite" not in member_of(place.ali, room_id, place.sara.user_id)


def test_nobody_gets_in_with_a_proof_that_is_none(place: Place) -> None:
    room_id = place.ali.create_room(preset="private_chat")
    forger = SigningKey(b"f" * 32, "ed25519:0")
    invite_by_mail(place, place.ali, room_id, "forged@example.org")
    place.identity.bind(place.sara.server, "forged@example.org", place.sara.user_id, forger)
    invite_by_mail(place, place.ali, room_id, "revoked@example.org")
    place.identity.is_key_valid = False
    place.identity.bind(place.sara.server, "revoked@example.org", place.sara.user_id)
    place.identity.is_key_valid = True
    invite_by_mail(place, place.ali, room_id, "stranger@example.org")
    place.identity.pending["stranger@example.org"][0]["sender"] = f"@other:{place.ali.server.server_name}"
    place.identity.bind(place.sara.server, "stranger@example.org", place.sara.user_id)
    with pytest.raises(Refusal):
        member_of(place.ali, room_id, place.sara.user_id)
    # Who may not invite writes nobody an e-mail.
    guest_room = place.ali.create_room(preset="public_chat")
    place.sara.join(guest_room, place.ali.server.server_name)
    with pytest.raises(Refusal) as refused:
        invite_by_mail(place, place.sara, guest_room, "mail@example.org")
    assert refused.value.errcode == "M_FORBIDDEN"
    assert "mail@example.org" not in place.identity.pending
    with pytest.raises(Refusal) as refused:
        body = {"id_server": "localhost:1", "id_access_token": "t", "medium": "email", "address": "a@example.org"}
        place.ali.call("POST", f"/rooms/{room_id}/invite", body)
    assert refused.value.errcode == "M_THREEPID_DENIED"
