"""Who has left a room and comes back: into the same room as all the others, whatever was sent meanwhile and whoever has heard of it."""

import asyncio
from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Any

import pytest
from tests.client import q
from tests.simulation.place import V3, Place

from zajil.core.events import Event
from zajil.services.federation.former_ends import ACL_KEY, find_former_ends
from zajil.services.federation.room_states import StateUnknown


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


async def begin_outside(place: Place) -> str:
    """Everybody was in the room; the third server has left, and what it is sent by the second one does not reach the first.

    Returns up to where the third one's client had synced before.
    """
    await place.join(place.two, "one.test")
    await place.join(place.three, "one.test")
    await place.network.settle()
    since: str = (await place.three.get(f"{V3}/sync?timeout=0")).ok()["next_batch"]
    place.network.cut = {("three.test", "two.test"), ("two.test", "one.test")}
    await place.leave(place.three)
    await place.until(partial(place.has_left, place.one, place.three))
    return since


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


async def test_who_was_away_hears_on_return_of_what_arrived_while_outside(place: Place) -> None:
    """No event behind the hole says it for itself."""
    since = await begin_outside(place)
    await place.leave(place.two)
    await place.until(partial(place.has_left, place.three, place.two))
    await place.join(place.three, "one.test")
    for query in ("", f"&since={q(since)}"):
        room = (await place.three.get(f"{V3}/sync?timeout=0{query}")).ok()["rooms"]["join"][place.room_id]
        members = [each for each in room["state"]["events"] if each["type"] == "m.room.member"]
        told = {each["state_key"]: each["content"]["membership"] for each in members}
        assert told[place.two.user_id] == "leave", query


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
        await place.until(partial(place.is_held_in, place.one, person))


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
