"""Joins with a part of the state: the room is used before its members are known, nothing is lost on the way, and who lies gains nothing."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q, running_server
from tests.simulation.network import Link, Network, running_network
from tests.simulation.place import NAMES, V3, Place

from zajil.core.events import Event, build_event
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.federation import backfill, complete_state, partial_rooms, serve_membership
from zajil.services.federation.partial_rooms import wait_for_state
from zajil.services.federation.receive_events import receive_events
from zajil.services.rooms import join_room as join_room_module

ONE, TWO, THREE = NAMES
LAZY = q('{"room":{"state":{"lazy_load_members":true}}}')
CROWD = 6


class Tampered(Link):
    """A link that withholds the state of rooms while it is told to, and may change answers."""

    def __init__(self, network: Network, app: App) -> None:
        super().__init__(network, app)
        self.withholds = False
        self.asked: list[str] = []
        self.change: Callable[[FederationRequest, Any], Any] = lambda request, answer: answer

    async def request(self, request: FederationRequest) -> Any:
        self.asked.append(request.path)
        if self.withholds and ("/state_ids/" in request.path or "/state/" in request.path):
            raise FederationFailed(request.destination, "withheld")
        return self.change(request, await super().request(request))


@dataclass
class Crowded(Place):
    """A room of the first server with a crowd in it, and one person of the third; the second is to join."""

    link: Tampered
    crowd: list[Client] = field(default_factory=list)

    @property
    def app(self) -> App:
        return self.two.server.app

    async def members(self, person: Client) -> dict[str, str]:
        found = (await person.get(f"{V3}/rooms/{q(self.room_id)}/members")).ok()["chunk"]
        return {each["state_key"]: each["event_id"] for each in found}

    async def state(self, person: Client) -> dict[tuple[str, str], str]:
        found = (await person.get(f"{V3}/rooms/{q(self.room_id)}/state")).ok()
        return {(each["type"], each["state_key"]): each["event_id"] for each in found}

    async def has_seen(self, person: Client, event_id: str) -> bool:
        path = f"{V3}/rooms/{q(self.room_id)}/event/{q(event_id)}"
        return (await person.get(path)).status == 200

    async def state_knows(self, person: Client, event_type: str) -> bool:
        path = f"{V3}/rooms/{q(self.room_id)}/state/{event_type}/"
        return (await person.get(path)).status == 200

    async def is_partial(self) -> bool:
        return not await partial_rooms.is_complete(self.app, self.room_id)

    async def complete(self) -> None:
        self.link.withholds = False
        self.link.change = lambda request, answer: answer
        await self.app.partial_rooms.stop()
        self.app.partial_rooms.begin(self.room_id)
        await wait_for_state(self.app, self.room_id)


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Crowded]:
    monkeypatch.setattr(serve_membership, "MEMBERS_TOLD_MAX", 0)
    monkeypatch.setattr(complete_state, "KEYS_PER_COMMIT", 3)
    monkeypatch.setattr(join_room_module, "STATE_WAIT_S", 0.01)
    async with running_network(tmp_path, NAMES) as network:
        one, two, three = [await server.register(name.partition(".")[0]) for name, server in network.servers.items()]
        room = {"preset": "public_chat", "name": "Crowded", "topic": "Everybody"}
        room_id = (await one.post(f"{V3}/createRoom", room)).ok()["room_id"]
        link = two.server.app.federation = Tampered(network, two.server.app)
        made = Crowded(network, one, two, three, room_id, link)
        for number in range(CROWD):
            guest = await one.server.register(f"guest{number}")
            await made.join(guest)
            made.crowd.append(guest)
        await made.join(three)
        await network.settle()
        yield made


async def test_the_room_is_used_before_its_members_are_known(place: Crowded) -> None:
    place.link.withholds = True
    await place.join(place.two)
    assert await place.is_partial()
    hello = await place.write(place.two, "hello")
    await place.until(lambda: place.has_seen(place.one, hello))
    await place.until(lambda: place.has_seen(place.three, hello))
    # Whoever speaks is not known here; that they are in the room their event shows.
    first = (await place.two.get(f"{V3}/sync?filter={LAZY}")).ok()
    answer = await place.write(place.crowd[5], "answer")
    await place.until(lambda: place.has_seen(place.two, answer))
    after = (await place.two.get(f"{V3}/sync?filter={LAZY}&since={first['next_batch']}&timeout=60000")).ok()
    room = after["rooms"]["join"][place.room_id]
    assert [each["event_id"] for each in room["timeline"]["events"]] == [answer]
    assert place.crowd[5].user_id in [each.get("state_key") for each in room["state"]["events"]]
    # Clients that do not load members lazily would take those that are known for all.
    eager = (await place.two.get(f"{V3}/sync")).ok()
    assert place.room_id not in eager.get("rooms", {}).get("join", {})
    name = await place.two.put(f"{V3}/rooms/{q(place.room_id)}/state/m.room.name/", {"name": "Mine"})
    assert name.errcode == "M_FORBIDDEN"
    left = place.crowd[3]
    (await left.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    topic = f"{V3}/rooms/{q(place.room_id)}/state/m.room.topic/"
    changed = (await place.one.put(topic, {"topic": "Others"})).ok()["event_id"]
    await place.until(lambda: place.has_seen(place.two, changed))

    await place.complete()
    await place.network.settle()
    assert await place.members(place.two) == await place.members(place.one)
    assert await place.state(place.two) == await place.state(place.one)
    joined = (await place.two.get(f"{V3}/rooms/{q(place.room_id)}/joined_members")).ok()["joined"]
    assert len(joined) == CROWD + 3 - 1 and left.user_id not in joined
    told = (await place.two.get(f"{V3}/sync?since={eager['next_batch']}&timeout=60000")).ok()["rooms"]["join"][place.room_id]
    shown = {each["state_key"] for each in told["state"]["events"] if each["type"] == "m.room.member"}
    shown |= {each["state_key"] for each in told["timeline"]["events"] if each["type"] == "m.room.member"}
    assert shown == set(await place.members(place.one))
    summary = (await place.two.get(f"{V3}/sync?filter={LAZY}&since={after['next_batch']}&timeout=60000")).ok()
    assert summary["rooms"]["join"][place.room_id]["summary"]["m.joined_member_count"] == CROWD + 2
    # All that happened meanwhile stands on the whole state.
    head = await place.app.rooms.find(place.app.db.reader, place.room_id, place.app.db.position)
    assert head is not None and head.row.joined_count == CROWD + 2
    for event_id in (hello, answer, changed):
        assert await place.has_seen(place.two, event_id)
        at = await read_state_before(place.app, event_id)
        assert at >= set(await place.members(place.one)) - {left.user_id, place.two.user_id}


async def test_a_crowd_of_which_two_are_known_is_no_talk_of_two_people(place: Crowded) -> None:
    async def are_two_known() -> bool:
        head = await place.app.rooms.find(place.app.db.reader, place.room_id, place.app.db.position)
        return head is not None and head.row.partial_state and head.row.joined_count == 2

    async def read_notified() -> dict[str, Any]:
        noticed = (await place.two.get(f"{V3}/notifications")).ok()["notifications"]
        return {each["event"]["event_id"]: each["actions"] for each in noticed}

    place.link.withholds = True
    await place.join(place.two)
    events = [await place.write(place.one, "first")]
    await place.until(are_two_known)
    events.append(await place.write(place.one, "second"))
    await place.network.settle()
    assert await are_two_known()
    assert await read_notified() == {event_id: ["notify"] for event_id in events}, "neither has a sound"
    await place.complete()
    events.append(await place.write(place.one, "third"))
    await place.network.settle()
    assert await read_notified() == {event_id: ["notify"] for event_id in events}, "nor has one that comes later"


async def read_state_before(app: App, event_id: str) -> set[str]:
    """The members before an event."""
    stored = (await app.stores.events.load_by_ids(app.db.reader, [event_id]))[0]
    snapshots = await app.stores.rooms.load_event_snapshots(app.db.reader, stored.nid)
    assert snapshots is not None
    roots = await app.stores.rooms.load_snapshot(app.db.reader, snapshots[0])
    assert roots is not None
    return {user_id for _, user_id in await app.rooms.read_state(app.db.reader, roots[0])}


async def test_requests_that_need_the_members_wait_for_them(place: Crowded, monkeypatch: pytest.MonkeyPatch) -> None:
    place.link.withholds = True
    await place.join(place.two)
    waiting = asyncio.create_task(place.members(place.two))
    other = await place.two.server.register("other")
    joining = asyncio.create_task(place.join(other))
    kick = {"user_id": place.crowd[0].user_id}
    kicking = asyncio.create_task(place.two.post(f"{V3}/rooms/{q(place.room_id)}/kick", kick))
    await asyncio.sleep(0.2)
    assert not waiting.done() and not joining.done() and not kicking.done()
    with pytest.raises(MatrixError):
        await wait_for_state(place.app, place.room_id, wait_s=0.01)
    # Others are not helped with what is not known here.
    link = Link(place.network, place.three.server.app)
    for path in ("state_ids", "state"):
        event_id = (await place.app.rooms.find(place.app.db.reader, place.room_id, 0)).row.extremities[0]  # type: ignore[union-attr]
        query = [("event_id", event_id)]
        request = FederationRequest(TWO, "GET", f"/_matrix/federation/v1/{path}/{q(place.room_id)}", query=query)
        with pytest.raises(FederationFailed) as refused:
            await link.request(request)
        assert refused.value.status == 404
    path = f"/_matrix/federation/v1/make_join/{q(place.room_id)}/{q(place.three.user_id)}"
    with pytest.raises(FederationFailed) as refused:
        await link.request(FederationRequest(TWO, "GET", path, query=[("ver", "10"), ("ver", "11"), ("ver", "12")]))
    assert refused.value.status == 404
    await place.complete()
    assert set(await waiting) >= {each.user_id for each in (*place.crowd, place.one, place.two, place.three)}
    await joining
    assert (await kicking).errcode == "M_FORBIDDEN"  # judged by the room's rules, and not for want of the member


@pytest.mark.parametrize("commits", [0, 1, 2, 5, 8])
async def test_a_crash_on_the_way_costs_only_the_work(place: Crowded, tmp_path: Path, commits: int) -> None:
    place.link.withholds = True
    await place.join(place.two)
    mine = await place.write(place.two, "mine")
    await place.until(lambda: place.has_seen(place.one, mine))
    theirs = await place.write(place.crowd[1], "theirs")
    await place.until(lambda: place.has_seen(place.two, theirs))
    # The process dies after some of the commits that bring the rest.
    app, done = place.app, 0
    write = app.db.write

    async def write_some(*args: Any, **options: Any) -> Any:
        nonlocal done
        if done == commits:
            await asyncio.Event().wait()
        done += 1
        return await write(*args, **options)

    place.link.withholds = False
    await app.partial_rooms.stop()
    app.db.write = write_some  # type: ignore[method-assign]
    app.partial_rooms.begin(place.room_id)

    async def is_dead() -> bool:
        return done == commits

    await place.until(is_dead)
    await asyncio.sleep(0.05)
    shutil.copytree(tmp_path / TWO, tmp_path / "after")
    app.db.write = write  # type: ignore[method-assign]
    await app.partial_rooms.stop()
    async with running_server(tmp_path / "after", server_name=TWO, presence=False, status=False) as server:
        server.app.federation = Link(place.network, server.app)
        server.app.clock = place.network.clock
        place.network.servers[TWO] = server
        again = Client(server, place.two.access_token, place.two.user_id)
        assert not await partial_rooms.is_complete(server.app, place.room_id)
        await wait_for_state(server.app, place.room_id)
        assert await place.members(again) == await place.members(place.one)
        assert await place.has_seen(again, mine) and await place.has_seen(again, theirs)
        late = await place.write(again, "late")
        await place.until(lambda: place.has_seen(place.one, late))


async def test_what_cannot_be_judged_yet_waits_and_is_not_lost(place: Crowded) -> None:
    place.link.withholds = True
    await place.join(place.two)
    app, resident = place.app, place.one.server.app
    # The first of two events does not come, and cannot be asked for: what holds before the second is not known.
    place.network.cut.add((ONE, TWO))
    missed = await place.write(place.crowd[2], "missed")
    second = (await resident.stores.events.load_by_ids(resident.db.reader, [await place.write(place.one, "kept")]))[0]

    def change(request: FederationRequest, answer: Any) -> Any:
        return {"events": []} if "/get_missing_events/" in request.path else answer

    place.link.change = change
    assert await receive_events(app, ONE, place.room_id, [second.event]) == {}
    assert not await place.has_seen(place.two, second.event.event_id)
    kept = await app.stores.partial_rooms.load_pdus(app.db.reader, await room_nid(app, place.room_id), 10)
    assert [each.event_id for each in kept] == [second.event.event_id]
    assert await receive_events(app, ONE, place.room_id, [second.event]) == {}
    place.network.cut.clear()
    await place.complete()
    await place.until(lambda: place.has_seen(place.two, second.event.event_id))
    assert await place.has_seen(place.two, missed)

    async def is_empty() -> bool:
        return not await app.stores.partial_rooms.load_pdus(app.db.reader, await room_nid(app, place.room_id), 10)

    await place.until(is_empty)


async def room_nid(app: App, room_id: str) -> int:
    row = await app.stores.rooms.load_row(app.db.reader, room_id)
    assert row is not None
    return row.room_nid


async def build_message(
    app: App, sender: str, room_id: str, prev_events: list[str], text: str, member: str | None = None
) -> Event:
    """A message as the resident would make it, of whoever is named."""
    head = await app.rooms.find(app.db.reader, room_id, app.db.position)
    assert head is not None
    standing = await app.rooms.member(app.db.reader, head, sender)
    assert standing is not None
    auth = [head.rest["m.room.power_levels", ""].event.event_id, member or standing.event.event_id]
    if not head.rules.room_id_is_create_hash:
        auth.append(head.rest["m.room.create", ""].event.event_id)
    return build_event(
        head.rules,
        room_id=room_id,
        type="m.room.message",
        sender=sender,
        content={"msgtype": "m.text", "body": text},
        prev_events=prev_events,
        auth_events=auth,
        depth=head.row.depth + 1,
        origin_server_ts=app.clock.now_ms(),
        sign=app.sign_event,
    )


async def test_what_was_believed_wrongly_is_taken_out(place: Crowded) -> None:
    resident, banned = place.one.server.app, place.crowd[4]
    head = await resident.rooms.find(resident.db.reader, place.room_id, resident.db.position)
    assert head is not None
    before = await resident.rooms.member(resident.db.reader, head, banned.user_id)
    assert before is not None
    (await place.one.post(f"{V3}/rooms/{q(place.room_id)}/ban", {"user_id": banned.user_id})).ok()
    place.link.withholds = True
    await place.join(place.two)
    hello = await place.write(place.two, "hello")
    lie = await build_message(resident, banned.user_id, place.room_id, [hello], "not banned", before.event.event_id)
    assert await receive_events(place.app, ONE, place.room_id, [lie]) == {}
    assert await place.has_seen(place.two, lie.event_id)
    follows = await place.write(place.two, "follows")
    await place.complete()
    assert not await place.has_seen(place.two, lie.event_id)
    assert await place.has_seen(place.two, hello) and await place.has_seen(place.two, follows)
    assert await place.members(place.two) == await place.members(place.one)
    after = await place.write(place.two, "after")
    assert await place.has_seen(place.two, after)


def without(kind: str) -> Callable[[Any], None]:
    def take(answer: Any) -> None:
        answer["state"] = [each for each in answer["state"] if each["type"] != kind]

    return take


def without_everywhere(kind: str) -> Callable[[Any], None]:
    def take(answer: Any) -> None:
        for part in ("state", "auth_chain"):
            answer[part] = [each for each in answer[part] if each["type"] != kind]

    return take


@pytest.mark.parametrize(
    "tamper",
    [
        lambda answer: answer.pop("servers_in_room"),
        lambda answer: answer.update(servers_in_room="one.test"),
        lambda answer: answer.update(servers_in_room=[]),
        lambda answer: answer.update(servers_in_room=["x.test"] * 20_001),
        without("m.room.power_levels"),
        without("m.room.join_rules"),
        without_everywhere("m.room.power_levels"),
        without_everywhere("m.room.create"),
        without_everywhere("m.room.member"),
    ],
)
async def test_a_part_that_lacks_more_than_members_is_refused(place: Crowded, tamper: Callable[[Any], None]) -> None:
    def change(request: FederationRequest, answer: Any) -> Any:
        if "/send_join/" in request.path:
            assert answer["members_omitted"] is True
            tamper(answer)
        return answer

    place.link.change = change
    got = await place.two.post(f"{V3}/join/{q(place.room_id)}?via={ONE}")
    assert (got.status, got.errcode) == (502, "M_UNKNOWN")
    assert place.room_id not in (await place.two.get(f"{V3}/joined_rooms")).ok()["joined_rooms"]
    place.link.change = lambda request, answer: answer
    await place.join(place.two)
    await place.complete()
    assert await place.members(place.two) == await place.members(place.one)


async def test_lies_about_servers_and_state_end_with_the_whole_state(place: Crowded) -> None:
    def change(request: FederationRequest, answer: Any) -> Any:
        if "/send_join/" in request.path:
            answer["servers_in_room"] = [ONE, "nobody.test", 7, "not a name"]
            without("m.room.topic")(answer)
        return answer

    place.link.change, place.link.withholds = change, True
    await place.join(place.two)
    first = (await place.two.get(f"{V3}/sync?filter={LAZY}")).ok()
    hello = await place.write(place.two, "hello")
    await place.until(lambda: place.has_seen(place.one, hello))
    assert not await place.has_seen(place.three, hello)
    assert not await place.state_knows(place.two, "m.room.topic")
    await place.complete()
    # The server that was kept from us gets what it has missed.
    await place.until(lambda: place.has_seen(place.three, hello))
    assert await place.state(place.two) == await place.state(place.one)
    told = (await place.two.get(f"{V3}/sync?filter={LAZY}&since={first['next_batch']}&timeout=60000")).ok()
    events = told["rooms"]["join"][place.room_id]["state"]["events"]
    assert "m.room.topic" in [each["type"] for each in events]
    with pytest.raises(FederationFailed):
        await place.link.request(FederationRequest("nobody.test", "GET", "/"))


async def test_small_rooms_come_whole(place: Crowded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_membership, "MEMBERS_TOLD_MAX", 100)
    place.link.withholds = True
    await place.join(place.two)
    assert not await place.is_partial()
    assert await place.members(place.two) == await place.members(place.one)


async def test_a_room_that_was_left_is_waited_for_no_longer(place: Crowded) -> None:
    place.link.withholds = True
    await place.join(place.two)
    (await place.two.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    await place.app.partial_rooms.stop()
    place.app.partial_rooms.begin(place.room_id)
    await wait_for_state(place.app, place.room_id)
    assert place.two.user_id in await place.members(place.two)
    await place.join(place.two)
    assert await place.members(place.two) == await place.members(place.one)


async def test_leaving_and_coming_back_before_the_rest_is_here(place: Crowded) -> None:
    place.link.withholds = True
    await place.join(place.two)
    (await place.two.post(f"{V3}/rooms/{q(place.room_id)}/leave")).ok()
    await place.join(place.two)
    assert not await place.is_partial()
    assert await place.members(place.two) == await place.members(place.one)


async def test_a_page_goes_on_where_it_ended_once_the_rest_is_here(
    place: Crowded, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await place.write(place.one, "before")
    place.link.withholds = True
    await place.join(place.two)
    mine = await place.write(place.two, "mine")

    async def read(start: str) -> tuple[list[str], str]:
        page = (await place.two.get(f"{V3}/rooms/{q(place.room_id)}/messages?dir=b&limit=100{start}")).ok()
        return [each["event_id"] for each in page["chunk"]], f"&from={page['end']}" if "end" in page else ""

    with monkeypatch.context() as impatient:
        impatient.setattr(backfill, "READER_WAITS_S_MAX", 0.01)
        events, end = await read("")
        assert mine in events
        assert end
        assert await read(end) == ([], end)  # nothing twice, and not the beginning either
    await place.complete()
    older, _ = await read(end)
    assert before in older
    assert not set(older) & set(events)
