"""What the partitions have taught: each cause by itself for which a server once missed an event for good, or stood elsewhere than the others."""

from typing import Any

import pytest
from tests.client import q
from tests.simulation.follower import Follower
from tests.simulation.place import NAMES, V3, Place

from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import SOFT_FAILED, StoredEvent
from zajil.services.app import App
from zajil.services.federation.backfill import EVENTS_MAX, find_places, store_backfill
from zajil.services.federation.place_event import find_ends
from zajil.services.federation.receive_events import receive_events
from zajil.services.federation.supersede_pdus import find_superseded
from zajil.services.rooms.room_heads import RoomHead


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


async def test_a_page_holds_all_that_was_missed_however_often_others_are_asked(place: Place) -> None:
    await place.join(place.three, "one.test")
    await place.network.settle()
    await place.leave(place.three)
    await place.network.settle()
    missed = [await place.write(place.one, str(number)) for number in range(EVENTS_MAX + 20)]
    await place.join(place.three, "one.test")
    page = (await place.three.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=1000")).ok()
    assert "end" not in page
    read = [event["event_id"] for event in page["chunk"] if event["type"] == "m.room.message"]
    assert read == missed[::-1]


async def test_history_goes_on_where_the_one_who_gave_it_has_a_gap_itself(place: Place) -> None:
    for person in (place.two, place.three):
        await place.join(person, "one.test")
    await place.network.settle()
    for person in (place.two, place.three):
        await place.leave(person)
    await place.network.settle()
    missed = await place.write(place.one, "nobody else is there")
    await place.join(place.two, "one.test")
    later = await place.write(place.two, "the other one is back")
    await place.network.settle()
    await place.join(place.three, "two.test")
    asked = list[str]()
    request = place.three.server.app.federation.request

    async def note(wanted: FederationRequest) -> Any:
        if "/backfill/" in wanted.path:
            asked.append(wanted.destination)
            if wanted.destination == "one.test" and "two.test" not in asked:
                raise FederationFailed("one.test", "busy")
        return await request(wanted)

    place.three.server.app.federation.request = note  # type: ignore[method-assign]
    page = (await place.three.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=100")).ok()
    assert "two.test" in asked
    assert {missed, later} <= {event["event_id"] for event in page["chunk"]}


async def test_a_gap_that_nobody_fills_keeps_no_other_waiting(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.write(place.one, "before the first join")
    await place.join(place.three, "one.test")
    await place.network.settle()
    messages = f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=100"

    async def refuse(wanted: FederationRequest) -> Any:
        raise FederationFailed(wanted.destination, "busy")

    with monkeypatch.context() as busy:
        busy.setattr(place.three.server.app.federation, "request", refuse)
        (await place.three.get(messages)).ok()
    await place.leave(place.three)
    await place.network.settle()
    missed = await place.write(place.one, "meanwhile")
    await place.join(place.three, "one.test")
    await place.network.settle()
    read = {event["event_id"] for event in (await place.three.get(messages)).ok()["chunk"]}
    assert missed in read
