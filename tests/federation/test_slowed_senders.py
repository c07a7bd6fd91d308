"""Who writes from another server to many silent rooms is slowed, and nobody else of that server is; nothing that was acknowledged is lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.client import Client, q
from tests.simulation.network import Network, running_network

from zajil.core.admission_rank import Ranks
from zajil.main.system import SystemClock
from zajil.ports.database import Busy
from zajil.services.admission.memory import inherit_memory, leave_memory
from zajil.services.admission.new_rooms import LIMIT, NewRooms
from zajil.services.admission.overload_control import observe_rooms
from zajil.services.federation import partial_rooms
from zajil.services.federation.slowed_senders import SlowedSenders

V3 = "/_matrix/client/v3"
WAITS_MAX = 5_000


@dataclass
class Visit:
    """Omar and Sara on one server, Ali on the one that is held to something; Ali is in rooms of theirs."""

    network: Network
    omar: Client
    sara: Client
    ali: Client

    @property
    def slowed(self) -> SlowedSenders:
        return self.ali.server.app.slowed_senders

    async def make_room(self, host: Client) -> str:
        room_id = (await host.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        (await self.ali.post(f"{V3}/join/{q(room_id)}?via=one.test")).ok()
        await self.network.settle()
        return str(room_id)

    async def write(self, sender: Client, room_id: str, text: str = "eight copies") -> str:
        content = {"msgtype": "m.text", "body": text}
        path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{q(room_id + text)}"
        event_id = (await sender.put(path, content)).ok()["event_id"]
        await self.network.settle()
        return str(event_id)

    async def has(self, event_id: str) -> bool:
        app = self.ali.server.app
        found = await app.stores.events.load_by_ids(app.db.reader, [event_id])
        return bool(found) and found[0].position is not None

    async def gets(self, *event_ids: str) -> None:
        for _ in range(WAITS_MAX):
            if all([await self.has(event_id) for event_id in event_ids]):
                return
            await asyncio.sleep(0.002)
        raise AssertionError("never placed")

    async def use_up(self) -> None:
        """What Omar may write to at once."""
        for _ in range(LIMIT.burst):
            assert await self.has(await self.write(self.omar, await self.make_room(self.omar)))


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    async with running_network(tmp_path, ("one.test", "two.test")) as network:
        one, two = network.servers["one.test"], network.servers["two.test"]
        observe_rooms(two.app)  # with the network's clock
        two.app.slowed_senders.new_rooms = NewRooms(network.clock, two.app.ranks, is_on=True, exempt=())
        yield Visit(network, await one.register("omar"), await one.register("sara"), await two.register("ali"))


async def test_one_more_silent_room_waits_and_others_of_the_same_server_do_not(visit: Visit) -> None:
    await visit.use_up()
    first, second = [await visit.write(visit.omar, await visit.make_room(visit.omar)) for _ in range(2)]
    assert not await visit.has(first)
    assert await visit.has(await visit.write(visit.sara, await visit.make_room(visit.sara)))
    assert visit.slowed.delayed == 2
    visit.network.clock.move(30)
    visit.slowed.release_due()
    await visit.gets(first)
    assert not await visit.has(second)
    visit.network.clock.move(30)
    visit.slowed.release_due()
    await visit.gets(second)


async def test_a_second_message_does_not_bring_the_first(visit: Visit) -> None:
    await visit.use_up()
    room_id = await visit.make_room(visit.omar)
    written = [await visit.write(visit.omar, room_id, text) for text in ("one", "two")]
    assert [await visit.has(event_id) for event_id in written] == [False, False]
    visit.network.clock.move(30)
    visit.slowed.release_due()
    await visit.gets(*written)


async def test_what_is_no_event_ends_no_wait(visit: Visit) -> None:
    await visit.use_up()
    room_id = await visit.make_room(visit.omar)
    event_id = await visit.write(visit.omar, room_id)
    app = visit.ali.server.app
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    assert head is not None
    assert await visit.slowed.hold("one.test", head, []) == []
    assert not await visit.has(event_id)


async def test_where_somebody_else_writes_nothing_waits(visit: Visit) -> None:
    await visit.use_up()
    theirs, ours, renamed = [await visit.make_room(visit.omar) for _ in range(3)]
    (await visit.sara.post(f"{V3}/join/{q(theirs)}")).ok()
    await visit.network.settle()
    written = [await visit.write(visit.omar, room_id) for room_id in (theirs, ours, renamed)]
    assert [await visit.has(event_id) for event_id in written] == [False] * 3
    answer = await visit.write(visit.sara, theirs, "an answer")
    assert await visit.has(written[0])
    assert await visit.has(answer)
    await visit.write(visit.ali, ours, "an answer")
    await visit.gets(written[1])
    (await visit.omar.put(f"{V3}/rooms/{q(renamed)}/state/m.room.name", {"name": "Feast"})).ok()
    await visit.network.settle()
    assert await visit.has(written[2]), "what changes the room comes at once, and what it follows with it"
    assert await visit.has(await visit.write(visit.omar, theirs, "and so on"))


async def test_what_waits_survives_the_process(visit: Visit) -> None:
    await visit.use_up()
    event_id = await visit.write(visit.omar, await visit.make_room(visit.omar))
    await visit.slowed.release_forgotten()
    assert not await visit.has(event_id), "its turn is known"
    visit.slowed._held.clear()  # as in a process that has just begun
    await visit.slowed.release_forgotten()
    await visit.gets(event_id)
    app = visit.ali.server.app
    for _ in range(WAITS_MAX):
        if not await app.stores.partial_rooms.load_unfinished(app.db.reader):
            return
        await asyncio.sleep(0.002)
    raise AssertionError("never forgotten")


async def test_a_successor_knows_how_much_was_used(visit: Visit) -> None:
    await visit.use_up()
    app = visit.ali.server.app
    left = leave_memory(app)
    visit.slowed.new_rooms = NewRooms(visit.network.clock, app.ranks, is_on=True, exempt=())
    inherit_memory(app, left)
    assert not await visit.has(await visit.write(visit.omar, await visit.make_room(visit.omar)))


async def test_what_comes_late_because_the_server_was_away_does_not_wait_again(visit: Visit) -> None:
    rooms = [await visit.make_room(visit.omar) for _ in range(LIMIT.burst + 5)]
    await visit.network.settle()
    visit.network.cut = {("one.test", "two.test")}
    written = []
    for room_id in rooms:
        path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/1"
        written.append((await visit.omar.put(path, {"msgtype": "m.text", "body": "late"})).ok()["event_id"])
    visit.network.heal()
    await visit.network.settle()
    assert all([await visit.has(event_id) for event_id in written])


async def test_what_comes_late_takes_nobodys_turn() -> None:
    new_rooms = NewRooms(SystemClock(), Ranks(), is_on=True, exempt=())
    for number in range(LIMIT.burst):
        assert new_rooms.find_delay_s("@omar:one.test", f"!{number}", 3600.0) == 0.0
    for number in range(100, 140):
        assert new_rooms.find_delay_s("@omar:one.test", f"!{number}", 3600.0) == 0.0
    assert new_rooms.find_delay_s("@omar:one.test", "!new") == pytest.approx(LIMIT.interval_s, abs=0.5)
    assert new_rooms.find_delay_s("@omar:one.test", "!newer", 10.0) == pytest.approx(2 * LIMIT.interval_s - 10, abs=0.5)


async def test_a_placement_that_fails_is_tried_again(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    await visit.use_up()
    room_id = await visit.make_room(visit.omar)
    event_id = await visit.write(visit.omar, room_id)

    async def refuse(app: object, room_id: str) -> bool:
        raise Busy(10)

    with monkeypatch.context() as patched:
        patched.setattr("zajil.services.federation.slowed_senders.complete_room", refuse)
        await visit.slowed.stop()  # nobody looks for what is forgotten
        with pytest.raises(Busy):
            await visit.slowed._place(room_id)
        await visit.gets(event_id)


async def test_a_room_whose_turn_comes_does_not_wait_for_the_next_attempt(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visit.use_up()
    event_id = await visit.write(visit.omar, await visit.make_room(visit.omar))
    failed = asyncio.Event()

    async def refuse(app: object, room_id: str) -> bool:
        failed.set()
        raise Busy(10)

    with monkeypatch.context() as patched:
        patched.setattr(partial_rooms, "PAUSE_S", 600.0)
        patched.setattr(partial_rooms, "complete_room", refuse)
        visit.network.clock.move(30)
        visit.slowed.release_due()
        await failed.wait()
    await asyncio.sleep(0)
    await visit.slowed.release_forgotten()
    await visit.gets(event_id)


async def test_nobody_waits_longer_than_ten_minutes(visit: Visit) -> None:
    new_rooms = visit.slowed.new_rooms
    delays = [new_rooms.find_delay_s("@omar:one.test", f"!{number}") for number in range(200)]
    assert delays[: LIMIT.burst] == [0] * LIMIT.burst
    assert delays[LIMIT.burst] == pytest.approx(LIMIT.interval_s, abs=0.1)
    assert max(delays) == delays[-1] == 600
