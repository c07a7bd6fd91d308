"""Who is in a conversation is known after the process has changed, too."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.client import InProcessServer, running_server
from tests.overload.test_edge import make_old, make_room, send
from tests.overload.test_ranks import talk
from uvicorn.server import ServerState

from zajil.core.admission import Admission, Entry
from zajil.core.admission_rank import ROOMS_PER_ACCOUNT_MAX, Ranks
from zajil.core.admission_work import Work
from zajil.main.handover import Arrivals, Retirement
from zajil.main.protocol import BoundedHttpProtocol
from zajil.services.admission import memory
from zajil.services.admission.memory import inherit_memory, leave_memory, recall_conversations
from zajil.services.errors import MatrixError
from zajil.services.requester import Requester


def hand_over(ranks: Ranks, successor: Ranks | None = None) -> Ranks:
    successor = successor or Ranks()
    successor.inherit(json.loads(json.dumps(ranks.leave())))
    return successor


def test_a_conversation_goes_on_in_the_successor() -> None:
    ranks = Ranks()
    talk(ranks, "anna", "ben", "room", 1)
    successor = hand_over(ranks)
    assert successor.rank("anna", "room", 2, is_new=False) is Work.LIVE
    assert successor.rank("ben", "room", 3, is_new=False) is Work.LIVE


def test_who_wrote_to_many_rooms_did_so_for_the_successor_too() -> None:
    ranks = Ranks()
    for number in range(6):
        ranks.rank("anna", f"room{number}", number * 20.0, is_new=False)
    successor = hand_over(ranks)
    assert successor.count_rooms("anna", 120) == 6
    assert successor.rank("anna", "room5", 120, is_new=False) is Work.MANY


def test_what_the_successor_has_seen_itself_is_newer() -> None:
    ranks, successor = Ranks(), Ranks()
    talk(ranks, "anna", "ben", "room", 1)  # ben was last
    successor.rank("anna", "room", 5, is_new=False)
    successor.wrote("anna", "room", 5)
    for number in range(ROOMS_PER_ACCOUNT_MAX):
        ranks.rank("anna", f"room{number}", 2 + number, is_new=False)
    hand_over(ranks, successor)
    assert successor.heard_s("anna", "room") == 1, "ben"
    assert successor.heard_s("ben", "room") == 5, "anna"
    assert successor.attempted_s("anna", "room") == 5
    assert len(successor._senders["anna"].rooms) == ROOMS_PER_ACCOUNT_MAX
    other = Ranks()
    other.rank("ben", "room", 6, is_new=False)
    other.wrote("ben", "room", 6)
    hand_over(ranks, other)
    assert other.heard_s("ben", "room") == 1, "anna"


def test_promises_are_kept_by_the_successor() -> None:
    admissions = [Admission(lambda: 0.5, capacity_max=100) for _ in range(2)]
    for admission in admissions:
        number = 0
        while (refusal := admission.arrive(Entry(Work.MANY, f"user{number}", 10.0), 10.0)) is None:
            number += 1
    successor = admissions[1]
    admissions[0].arrive(Entry(Work.MANY, "anna", 10.0), 10.0)
    successor.inherit_promises(json.loads(json.dumps(admissions[0].leave_promises())))
    due_s = 10.0 + refusal.wait_s + 1.0
    assert successor.arrive(Entry(Work.MANY, "anna", due_s), due_s) is None
    assert successor.arrive(Entry(Work.MANY, "ben", due_s), due_s) is not None


async def converse(server: InProcessServer) -> tuple[str, str, str]:
    """A conversation, and somebody who has written to the room without an answer from them in another one."""
    anna, ben = await server.register("anna"), await server.register("ben")
    await make_old(server, anna, ben)
    room_id = await make_room(anna, ben)
    for client in (anna, ben):
        (await send(client, room_id, "one")).ok()
    return anna.user_id, ben.user_id, room_id


def is_live(server: InProcessServer, user_id: str, room_id: str) -> bool:
    app = server.app
    return app.ranks.rank(user_id, room_id, app.clock.monotonic_s(), is_new=False) is Work.LIVE


async def test_after_a_crash_conversations_are_found_in_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PAGE", 3)
    async with running_server(tmp_path) as server:
        anna, ben, room_id = await converse(server)
        carol = await server.register("carol")
        alone = await make_room(carol)
        (await send(carol, alone, "one")).ok()
    async with running_server(tmp_path) as server:
        while not is_live(server, anna, room_id):
            await asyncio.sleep(0.01)
        assert is_live(server, ben, room_id)
        assert not is_live(server, carol.user_id, alone)


async def test_old_messages_make_no_conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server:
        anna, _, room_id = await converse(server)

        async def age(tx: Any) -> None:
            await tx.execute("UPDATE events SET origin_server_ts = origin_server_ts - 1000000")

        await server.app.db.write(age)
        server.app.ranks = Ranks()
        await recall_conversations(server.app)
        assert not is_live(server, anna, room_id)


async def test_the_memory_goes_through_the_hand_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHttpProtocol, "on_idle", None)  # a worker that retires sets it for good
    give, take = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    give.setblocking(False)
    take.setblocking(False)
    async with running_server(tmp_path / "one") as one, running_server(tmp_path / "two") as two:
        anna, ben, room_id = await converse(one)
        assert not is_live(two, anna, room_id)
        Arrivals(two.app, take, asyncio.Protocol).open()
        await Retirement(one.app, ServerState(), give).run()
        while not is_live(two, anna, room_id):
            await asyncio.sleep(0.01)
        assert is_live(two, ben, room_id)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "ranks": {"senders": [1]}}'])
async def test_what_cannot_be_read_does_no_harm(tmp_path: Path, text: bytes) -> None:
    async with running_server(tmp_path) as server:
        anna, _, room_id = await converse(server)
        inherit_memory(server.app, text)
        assert is_live(server, anna, room_id)
        inherit_memory(server.app, leave_memory(server.app))
        assert is_live(server, anna, room_id)


async def test_a_token_of_the_predecessor_says_who_goes_first_and_opens_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        (await anna.get("/_matrix/client/v3/account/whoami")).ok()
        left = leave_memory(server.app)
        (await anna.post("/_matrix/client/v3/logout")).ok()
        server.app.sessions.forget_all()
        assert anna.access_token is not None
        assert server.app.sessions.guess(anna.access_token) is None
        inherit_memory(server.app, left)
        guessed = server.app.sessions.guess(anna.access_token)
        assert guessed is not None
        assert guessed.user_id == anna.user_id
        answer = await anna.get("/_matrix/client/v3/account/whoami")
        assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


async def test_the_limits_go_through_the_memory(tmp_path: Path) -> None:
    async with running_server(tmp_path / "one") as one, running_server(tmp_path / "two") as two:
        anna = Requester("@anna:localhost", "D", 1)
        one.app.invitations._is_on = two.app.invitations._is_on = True
        one.app.invitations.check(anna, 1_000)
        inherit_memory(two.app, leave_memory(one.app))
        with pytest.raises(MatrixError, match="invited many people"):
            two.app.invitations.check(anna)
