"""In a crowd so much is read in a round of the event loop, and what goes on has its turn in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, running_server
from tests.overload.test_early_refusal import BODY, build_head, empty, fill_queues, make_conversation, make_spammer
from tests.overload.test_edge import wait_until
from uvicorn.config import Config as UvicornConfig
from uvicorn.server import ServerState

from zajil.main.protocol import BoundedHttpProtocol
from zajil.main.read_turns import PAUSE_S, REFUSED_WAIT_S_MAX, SLICE_S, ReadTurns

PER_ROUND = 4
"""So many are read in a slice, by the clock of these tests."""


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_reading = True
        self.is_closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


class Line:
    """A connection without a network: what is received is given to it."""

    def __init__(self, server: InProcessServer, state: ServerState) -> None:
        # A connection that comes to rest is not closed, however long the machine pauses.
        config = UvicornConfig(
            server.asgi, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=600
        )
        config.load()
        self.wire = Wire()
        self.protocol = BoundedHttpProtocol(config, state, {})
        self.protocol.connection_made(self.wire)

    @property
    def statuses(self) -> list[int]:
        return [int(each[9:12]) for each in self.wire.written if each.startswith(b"HTTP/1.1")]


class Crowd(ReadTurns):
    """With a clock that goes on whenever it is looked at, or is set."""

    def __init__(self) -> None:
        self.has_live = False
        self.passed_s = 0.0
        ticks = count()
        super().__init__(lambda: self.has_live, lambda: self.passed_s + next(ticks) * SLICE_S / (PER_ROUND - 0.5))


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    turns = Crowd()
    monkeypatch.setattr(BoundedHttpProtocol, "turns", turns)
    return turns


async def read_all(crowd: Crowd, after_each_round: Callable[[], None] = lambda: None) -> None:
    """Let rounds of the event loop go by until nothing is held any more."""
    while len(crowd):
        await asyncio.sleep(0)
        after_each_round()


def ask(lines: list[Line], client: Client, room_id: str, txn_id: str) -> None:
    """The same message comes on each of the connections."""
    for line in lines:
        line.protocol.data_received(build_head(client, room_id, txn_id) + BODY)


@contextlib.asynccontextmanager
async def flooded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[InProcessServer, Client, str, ServerState]]:
    """A server that has too much to do, somebody who is refused there, and one of their rooms."""
    async with running_server(tmp_path) as server:
        monkeypatch.setattr(BoundedHttpProtocol, "early_refusal", server.asgi.early_refusal)
        anna, room_id = await make_spammer(server)
        busy = fill_queues(server)
        yield server, anna, room_id, ServerState()
        empty(server, busy)


async def test_so_many_a_round_and_the_rest_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: Crowd
) -> None:
    async with flooded(tmp_path, monkeypatch) as (server, anna, room_id, state):
        lines = [Line(server, state) for _ in range(PER_ROUND * 5)]
        for number, line in enumerate(lines):
            line.protocol.data_received(build_head(anna, room_id, f"t{number}") + BODY)
        assert sum(len(line.statuses) for line in lines) == 0
        assert len(crowd) == PER_ROUND * 5
        assert not lines[-1].protocol.is_idle, "a connection with something unread must not be handed over"
        answered: list[int] = []
        await read_all(crowd, lambda: answered.append(sum(len(line.statuses) for line in lines)))
        assert all(0 < later - earlier <= PER_ROUND for earlier, later in pairwise([0, *answered]))
        assert [line.statuses for line in lines] == [[429]] * len(lines)
        assert lines[-1].protocol.is_idle


async def test_those_who_were_refused_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: Crowd) -> None:
    async with flooded(tmp_path, monkeypatch) as (server, anna, room_id, state):
        refused, new = ([Line(server, state) for _ in range(PER_ROUND)] for _ in range(2))
        ask(refused, anna, room_id, "one")
        await read_all(crowd)
        order: list[Line] = []
        for line in (*refused, *new):
            monkeypatch.setattr(line.wire, "write", lambda _data, line=line: order.append(line))
            line.protocol.data_received(build_head(anna, room_id, "two") + BODY)
        await read_all(crowd)
        assert order == [*new, *refused]


async def keep_waiting(crowd: Crowd, lines: list[Line], client: Client, room_id: str) -> None:
    """They are refused, and come again while a message of a conversation is under way."""
    ask(lines, client, room_id, "one")
    await read_all(crowd)
    crowd.has_live = True
    ask(lines, client, room_id, "two")
    await asyncio.sleep(PAUSE_S * 5)


async def test_those_who_were_refused_are_not_read_while_a_message_of_a_conversation_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: Crowd
) -> None:
    async with flooded(tmp_path, monkeypatch) as (server, anna, room_id, state):
        refused, new = ([Line(server, state) for _ in range(PER_ROUND)] for _ in range(2))
        await keep_waiting(crowd, refused, anna, room_id)
        ask(new, anna, room_id, "one")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [line.statuses for line in new] == [[429]] * PER_ROUND, "who was not refused before does not wait"
        assert [line.statuses for line in refused] == [[429]] * PER_ROUND
        crowd.has_live = False
        await wait_until(lambda: not len(crowd), lambda: len(crowd))
        assert [line.statuses for line in refused] == [[429, 429]] * PER_ROUND


async def test_conversations_that_never_pause_do_not_keep_those_who_were_refused_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: Crowd
) -> None:
    async with flooded(tmp_path, monkeypatch) as (server, anna, room_id, state):
        lines = [Line(server, state) for _ in range(PER_ROUND * 3)]
        await keep_waiting(crowd, lines, anna, room_id)
        assert len(crowd) == len(lines)
        crowd.passed_s += REFUSED_WAIT_S_MAX
        await wait_until(lambda: not len(crowd), lambda: len(crowd))
        assert [line.statuses for line in lines] == [[429, 429]] * len(lines)


async def test_a_held_request_may_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: Crowd) -> None:
    async with flooded(tmp_path, monkeypatch) as (server, anna, room_id, state):
        lines = [Line(server, state) for _ in range(PER_ROUND + 2)]
        whole = build_head(anna, room_id, "one") + BODY
        for line in lines:
            line.protocol.data_received(whole[:30])
        held, gone = lines[-2:]
        assert held.wire.is_reading
        held.protocol.data_received(whole[30:])
        assert not held.wire.is_reading, "no more than that is kept for one connection"
        gone.wire.close()
        gone.protocol.connection_lost(None)
        await read_all(crowd)
        assert held.statuses == [429]
        assert held.wire.is_reading
        assert gone.statuses == []


async def test_a_conversation_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: Crowd) -> None:
    async with running_server(tmp_path) as server:
        monkeypatch.setattr(BoundedHttpProtocol, "early_refusal", server.asgi.early_refusal)
        anna, room_id = await make_conversation(server)
        spammer, spam_room_id = await make_spammer(server)
        (await anna.get("/_matrix/client/v3/account/whoami")).ok()
        busy, state = fill_queues(server), ServerState()
        talk = Line(server, state)
        talk.protocol.data_received(build_head(anna, room_id, "first") + BODY)
        await read_all(crowd)
        lines = [Line(server, state) for _ in range(PER_ROUND * 2)]
        for number, line in enumerate(lines):
            line.protocol.data_received(build_head(spammer, spam_room_id, f"t{number}") + BODY)
        assert len(crowd)
        empty(server, busy)
        await wait_until(lambda: talk.statuses == [200], lambda: talk.wire.written)
        busy = fill_queues(server)
        for number, line in enumerate(lines):
            line.protocol.data_received(build_head(spammer, spam_room_id, f"u{number}") + BODY)
        held = len(crowd)
        assert held
        talk.protocol.data_received(build_head(anna, room_id, "second") + BODY)
        assert len(crowd) == held
        empty(server, busy)
        await wait_until(lambda: talk.statuses == [200, 200], lambda: talk.wire.written)
        await read_all(crowd)
        await wait_until(
            lambda: all(line.protocol.is_idle for line in lines), lambda: [line.statuses for line in lines]
        )
