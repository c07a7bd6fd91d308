"""What the partitions have taught: each cause by itself for which a server once missed an event for good, or stood elsewhere than the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q
from tests.simulation.follower import Follower
from tests.simulation.network import Network, running_network

from zajil.core.events import Event
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import SOFT_FAILED, StoredEvent
from zajil.services.app import App
from zajil.services.federation.backfill import find_places, store_backfill
from zajil.services.federation.former_ends import ACL_KEY, find_former_ends
from zajil.services.federation.place_event import find_ends
from zajil.services.federation.receive_events import receive_events
from zajil.services.federation.room_states import StateUnknown
from zajil.services.federation.supersede_pdus import find_superseded
from zajil.services.rooms.room_heads import RoomHead

NAMES = ("one.test", "two.test", "three.test")
V3 = "/_matrix/client/v3"
WAITS_MAX = 20_000


@dataclass
class Place:
    """Three people on three servers, and the first one's room."""

    network: Network
    one: Client
    two: Client
    three: Client
    room_id: str

    async def join(self, person: Client, via: str) -> None:
        (await person.post(f"{V3}/join/{q(self.room_id)}?via={via}")).ok()

    async def write(self, person: Client, text: str, follows: Sequence[str] = ()) -> str:
        for event_id in follows:
            await self.until(partial(self.find, person, event_id))
        path = f"{V3}/rooms/{q(self.room_id)}/send/m.room.message/{q(text)}"
        return (await person.put(path, {"msgtype": "m.text", "body": text})).ok()["event_id"]

    async def kick(self, target: Client) -> None:
        (await self.one.post(f"{V3}/rooms/{q(self.room_id)}/kick", {"user_id": target.user_id})).ok()

    async def ban(self, target: Client) -> None:
        (await self.one.post(f"{V3}/rooms/{q(self.room_id)}/ban", {"user_id": target.user_id})).ok()

    async def leave(self, person: Client) -> None:
        (await person.post(f"{V3}/rooms/{q(self.room_id)}/leave")).ok()

    async def has_left(self, person: Client, other: Client) -> bool:
        """Whether the person's server holds the other not to be in the room."""
        return (await self.find_state(person, "m.room.member", other.user_id)).event.membership != "join"

    async def is_held_in_by_one(self, person: Client) -> bool:
        return (await self.find_state(self.one, "m.room.member", person.user_id)).event.membership == "join"

    async def rename(self, person: Client, name: str) -> None:
        path = f"{V3}/rooms/{q(self.room_id)}/state/m.room.member/{q(person.user_id)}"
        (await person.put(path, {"membership": "join", "displayname": name})).ok()

    async def find(self, person: Client, event_id: str) -> StoredEvent | None:
        app = person.server.app
        return next(iter(await app.stores.events.load_by_ids(app.db.reader, [event_id])), None)

    async def head(self, person: Client) -> RoomHead:
        app = person.server.app
        head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
        assert head is not None
        return head

    async def find_state(self, person: Client, event_type: str, state_key: str) -> StoredEvent:
        app, head = person.server.app, await self.head(person)
        nids = await app.rooms.read_state_keys(app.db.reader, head.row.members_root, [(event_type, state_key)])
        (stored,) = await app.stores.events.load_by_nids(app.db.reader, list(nids.values()))
        return stored

    async def is_in_room(self, person: Client) -> bool:
        return self.room_id in (await person.get(f"{V3}/joined_rooms")).ok()["joined_rooms"]

    async def until(self, condition: Callable[[], Awaitable[Any]]) -> None:
        for _ in range(WAITS_MAX):
            if await condition():
                return
            for server in self.network.servers.values():
                server.app.destinations.retry_now()
            await asyncio.sleep(0.002)
        raise AssertionError("it does not come to that")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_network(tmp_path, NAMES) as network:
        one, two, three = [await server.register(name.partition(".")[0]) for name, server in network.servers.items()]
        room_id = (await one.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        yield Place(network, one, two, three, room_id)


async def test_a_removed_server_gets_what_its_removal_depends_on(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "two.test")}
    await place.rename(place.one, "Another name")
    message = await place.write(place.one, "before the removal")
    await place.kick(place.two)
    app = place.one.server.app

    async def is_queued() -> bool:
        return len(await app.stores.federation_queue.load_pdus(app.db.reader, "two.test", 100)) == 3

    await place.until(is_queued)
    # As after a long absence: only the newest is sent, and the rest is asked for.
    superseded = await find_superseded(app, "two.test")
    assert len(superseded) == 2
    await app.db.write(lambda tx: app.stores.federation_queue.delete_pdus(tx, "two.test", superseded))
    place.network.heal()
    await place.network.settle()
    assert not await place.is_in_room(place.two)
    assert (await place.find(place.two, message) or pytest.fail("the message is missing")).position is not None
    # What comes after that is not for it.
    later = await place.write(place.one, "after the removal")
    app = place.two.server.app
    path = f"/_matrix/federation/v1/event/{later}"
    with pytest.raises(FederationFailed) as refused:
        await place.two.server.app.federation.request(FederationRequest("one.test", "GET", path))
    assert refused.value.status == 403


async def test_nothing_sent_before_a_new_join_is_superseded(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.join(place.three, "one.test")
    await place.network.settle()
    silent = {("two.test", "one.test"), ("two.test", "three.test")}
    place.network.cut = silent
    alone = await place.write(place.two, "nobody hears this yet")
    await place.kick(place.two)

    async def is_out() -> bool:
        return not await place.is_in_room(place.two)

    await place.until(is_out)
    # The join is built on what the first server has, and leads back to nothing of that.
    place.network.cut = {("two.test", "three.test")}
    await place.join(place.two, "one.test")
    place.network.cut = silent
    followed, newest = [await place.write(place.two, text) for text in ("followed", "newest")]
    app = place.two.server.app
    by_nid = {(await place.find(place.two, each) or pytest.fail(each)).nid: each for each in (alone, followed, newest)}

    async def is_queued() -> bool:
        rows = await app.stores.federation_queue.load_pdus(app.db.reader, "three.test", 100)
        return {row.event_nid for row in rows} >= by_nid.keys()

    await place.until(is_queued)
    superseded = {by_nid.get(row.event_nid) for row in await find_superseded(app, "three.test")}
    assert followed in superseded
    assert not superseded & {alone, newest}
    place.network.clock.move(7_200)
    place.network.heal()
    await place.network.settle()
    for event_id in by_nid.values():
        assert await place.find(place.three, event_id) is not None


async def test_older_history_that_is_sent_again_is_no_end_of_the_room(place: Place) -> None:
    old = await place.write(place.one, "old")
    await place.write(place.one, "newer")
    await place.join(place.two, "one.test")
    (await place.two.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=100")).ok()
    stored = await place.find(place.two, old)
    assert stored is not None and stored.position is None and stored.history is not None
    before = list((await place.head(place.two)).row.extremities)
    assert await receive_events(place.two.server.app, "one.test", place.room_id, [stored.event]) == {}
    assert (await place.head(place.two)).row.extremities == before
    assert (await place.find(place.two, old) or stored).position is None


async def test_a_gap_behind_an_event_that_is_here_is_filled(place: Place) -> None:
    older = await place.write(place.one, "older")
    newer = await place.write(place.one, "newer")
    await place.join(place.two, "one.test")
    app: App = place.two.server.app
    head = await place.head(place.two)
    events = [(await place.find(place.one, each) or pytest.fail(each)).event for each in (newer, older)]
    assert await store_backfill(app, "one.test", head, events[:1]) == 1
    # As if nobody had noted that something is missing there.
    await app.db.write(lambda tx: app.stores.events.delete_backward_extremity(tx, head.row.room_nid, older))
    assert await store_backfill(app, "one.test", head, events) == 1
    upper, lower = [await place.find(place.two, each) for each in (newer, older)]
    assert upper is not None and lower is not None and lower.history is not None and upper.history is not None
    assert (lower.history, lower.history_minor) < (upper.history, upper.history_minor)


async def test_an_event_has_a_place_though_its_sender_lacks_what_came_before(place: Place) -> None:
    await place.join(place.three, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "three.test"), ("three.test", "one.test")}
    await place.write(place.one, "the third server does not hear this, and the second never does")
    await place.join(place.two, "one.test")
    message = await place.write(place.two, "hello")

    async def has_come() -> bool:
        found = await place.find(place.three, message)
        return found is not None and found.position is not None

    await place.until(has_come)


async def test_an_event_that_only_a_failed_one_follows_is_an_end_of_the_room(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "two.test"), ("two.test", "one.test")}
    failed = await place.write(place.two, "sent after the ban")
    ban = {"user_id": place.two.user_id}
    (await place.one.post(f"{V3}/rooms/{q(place.room_id)}/ban", ban)).ok()
    app = place.one.server.app
    event = (await place.find(place.two, failed) or pytest.fail(failed)).event
    await receive_events(app, "two.test", place.room_id, [event])
    soft = await place.find(place.one, failed)
    assert soft is not None and soft.flags & SOFT_FAILED
    head = await place.head(place.one)
    last = await place.find(place.one, head.row.extremities[0])
    assert last is not None
    for successor, is_end in ((soft.nid, True), (last.nid, False)):

        async def note(tx: Any, successor: int = successor) -> None:
            await app.stores.events.insert_backward_extremities(tx, head.row.room_nid, successor, [failed])

        await app.db.write(note)
        assert (failed in await find_ends(app, head, event)) == is_end


async def test_history_goes_on_behind_an_event_that_has_failed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.join(place.two, "one.test")
    await place.join(place.three, "one.test")
    await place.network.settle()
    place.network.cut = {(a, b) for a in NAMES for b in NAMES if "one.test" in (a, b)}
    before = await place.write(place.three, "before")
    failed = await place.write(place.two, "sent after the ban", follows=[before])
    after = await place.write(place.three, "what is built on that", follows=[failed])
    await place.ban(place.two)
    # As if the first had been sent long ago, and is left for who reads that far.
    app, old = place.three.server.app, await place.find(place.three, before)
    assert old is not None
    rows = await app.stores.federation_queue.load_pdus(app.db.reader, "one.test", 10)
    rows = [row for row in rows if row.event_nid == old.nid]
    assert rows
    await app.db.write(lambda tx: app.stores.federation_queue.delete_pdus(tx, "one.test", rows))
    monkeypatch.setattr("zajil.services.federation.receive_events.find_floor", at_the_top)
    place.network.heal()
    await place.network.settle()
    soft, last = await place.find(place.one, failed), await place.find(place.one, after)
    assert soft is not None and soft.flags & SOFT_FAILED and last is not None and last.position is not None
    for _ in range(2):
        (await place.one.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=100")).ok()
    found = await place.find(place.one, before)
    assert found is not None and found.history is not None


async def at_the_top(app: App, head: RoomHead) -> int:
    return 1_000_000


async def test_a_gap_before_an_event_that_failed_when_it_came_is_one_behind_it(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "two.test"), ("two.test", "one.test")}
    texts = ("before", "sent after the ban", "what is built on that")
    before, failed, after = [
        (await place.find(place.two, await place.write(place.two, text)) or pytest.fail(text)) for text in texts
    ]
    await place.ban(place.two)
    app = place.one.server.app
    await receive_events(app, "two.test", place.room_id, [before.event, failed.event])
    head = await place.head(place.one)
    room_nid = head.row.room_nid
    soft = await place.find(place.one, failed.event.event_id)
    assert soft is not None and soft.flags & SOFT_FAILED
    follower = StoredEvent(
        after.event, nid=soft.nid + 1, room_nid=room_nid, position=None, history=7, history_minor=-3
    )
    assert await find_places(app, [before.event], {}, [soft, follower]) == {before.event: (7, -4)}
    assert not await find_places(app, [before.event], {}, [soft])
    # A gap where the failed one would stand is closed, since nothing is missing behind that.
    last = (await place.find(place.one, head.row.extremities[0]) or pytest.fail("no end")).nid
    await app.db.write(
        lambda tx: app.stores.events.insert_backward_extremities(tx, room_nid, last, [soft.event.event_id])
    )
    assert await store_backfill(app, "two.test", head, [failed.event]) == 0
    assert not await app.stores.events.load_backward_extremities(app.db.reader, room_nid)


async def test_who_is_in_the_room_after_all_goes_on_hearing_of_it(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.network.settle()
    follower = Follower(place.two, place.room_id)
    await follower.sync()
    place.network.cut = {("one.test", "two.test"), ("two.test", "one.test")}
    await place.kick(place.two)
    # Anybody may join, so this holds although it comes to light after the kick, which does not go before it.
    await place.rename(place.two, "Still here")
    place.network.heal()
    await place.network.settle()
    last = await place.write(place.one, "hello")
    await place.network.settle()
    await follower.check()
    assert follower.is_in_room
    assert follower.timeline[-1] == last


async def test_who_turns_out_to_be_in_the_room_is_sent_what_was_written_meanwhile(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "two.test"), ("two.test", "one.test")}
    await place.kick(place.two)
    message = await place.write(place.one, "nobody else is here, it seems")
    await place.rename(place.two, "Still here")
    place.network.heal()
    await place.network.settle()
    found = await place.find(place.two, message)
    assert found is not None and found.position is not None


async def test_who_joins_anew_has_it_told_first_how_they_left(place: Place) -> None:
    await place.join(place.two, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "two.test")}
    levels = (await place.one.get(f"{V3}/rooms/{q(place.room_id)}/state/m.room.power_levels")).ok()
    levels["events"]["org.zajil.test"] = 50
    (await place.one.put(f"{V3}/rooms/{q(place.room_id)}/state/m.room.power_levels", levels)).ok()
    (await place.one.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    app = place.one.server.app

    async def has_failed() -> bool:
        row = await app.stores.federation_queue.load_destination(app.db.reader, "two.test")
        return row is not None and row.failures > 0

    await place.until(has_failed)
    place.network.cut = set()
    # The leave cites newer power levels than the join would, and would win over it wherever both come together.
    await place.join(place.one, "two.test")
    await place.network.settle()
    message = await place.write(place.one, "here again")
    await place.network.settle()
    found = await place.find(place.two, message)
    assert found is not None and found.position is not None
    states = [
        {each["event_id"] for each in (await person.get(f"{V3}/rooms/{q(place.room_id)}/state")).ok()}
        for person in (place.one, place.two)
    ]
    assert states[0] == states[1]


async def test_who_returns_by_a_server_that_was_not_told_how_they_left_is_in_the_room_for_all(place: Place) -> None:
    """That server was not in the room then, so nothing of it waits to be handed over."""
    await place.join(place.two, "one.test")
    await place.join(place.three, "one.test")
    await place.network.settle()
    place.network.cut = {("one.test", "three.test")}
    await place.kick(place.two)
    await place.until(partial(place.has_left, place.two, place.two))
    levels = (await place.one.get(f"{V3}/rooms/{q(place.room_id)}/state/m.room.power_levels")).ok()
    levels["events"]["org.zajil.test"] = 50
    (await place.one.put(f"{V3}/rooms/{q(place.room_id)}/state/m.room.power_levels", levels)).ok()
    await place.leave(place.one)
    place.network.cut = {("one.test", "three.test"), ("three.test", "one.test")}
    await place.join(place.two, "three.test")
    place.network.cut = {("three.test", "one.test"), ("three.test", "two.test")}
    await place.until(partial(place.has_left, place.three, place.one))
    place.network.cut = {("one.test", "three.test"), ("three.test", "one.test"), ("three.test", "two.test")}
    assert not await place.has_left(place.two, place.one)
    # The leave cites newer power levels than the join can, and wins over it wherever both come together.
    await place.join(place.one, "two.test")
    assert await place.is_in_room(place.one)
    place.network.heal()
    await place.network.settle()
    message = await place.write(place.one, "here again")
    await place.network.settle()
    for person in (place.two, place.three):
        found = await place.find(person, message)
        assert found is not None and found.position is not None
        assert not await place.has_left(person, place.one)


async def begin_outside(place: Place) -> None:
    """Everybody was in the room; the third server has left, and what it is sent by the second one does not reach the first."""
    await place.join(place.two, "one.test")
    await place.join(place.three, "one.test")
    await place.network.settle()
    place.network.cut = {("three.test", "two.test"), ("two.test", "one.test")}
    await place.leave(place.three)
    await place.until(partial(place.has_left, place.one, place.three))


async def test_what_arrives_while_outside_is_not_forgotten_on_return(place: Place) -> None:
    """Its sender has been answered and does not send it again; whoever lets us in has not heard of it."""
    await begin_outside(place)
    await place.leave(place.two)
    await place.until(partial(place.has_left, place.three, place.two))
    await place.join(place.three, "one.test")
    member = f"{V3}/rooms/{q(place.room_id)}/state/m.room.member/{q(place.two.user_id)}"
    assert (await place.one.get(member)).ok()["membership"] == "join"
    assert (await place.three.get(member)).ok()["membership"] == "leave"
    # And it is passed on to who has not heard of it.
    await place.write(place.three, "two has gone")
    await place.until(partial(place.has_left, place.one, place.two))


async def test_two_who_return_at_once_do_not_forget_it_either(place: Place) -> None:
    other = await place.three.server.register("another")
    await place.join(other, "one.test")
    await place.leave(other)
    await begin_outside(place)
    await place.leave(place.two)
    await place.until(partial(place.has_left, place.three, place.two))
    await asyncio.gather(place.join(place.three, "one.test"), place.join(other, "one.test"))
    assert await place.has_left(place.three, place.two)
    for person in (place.three, other):
        assert await place.is_in_room(person)
        await place.until(partial(place.is_held_in_by_one, person))


async def test_who_returns_sees_the_room_as_it_has_become(place: Place) -> None:
    """In what a client is told that knows of no `state_after`, whether it was there before or not."""
    await place.join(place.three, "one.test")
    await place.rename(place.three, "Before")
    await place.network.settle()
    since = (await place.three.get(f"{V3}/sync?timeout=0")).ok()["next_batch"]
    await place.leave(place.three)
    await place.network.settle()
    path = f"{V3}/rooms/{q(place.room_id)}/state/m.room.topic/"
    (await place.one.put(path, {"topic": "set meanwhile"})).ok()
    await place.join(place.three, "one.test")
    await place.network.settle()
    last = await place.write(place.one, "welcome back")
    await place.network.settle()
    for query in ("", f"&since={q(since)}"):
        room = (await place.three.get(f"{V3}/sync?timeout=0{query}")).ok()["rooms"]["join"][place.room_id]
        timeline = room["timeline"]
        state = {(each["type"], each["state_key"]): each for each in room["state"]["events"]}
        state |= {(each["type"], each["state_key"]): each for each in timeline["events"] if "state_key" in each}
        assert state["m.room.topic", ""]["content"]["topic"] == "set meanwhile", query
        assert [each["type"] for each in timeline["events"]] == ["m.room.member", "m.room.message"]
        assert timeline["events"][-1]["event_id"] == last and timeline["limited"]
        older = (await place.three.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&from={timeline['prev_batch']}")).ok()
        assert "Before" in [each["content"].get("displayname") for each in older["chunk"]]


async def test_much_that_arrives_while_outside_does_not_hide_the_return(place: Place) -> None:
    """What we write next follows our join, not only what others have sent before."""
    await begin_outside(place)
    for number in range(25):
        await place.rename(place.two, f"Two {number}")
    last = await place.write(place.two, "and so on")
    await place.until(partial(place.find, place.three, last))
    await place.join(place.three, "one.test")
    ends = (await place.head(place.three)).row.extremities
    assert last in ends and len(ends) == 2
    message = await place.write(place.three, "here again")
    await place.until(partial(place.find, place.one, message))
    found = await place.find(place.one, message)
    assert found is not None and found.position is not None


async def test_who_was_banned_while_outside_does_not_return_by_who_has_not_heard_of_it(place: Place) -> None:
    await begin_outside(place)
    place.network.cut = {("one.test", "two.test"), ("two.test", "one.test")}
    await place.until(partial(place.has_left, place.two, place.three))
    await place.ban(place.three)
    head = await place.head(place.one)
    await place.until(partial(place.find, place.three, head.row.extremities[0]))
    answer = await place.three.post(f"{V3}/join/{q(place.room_id)}?via=two.test")
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert not await place.is_in_room(place.three)


async def test_what_cannot_be_settled_keeps_nobody_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await begin_outside(place)
    await place.leave(place.two)
    await place.until(partial(place.has_left, place.three, place.two))

    async def refuse(*_: Any) -> None:
        raise StateUnknown("too many events are in conflict")

    with monkeypatch.context() as patch:
        patch.setattr("zajil.services.federation.enter_remote_room.join_forks", refuse)
        await place.join(place.three, "one.test")
    assert await place.is_in_room(place.three)
    message = await place.write(place.three, "here again")
    await place.until(partial(place.find, place.one, message))


async def test_of_what_arrived_only_what_is_allowed_and_missing_elsewhere_is_kept(place: Place) -> None:
    await begin_outside(place)
    await place.leave(place.two)
    await place.until(partial(place.has_left, place.three, place.two))
    app, head = place.one.server.app, await place.head(place.one)
    nids = [
        nid
        for root in (head.row.members_root, head.row.rest_root)
        for nid in (await app.rooms.read_state(app.db.reader, root)).values()
    ]
    state = {each.event.key: each.event for each in await app.stores.events.load_by_nids(app.db.reader, nids)}
    app, head = place.three.server.app, await place.head(place.three)
    ends = [await place.find(place.three, each) for each in head.row.extremities]
    (end,) = [each.event.event_id for each in ends if each is not None and each.event.sender == place.two.user_id]

    async def find(state: Any, told: Sequence[str] = (), resident: str = "one.test") -> list[str]:
        return await find_former_ends(app, head, resident, told, state)

    assert await find(state) == [end]
    assert await find(state, told=[end]) == []
    assert await find(state, resident="two.test") == []  # which cannot be asked
    member = ("m.room.member", place.two.user_id)
    assert await find({key: each for key, each in state.items() if key != member}) == []
    acl = replace_content(state["m.room.join_rules", ""], {"allow": ["*"], "deny": ["two.test"]})
    assert await find({**state, ACL_KEY: acl}) == []


def replace_content(event: Event, content: dict[str, Any]) -> Event:
    changed = copy(event)
    changed.content = content
    return changed


async def test_nobody_returns_to_a_room_by_what_their_own_server_remembers_of_it(place: Place) -> None:
    """Two who did would reach those only who were there when they left, and not hear of each other."""
    for person in (place.two, place.three):
        await place.join(person, "one.test")
        await place.network.settle()
        (await person.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
        await place.network.settle()
    place.network.cut = {("two.test", "one.test"), ("three.test", "one.test")}
    for person in (place.two, place.three):
        path = f"{V3}/rooms/{q(place.room_id)}/state/m.room.member/{q(person.user_id)}"
        assert (await person.put(path, {"membership": "join", "displayname": "back"})).status == 502
        assert not await place.is_in_room(person)
    place.network.heal()
    for person in (place.two, place.three):
        await place.rename(person, "back")
    await place.network.settle()
    message = await place.write(place.two, "do you hear me?")
    await place.network.settle()
    assert await place.find(place.three, message) is not None
    member = f"{V3}/rooms/{q(place.room_id)}/state/m.room.member/{q(place.two.user_id)}"
    assert (await place.three.get(member)).ok() == {"membership": "join", "displayname": "back"}


async def test_an_empty_room_is_entered_again_through_the_server_that_made_it(place: Place) -> None:
    """If each server let its own people in, there would be as many rooms."""
    for person in (place.two, place.three):
        await place.join(person, "one.test")
    for person in (place.two, place.three, place.one):
        await place.network.settle()
        (await person.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    await place.network.settle()
    for person, others in ((place.two, "via=one.test&via=three.test"), (place.three, "via=one.test&via=two.test")):
        assert (await person.post(f"{V3}/join/{q(place.room_id)}?{others}")).status == 404
    (await place.one.post(f"{V3}/join/{q(place.room_id)}")).ok()
    await place.join(place.two, "one.test")
    await place.join(place.three, "one.test")
    message = await place.write(place.two, "all here again")
    await place.network.settle()
    assert await place.find(place.three, message) is not None


async def test_history_is_fetched_from_who_has_left(place: Place) -> None:
    await place.join(place.three, "one.test")
    await place.network.settle()
    (await place.three.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    await place.network.settle()
    message = await place.write(place.one, "meanwhile")
    await place.join(place.three, "one.test")
    await place.network.settle()
    (await place.one.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    await place.network.settle()
    assert await place.find(place.three, message) is None
    for _ in range(2):
        (await place.three.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=100")).ok()
    assert (await place.find(place.three, message) or pytest.fail("it was not fetched")).history is not None
