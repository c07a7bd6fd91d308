"""Rooms with a policy server: it is asked before anything of ours is sent, what comes without its recommendation is hidden, and its silence is bounded."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.federation.peers import (
    Authority,
    Person,
    Refusal,
    TlsServer,
    build_peer,
    build_synapse_peer,
    make_authority,
    register,
    run_both,
)
from tests.federation.policy_server import PolicyServer, running_policy_server

from zajil.core.policy_server import KEY_ID
from zajil.core.signing import SigningKey

WAIT_S_MAX = 60.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    with run_both(build_peer(folder / "zajil", authority), build_synapse_peer(folder / "synapse", authority)) as both:
        yield both


@dataclass
class Room:
    """Ali's room on Zajil, with Omar of Synapse and the guard in it."""

    room_id: str
    ali: Person
    omar: Person
    guard: PolicyServer

    async def send(self, person: Person, text: str) -> str:
        return await asyncio.to_thread(person.send, self.room_id, text)

    async def refused(self, call: Callable[..., Any], *args: Any) -> Refusal:
        with pytest.raises(Refusal) as refused:
            await asyncio.to_thread(call, *args)
        return refused.value

    async def sees(self, person: Person, text: str) -> None:
        await asyncio.to_thread(person.wait_for_text, self.room_id, text)

    async def never_sees(self, person: Person, text: str) -> None:
        """Once something later has come."""
        await self.send(self.ali, f"after {text}")
        await self.sees(person, f"after {text}")
        assert text not in person.texts(self.room_id)

    def asked_about(self, text: str) -> list[dict[str, Any]]:
        return [pdu for pdu in self.guard.asked if pdu["content"].get("body") == text]


@pytest.fixture(params=["11", "12"])
async def room(
    request: pytest.FixtureRequest, servers: tuple[TlsServer, TlsServer], authority: Authority
) -> AsyncIterator[Room]:
    async with running_policy_server(authority) as guard:
        name = f"p{guard.name.partition(':')[2]}"
        ali, omar = [await asyncio.to_thread(register, server, name) for server in servers]
        room_id = await asyncio.to_thread(lambda: ali.create_room(preset="public_chat", room_version=request.param))
        await guard.join(ali.server.server_name, room_id)
        await asyncio.to_thread(omar.join, room_id, ali.server.server_name)
        await asyncio.to_thread(ali.set_state, room_id, "m.room.policy", guard.content)
        await asyncio.to_thread(
            omar.wait_for,
            "the policy",
            lambda me: any(e["type"] == "m.room.policy" for e in me.seen.get(room_id, [])),
        )
        assert guard.asked == [], "nobody asks for the event that names the policy server"
        yield Room(room_id, ali, omar, guard)


async def test_what_is_sent_is_signed_first(room: Room) -> None:
    await room.send(room.ali, "fine")
    await room.sees(room.omar, "fine")
    (asked,) = room.asked_about("fine")
    await until(lambda: any(pdu["content"].get("body") == "fine" for pdu in room.guard.received))
    sent = next(pdu for pdu in room.guard.received if pdu["content"].get("body") == "fine")
    assert KEY_ID in sent["signatures"][room.guard.name]
    assert sent["hashes"] == asked["hashes"]
    await room.send(room.omar, "fine too")
    await room.sees(room.ali, "fine too")
    # Several at once take their turns, and each is signed where it stands.
    await asyncio.gather(*(room.send(room.ali, f"at once {number}") for number in range(8)))
    for number in range(8):
        await room.sees(room.omar, f"at once {number}")
        assert len(room.asked_about(f"at once {number}")) == 1
    # What takes several events takes a signature for each.
    asked_before = len(room.guard.asked)
    replacement = await asyncio.to_thread(
        room.ali.call, "POST", f"/rooms/{room.room_id}/upgrade", {"new_version": "11"}
    )
    assert {pdu["type"] for pdu in room.guard.asked[asked_before:]} >= {"m.room.tombstone", "m.room.power_levels"}
    assert replacement["replacement_room"] != room.room_id


async def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_what_is_refused_is_not_sent(room: Room) -> None:
    ben = await asyncio.to_thread(register, room.ali.server, f"ben{room.ali.user_id[1:7]}")
    await asyncio.to_thread(ben.join, room.room_id)
    room.guard.refusal = (400, {"errcode": "M_FORBIDDEN", "error": "This looks like spam."})
    refusal = await room.refused(room.ali.send, room.room_id, "spam")
    assert (refusal.status, refusal.errcode) == (400, "M_FORBIDDEN")
    assert "This looks like spam." in str(refusal)
    refusal = await room.refused(room.ali.set_state, room.room_id, "m.room.topic", {"topic": "spam"})
    assert refusal.errcode == "M_FORBIDDEN"
    room.guard.refusal = (429, {"errcode": "M_LIMIT_EXCEEDED", "error": "Slower.", "retry_after_ms": 700})
    refusal = await room.refused(room.ali.send, room.room_id, "much")
    assert (refusal.status, refusal.errcode) == (429, "M_LIMIT_EXCEEDED")
    room.guard.refusal = (404, {"errcode": "M_UNRECOGNIZED", "error": "No such thing."})
    refusal = await room.refused(room.ali.send, room.room_id, "where")
    assert (refusal.status, refusal.errcode) == (403, "M_FORBIDDEN")
    # A member event of somebody who comes through us is refused too.
    room.guard.refusal = None
    await asyncio.to_thread(room.ali.call, "POST", f"/rooms/{room.room_id}/kick", {"user_id": room.omar.user_id})
    await asyncio.to_thread(room.omar.wait_for, "the kick", lambda me: room.room_id in me.left)
    room.guard.refusal = (400, {"errcode": "M_FORBIDDEN", "error": "Not you."})
    refusal = await room.refused(room.omar.join, room.room_id, room.ali.server.server_name)
    assert refusal.status == 403
    # The room can get rid of its policy server, and anybody of the room.
    await asyncio.to_thread(ben.call, "POST", f"/rooms/{room.room_id}/leave", {})
    assert room.room_id not in (await asyncio.to_thread(ben.call, "GET", "/joined_rooms"))["joined_rooms"]
    await asyncio.to_thread(room.ali.set_state, room.room_id, "m.room.policy", {})
    await room.send(room.ali, "free")
    await room.sees(room.ali, "free")
    assert not {"spam", "much", "where"} & set(room.ali.texts(room.room_id))


async def test_what_comes_without_a_recommendation_is_hidden(room: Room) -> None:
    guard, zajil = room.guard, room.ali.server.server_name
    await guard.send(zajil, room.room_id, "recommended", guard.policy_key)
    await room.sees(room.ali, "recommended")
    assert room.asked_about("recommended") == []
    await guard.send(zajil, room.room_id, "asked about")
    await room.sees(room.ali, "asked about")
    assert len(room.asked_about("asked about")) >= 1
    # A wrong signature is no signature; it is asked for anew, as after a change of keys.
    await guard.send(zajil, room.room_id, "forged", SigningKey(b"f" * 32, KEY_ID))
    await room.sees(room.ali, "forged")
    guard.refusal = (400, {"errcode": "M_FORBIDDEN", "error": "Spam."})
    await guard.send(zajil, room.room_id, "spam")
    await guard.send(zajil, room.room_id, "forged spam", SigningKey(b"f" * 32, KEY_ID))
    guard.refusal = None
    guard.signs_with = SigningKey(b"f" * 32, KEY_ID)
    await guard.send(zajil, room.room_id, "signed with another key")
    refusal = await room.refused(room.ali.send, room.room_id, "signed with another key too")
    assert refusal.status == 502
    guard.signs_with = None
    for text in ("spam", "forged spam", "signed with another key"):
        await room.never_sees(room.ali, text)


@pytest.mark.parametrize("room", ["12"], indirect=True)
async def test_a_silent_policy_server_holds_nobody_for_long(room: Room) -> None:
    room.guard.is_silent = True
    began = time.monotonic()
    refusal = await room.refused(room.ali.send, room.room_id, "anybody there?")
    assert (refusal.status, refusal.errcode) == (502, "M_UNREACHABLE")
    # From now on it is known, and nobody waits; so neither do other servers' events.
    asked = len(room.guard.asked)
    for _ in range(5):
        refusal = await room.refused(room.ali.send, room.room_id, "hello?")
        assert refusal.errcode == "M_UNREACHABLE"
    await room.guard.send(room.ali.server.server_name, room.room_id, "nobody has looked at this")
    assert len(room.guard.asked) == asked
    # Other rooms do not notice; and nobody is kept in this one.
    other = await asyncio.to_thread(lambda: room.ali.create_room(preset="private_chat"))
    await asyncio.to_thread(room.ali.send, other, "elsewhere")
    await asyncio.to_thread(room.ali.call, "POST", f"/rooms/{room.room_id}/leave", {})
    joined = await asyncio.to_thread(room.ali.call, "GET", "/joined_rooms")
    assert room.room_id not in joined["joined_rooms"]
    assert time.monotonic() - began < WAIT_S_MAX
    assert "nobody has looked at this" not in room.ali.texts(room.room_id)


@pytest.mark.parametrize("room", ["12"], indirect=True)
async def test_who_is_not_in_the_room_has_no_say(room: Room) -> None:
    await asyncio.to_thread(room.ali.call, "POST", f"/rooms/{room.room_id}/kick", {"user_id": room.guard.user_id})
    await room.send(room.ali, "unwatched")
    await room.sees(room.omar, "unwatched")
    ours = room.ali.server.server_name
    assert [pdu for pdu in room.asked_about("unwatched") if pdu["asked by"] == ours] == []
