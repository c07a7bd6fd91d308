"""A server that is in a room and builds its history to harm: bombs of events, forks without number, forged states, keys that nobody has. All its
signatures are right. What it costs is bounded, and the room goes on as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, q
from tests.core.room_builder import ALICE, RoomBuilder
from tests.simulation.network import Link, Network, running_network

from zajil.core.events import Event, build_event, sign_event
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.core.signing import SigningKey
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import REJECTED, SOFT_FAILED, StoredEvent
from zajil.services.federation.place_event import EXTREMITIES_MAX
from zajil.services.federation.receive_events import ROUNDS_MAX
from zajil.services.federation.receive_transaction import PDUS_MAX
from zajil.services.federation.server_keys import FETCHES_OF_SERVER_MAX, build_own_keys
from zajil.services.federation.store_outliers import judge_outliers, order_by_auth
from zajil.services.rooms.room_heads import RoomHead

V3 = "/_matrix/client/v3"
HERE, THERE = "here.test", "there.test"


@dataclass
class Place:
    """The host's room on one server, and a guest without power on the hostile one, which answers requests as `answers` has it."""

    network: Network
    host: Client
    guest: Client
    room_id: str
    link: Link
    answers: dict[str, Any] = field(default_factory=dict)
    """By a word of the path: what is answered, or a function of the request."""
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def rules(self) -> RoomRules:
        return ROOM_RULES["11"]

    async def head(self) -> RoomHead:
        app = self.host.server.app
        head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
        assert head is not None
        return head

    async def find(self, event_id: str) -> StoredEvent | None:
        app = self.host.server.app
        return next(iter(await app.stores.events.load_by_ids(app.db.reader, [event_id])), None)

    async def build(
        self,
        prev: list[str],
        depth: int,
        content: dict[str, Any] | None = None,
        event_type: str = "m.room.message",
        state_key: str | None = None,
        auth: list[str] | None = None,
    ) -> Event:
        """An event of the guest's, signed by their server."""
        head = await self.head()
        app = self.guest.server.app
        member = await self.host.server.app.rooms.member(self.host.server.app.db.reader, head, self.guest.user_id)
        assert member is not None
        keys = [("m.room.create", ""), ("m.room.power_levels", "")]
        cited = [*(head.rest[key].event.event_id for key in keys), member.event.event_id]
        return build_event(
            self.rules,
            room_id=self.room_id,
            type=event_type,
            sender=self.guest.user_id,
            content=content or {"msgtype": "m.text", "body": f"{depth} {prev[0]}"},
            state_key=state_key,
            prev_events=prev,
            auth_events=cited if auth is None else auth,
            depth=depth,
            origin_server_ts=app.clock.now_ms(),
            sign=app.sign_event,
        )

    async def send(self, *events: Event) -> dict[str, Any]:
        pdus = [event.pdu for event in events]
        path = f"/_matrix/federation/v1/send/{events[0].event_id[1:]}"
        answer: dict[str, Any] = await self.link.request(
            FederationRequest(HERE, "PUT", path, content={"pdus": pdus, "edus": []})
        )
        return answer["pdus"]  # type: ignore[no-any-return]

    async def state(self) -> dict[tuple[str, str], str]:
        found = (await self.host.get(f"{V3}/rooms/{q(self.room_id)}/state")).ok()
        return {(each["type"], each["state_key"]): each["event_id"] for each in found}

    async def write(self) -> StoredEvent:
        path = f"{V3}/rooms/{q(self.room_id)}/send/m.room.message/{self.network.clock.now_ms()}"
        event_id = (await self.host.put(path, {"msgtype": "m.text", "body": "still here"})).ok()["event_id"]
        stored = await self.find(event_id)
        assert stored is not None and stored.position is not None
        return stored


class HostileLink(Link):
    """The way of the good server to others; what it asks the hostile one is answered by the test."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.network, place.host.server.app)
        self.place = place

    async def request(self, request: FederationRequest) -> Any:
        for word, answer in self.place.answers.items():
            if f"/{word}" in request.path and request.destination == THERE:
                self.place.asked[word] += 1
                if isinstance(answer, FederationFailed):
                    raise answer
                return await answer(request) if callable(answer) else answer
        return await super().request(request)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_network(tmp_path, (HERE, THERE)) as network:
        host = await network.servers[HERE].register("host")
        guest = await network.servers[THERE].register("guest")
        body = {"preset": "public_chat", "room_version": "11", "name": "as it was"}
        room_id = (await host.post(f"{V3}/createRoom", body)).ok()["room_id"]
        (await guest.post(f"{V3}/join/{q(room_id)}?via={HERE}")).ok()
        await network.settle()
        place = Place(network, host, guest, room_id, Link(network, network.servers[THERE].app))
        network.servers[HERE].app.federation = HostileLink(place)
        yield place


async def test_a_deep_history_is_asked_for_only_so_far(place: Place) -> None:
    """Behind every event there are more, down to the beginning of the room and beyond."""
    before, head = await place.state(), await place.head()
    chain: list[Event] = []
    last = list(head.row.extremities)
    for number in range(1_000):
        event = await place.build(last, head.row.depth + 1 + number)
        chain.append(event)
        last = [event.event_id]
    by_id = {event.event_id: index for index, event in enumerate(chain)}

    async def give_before(request: FederationRequest) -> Any:
        assert request.content is not None
        end = min(by_id[each] for each in request.content["latest_events"])
        return {"events": [event.pdu for event in chain[max(0, end - 20) : end]]}

    place.answers = {"get_missing_events": give_before, "state_ids": FederationFailed(THERE, "no", status=404)}
    answer = await place.send(chain[-1])
    assert set(answer[chain[-1].event_id]) == {"error"}
    assert 1 < place.asked["get_missing_events"] <= ROUNDS_MAX
    assert await place.find(chain[-1].event_id) is None
    await place.write()
    assert await place.state() == before


async def test_a_wide_history_is_asked_for_only_so_far(place: Place) -> None:
    """Every event follows twenty others that nobody has."""
    before, head = await place.state(), await place.head()
    made = 0

    async def give_wide(request: FederationRequest) -> Any:
        nonlocal made
        events = []
        for _ in range(200):
            made += 1
            events.append(
                await place.build([f"${made * 20 + n:043d}" for n in range(20)], head.row.depth + 5_000 - made)
            )
        return {"events": [event.pdu for event in events]}

    place.answers = {"get_missing_events": give_wide, "state_ids": FederationFailed(THERE, "no", status=404)}
    bomb = await place.build([f"${n:043d}" for n in range(20)], head.row.depth + 6_000)
    assert set((await place.send(bomb))[bomb.event_id]) == {"error"}
    assert 1 < place.asked["get_missing_events"] <= ROUNDS_MAX
    await place.write()
    assert await place.state() == before


async def test_a_room_keeps_few_ends(place: Place) -> None:
    await fork(place, 300)


@pytest.mark.soak
async def test_a_room_keeps_few_ends_of_a_hundred_thousand(place: Place) -> None:
    await fork(place, 100_000)


async def fork(place: Place, count: int) -> None:
    """So many events of which none follows another."""
    before, head = await place.state(), await place.head()
    start, depth = list(head.row.extremities), head.row.depth
    for first in range(0, count, 50):
        events = [await place.build(start, depth + 1, {"body": f"{first + n}"}) for n in range(min(50, count - first))]
        assert await place.send(*events) == {event.event_id: {} for event in events}
        assert len((await place.head()).row.extremities) <= EXTREMITIES_MAX
    assert await place.state() == before
    for _ in range(4):
        written = await place.write()
        assert len(written.event.prev_event_ids) <= 20
    assert len((await place.head()).row.extremities) == 1


async def test_a_state_that_another_server_makes_up_gives_nobody_power(place: Place) -> None:
    """Behind a gap the state is taken from the sender: with events that it may not have made, and one that nobody but it has signed."""
    before, head = await place.state(), await place.head()
    power = {"users": {place.guest.user_id: 100}, "state_default": 0}
    crown = await place.build(list(head.row.extremities), head.row.depth + 1, power, "m.room.power_levels", "")
    # In the host's name, and so not signed by whose it would be.
    app = place.guest.server.app
    forged = build_event(
        place.rules,
        room_id=place.room_id,
        type="m.room.power_levels",
        sender=place.host.user_id,
        content=power,
        state_key="",
        prev_events=list(head.row.extremities),
        auth_events=[head.rest["m.room.create", ""].event.event_id],
        depth=head.row.depth + 1,
        origin_server_ts=app.clock.now_ms(),
        sign=app.sign_event,
    )
    made_up = {event.event_id: event for event in (crown, forged)}
    state_ids = [each for key, each in before.items() if key != ("m.room.power_levels", "")]

    async def give_event(request: FederationRequest) -> Any:
        event_id = request.path.rpartition("/")[2].replace("%24", "$")
        if event_id not in made_up:
            raise FederationFailed(THERE, "no", status=404)
        return {"pdus": [made_up[event_id].pdu]}

    place.answers = {
        "get_missing_events": {"events": []},
        "state_ids": {"pdu_ids": [*state_ids, *made_up], "auth_chain_ids": list(made_up)},
        "event_auth": {"auth_chain": [event.pdu for event in made_up.values()]},
        "event": give_event,
    }
    gap = ["$" + "g" * 43]
    message = await place.build(gap, head.row.depth + 3)
    takeover = await place.build(
        gap,
        head.row.depth + 3,
        {"name": "taken over"},
        "m.room.name",
        "",
        [head.rest["m.room.create", ""].event.event_id, crown.event_id, before["m.room.member", place.guest.user_id]],
    )
    await place.send(message, takeover)
    assert place.asked["state_ids"] and place.asked["event"], "the made-up state was looked at"
    assert await place.state() == before
    found = await place.find(takeover.event_id)
    assert found is None or found.position is None
    crowned = await place.find(crown.event_id)
    assert crowned is None or crowned.flags != 0, "the guest's own power levels were accepted"
    assert await place.find(forged.event_id) is None, "nobody is spoken for by another server"
    await place.write()


def test_auth_events_in_a_circle_are_rejected() -> None:
    """Where servers choose event IDs themselves, events can cite each other."""
    room = RoomBuilder("1")
    pair = [
        room.event(
            "m.room.topic",
            ALICE,
            {"topic": "round"},
            "",
            auth_events=[room.create.event_id, f"${other}:here"],
            event_id_v1=f"${one}:here",
        )
        for one, other in (("one", "two"), ("two", "one"), ("self", "self"))
    ]
    ordered = order_by_auth([*pair, room.create])
    verdicts = judge_outliers(ordered, {}, set(), room.rules)
    assert verdicts.pop(room.create.event_id) is None
    assert all(rule is not None for rule in verdicts.values())


async def test_a_lost_power_does_not_come_back_by_an_old_fork(place: Place) -> None:
    """Who had power builds on the time when they had it."""
    levels = (await place.host.get(f"{V3}/rooms/{q(place.room_id)}/state/m.room.power_levels")).ok()
    path = f"{V3}/rooms/{q(place.room_id)}/state/m.room.power_levels"
    levels["events"]["m.room.power_levels"] = 90
    raised = {**levels, "users": {**levels["users"], place.guest.user_id: 99}}
    (await place.host.put(path, raised)).ok()
    old = await place.head()
    ends, depth, cited = list(old.row.extremities), old.row.depth, await place.state()
    auth = [cited["m.room.create", ""], cited["m.room.power_levels", ""], cited["m.room.member", place.guest.user_id]]
    (await place.host.put(path, levels)).ok()
    before = await place.state()
    returned = {**raised, "ban": 60}
    coup = await place.build(ends, depth + 1, returned, "m.room.power_levels", "", auth)
    name = await place.build(
        [coup.event_id], depth + 2, {"name": "mine"}, "m.room.name", "", [auth[0], coup.event_id, auth[2]]
    )
    await place.send(coup, name)
    assert await place.state() == before
    for event in (coup, name):
        stored = await place.find(event.event_id)
        assert stored is not None and stored.flags & SOFT_FAILED
    await place.write()
    assert await place.state() == before


async def test_keys_that_nobody_has_are_asked_for_only_so_often(place: Place) -> None:
    """A server is not flooded by us because somebody names keys of it."""
    keys = place.host.server.app.server_keys
    place.answers = {"server": FederationFailed(THERE, "unused", status=404)}
    real = place.guest.server.app

    async def give_keys(request: FederationRequest) -> Any:
        return build_own_keys(real)

    place.answers = {"key/v2/server": give_keys}
    for number in range(50):
        assert await keys.find(THERE, f"ed25519:none{number}") is None
    assert await keys.find(THERE, real.signing_key.key_id, valid_at_ms=2**52) is not None
    assert 1 <= place.asked["key/v2/server"] <= FETCHES_OF_SERVER_MAX
    place.network.clock.move(120)
    assert await keys.find(THERE, "ed25519:later") is None
    assert place.asked["key/v2/server"] <= FETCHES_OF_SERVER_MAX + 1


async def test_what_is_forged_or_malformed_is_dropped_and_the_rest_is_not(place: Place) -> None:
    before, head = await place.state(), await place.head()
    ends, depth = list(head.row.extremities), head.row.depth + 1
    app = place.guest.server.app
    stranger = SigningKey(b"x" * 32, app.signing_key.key_id)

    def resign(event: Event, signatures: dict[str, Any]) -> Event:
        return Event(event.rules, event.event_id, pdu={**event.pdu, "signatures": signatures})

    honest = await place.build(ends, depth, {"body": "honest"})
    unsigned = resign(await place.build(ends, depth, {"body": "unsigned"}), {})
    wrong = await place.build(ends, depth, {"body": "wrong key"})
    wrong = sign_event(resign(wrong, {}), stranger.build_signer(THERE))
    elsewhere = await place.build(ends, depth, {"body": "somebody else's signature"})
    elsewhere = sign_event(resign(elsewhere, {}), app.signing_key.build_signer("other.test"))
    spoken_for = await place.build(ends, depth, {"body": "in the host's name"})
    spoken_for = Event(spoken_for.rules, spoken_for.event_id, pdu={**spoken_for.pdu, "sender": place.host.user_id})
    large = await place.build(ends, depth, {"body": "x" * 66_000})
    uncited = await place.build(ends, depth, {"body": "cites nothing"}, auth=[])
    changed = await place.build(ends, depth, {"body": "as it was hashed"})
    changed = Event(changed.rules, changed.event_id, pdu={**changed.pdu, "content": {"body": "as it was changed"}})
    dropped = (unsigned, wrong, elsewhere, large, spoken_for)
    await place.send(*dropped, uncited, changed, honest)
    for event in dropped:
        assert await place.find(event.event_id) is None, event.content["body"][:50]
    stored = await place.find(uncited.event_id)
    assert stored is None or stored.flags & REJECTED
    stored = await place.find(changed.event_id)
    assert stored is None or stored.event.content == {}, "only what is covered by the hash is kept"
    stored = await place.find(honest.event_id)
    assert stored is not None and stored.position is not None
    assert await place.state() == before


async def test_a_transaction_is_bounded_and_taken_once(place: Place) -> None:
    head = await place.head()
    event = await place.build(list(head.row.extremities), head.row.depth + 1)
    with pytest.raises(FederationFailed) as refused:
        await place.send(*[event] * (PDUS_MAX + 1))
    assert refused.value.status == 400
    assert await place.find(event.event_id) is None
    db = place.host.server.app.db
    before = db.position
    for _ in range(3):
        assert await place.send(*[event] * PDUS_MAX) == {event.event_id: {}}
    rows = await db.reader.fetch("SELECT event_nid FROM events WHERE position > ?", before)
    assert len(list(rows)) == 1


async def test_as_a_notary_we_do_not_flood_others(place: Place) -> None:
    real = place.guest.server.app

    async def give_keys(request: FederationRequest) -> Any:
        return build_own_keys(real)

    place.answers = {"key/v2/server": give_keys}
    for _ in range(30):
        path = f"/_matrix/key/v2/query/{THERE}?minimum_valid_until_ts={2**52}"
        assert (await place.host.get(path)).status in (200, 429)
    assert 1 <= place.asked["key/v2/server"] <= FETCHES_OF_SERVER_MAX
