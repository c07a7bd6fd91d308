"""At most one announcement for each change of state, whoever else noticed it and whatever fails."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.client import q, running_server
from tests.push.receiver import running_receiver

from zajil.core.health import Cause, Probe, State, judge
from zajil.core.incidents import Entry, Incident, Kind, close, open_incident, reopen
from zajil.ports.database import Busy, StorageUnavailable
from zajil.ports.status_outlets import OutletFailed
from zajil.services.app import App
from zajil.status.announce import Announcements
from zajil.status.memory import Memory
from zajil.status.send_notices import CHANNEL, NoticeSender, find_change
from zajil.status.sense import Senses
from zajil.status.workers import STARTING_S_MAX, Workers, WorkerView

V3 = "/_matrix/client/v3"


@dataclass
class Channel:
    """Refuses so many announcements, then takes them."""

    refusals: int = 0
    told: list[str] = field(default_factory=list)
    tries: int = 0

    async def announce(self, title: str, text: str) -> None:
        self.tries += 1
        if self.refusals:
            self.refusals -= 1
            raise OutletFailed("no")
        self.told.append(f"{title}\n{text}")


async def announce(memory: Memory, channels: list[Channel], *changes: Incident, claimed: bool | None = None) -> None:
    async def claim(incident_id: str, change: str, channel: str) -> bool | None:
        return claimed

    options = {"name": "Zajil", "base_url": "https://x", "settles_s": 0.0, "pace": 0.0}
    announcements = Announcements(memory, channels, claim, **options)  # type: ignore[arg-type]
    for each in changes:
        memory.put([each])
        announcements.note(each)
    task = asyncio.create_task(announcements.run())
    for _ in range(1000):  # with no pace it never waits for time, only for its turn
        await asyncio.sleep(0)
    task.cancel()


OPENED = open_incident("i1", "a", Cause.DATABASE_UNREACHABLE, 1000, {})


async def test_each_change_is_told_once_in_both_languages() -> None:
    memory, channel = Memory("a"), Channel()
    noted = OPENED.add(Entry(1500, Kind.NOTE, OPENED.cause, {"en": "we look"}))
    closed = close(noted, 2000)
    back = reopen(closed, 3000, {})
    await announce(memory, [channel], OPENED, OPENED, noted, closed, closed, back)
    assert len(channel.told) == 3
    assert "The database cannot be reached" in channel.told[0]
    assert "قاعدة البيانات" in channel.told[0]
    assert "https://x/status?lang=ar" in channel.told[0]
    # The next process knows what this one has told.
    await announce(memory, [channel], OPENED, closed, back)
    assert len(channel.told) == 3


async def test_a_channel_that_fails_is_tried_again_a_few_times_and_by_itself() -> None:
    flaky, dead, good = Channel(refusals=2), Channel(refusals=99), Channel()
    await announce(Memory("a"), [flaky, dead, good], OPENED)
    assert [len(each.told) for each in (flaky, dead, good)] == [1, 0, 1]
    assert dead.tries == 4


async def test_only_the_machine_that_noticed_first_tells() -> None:
    memory, channel = Memory("b"), Channel()
    memory.put([OPENED])
    mine = replace(OPENED, incident_id="i2", node="b", opened_ts_ms=1001)
    await announce(memory, [channel], mine)
    assert channel.told == []
    first = Memory("a")
    first.put([mine])
    await announce(first, [channel], OPENED)
    assert len(channel.told) == 1
    await announce(Memory("c"), [channel], replace(OPENED, node="c", incident_id="i3"), claimed=False)
    assert len(channel.told) == 1


async def test_a_planned_stop_is_nobodys_news() -> None:
    channel = Channel()
    await announce(Memory("a"), [channel], open_incident("i1", "a", Cause.STOPPED, 1000, {}))
    assert channel.tries == 0


def test_users_are_told_of_what_lasts() -> None:
    assert find_change(OPENED, 1000 + 59_000) is None
    assert find_change(OPENED, 1000 + 61_000) == "opened"
    assert find_change(close(OPENED, 2000), 2000) == "closed"
    degraded = open_incident("i2", "a", Cause.SLOW_COMMITS, 1000, {})
    assert degraded.state is State.DEGRADED
    assert find_change(degraded, 10**9) is None


async def test_notices_of_two_processes_reach_nobody_twice(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        users = [await server.register(f"user{number}") for number in range(4)]
        incident = replace(OPENED, opened_ts_ms=server.app.clock.now_ms() - 120_000)
        store = server.app.stores.incidents
        await server.app.db.write(lambda tx: store.store(tx, incident))
        senders = [NoticeSender(server.app), NoticeSender(server.app)]
        for sender in (*senders, *senders):
            await sender.look([incident])
            sender.resume()
        for sender in senders:
            if sender._running is not None:
                await sender._running
        for user in users:
            rooms = (await user.get(f"{V3}/sync")).ok()["rooms"]["invite"]
            assert len(rooms) == 1
            room = f"{V3}/rooms/{q(next(iter(rooms)))}"
            (await user.post(f"{room}/join")).ok()
            events = (await user.get(f"{room}/messages?dir=b&limit=50")).ok()["chunk"]
            assert len([each for each in events if each["type"] == "m.room.message"]) == 1


@pytest.mark.parametrize("where", ["user", "user without database", "claim", "progress", "database"])
async def test_notices_wait_for_a_server_that_has_too_much_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    refusals: list[Exception] = [Busy(10)]
    told: list[str] = []

    def refuse_once(here: str) -> None:
        if where == here and refusals:
            raise refusals.pop()

    async def send(app: object, user_id: str, body: str, extra: object) -> None:
        if told:
            refuse_once("user" if isinstance(refusals[0] if refusals else None, Busy) else "user without database")
        told.append(user_id)

    async with running_server(tmp_path) as server:
        users = [(await server.register(f"user{number}")).user_id for number in range(3)]
        store = server.app.stores.incidents
        changes = {name: getattr(store, name) for name in ("claim_announcement", "store_progress", "load_undone")}

        def refusing(name: str, here: str) -> None:
            async def call(*arguments: object, **named: object) -> object:
                refuse_once(here)
                return await changes[name](*arguments, **named)

            monkeypatch.setattr(store, name, call)

        monkeypatch.setattr("zajil.status.send_notices.send_server_notice", send)
        monkeypatch.setattr("zajil.status.send_notices.UNAVAILABLE_S", 0.01, raising=False)
        if where.endswith("database"):
            refusals[:] = [StorageUnavailable("gone")]
        await server.app.db.write(lambda tx: store.claim_announcement(tx, "i1", "opened", CHANNEL, 1000))
        for name, here in (
            ("claim_announcement", "claim"),
            ("store_progress", "progress"),
            ("load_undone", "database"),
        ):
            refusing(name, here)
        incident = close(OPENED, server.app.clock.now_ms())
        await server.app.db.write(lambda tx: store.store(tx, incident))
        sender = NoticeSender(server.app)
        await sender.look([incident])
        assert sender._running is not None
        await sender._running
        assert not refusals
        assert sorted(told) == sorted(users)


async def test_nobody_is_told_of_the_beginning_of_what_ended_while_the_server_was_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def send(app: App, user_id: str, body: str, extra: object) -> None:
        if told:
            await app.db.write(lambda tx: store.store(tx, close(incident, incident.opened_ts_ms + 120_000)))
            raise Busy(10)
        told.append(user_id)

    async with running_server(tmp_path) as server:
        for number in range(3):
            await server.register(f"user{number}")
        monkeypatch.setattr("zajil.status.send_notices.send_server_notice", send)
        store = server.app.stores.incidents
        incident = replace(OPENED, opened_ts_ms=server.app.clock.now_ms() - 120_000)
        await server.app.db.write(lambda tx: store.store(tx, incident))
        sender = NoticeSender(server.app)
        await sender.look([incident])
        assert sender._running is not None
        await sender._running
        assert len(told) == 1


async def test_a_gateway_that_is_back_is_noticed(tmp_path: Path) -> None:
    async with running_server(tmp_path, push_allow_private_networks=True) as server, running_receiver() as receiver:
        senses = Senses(server.app, "a", 1.0)
        counters = server.app.measurements
        receiver.status = 502
        for pusher in range(4):
            counters.note_push(pusher, receiver.gateway)
        counters.note_push(9, None)
        await senses._probe_gateways()
        sample = senses.read()
        assert (sample["pushers_tried"], sample["pushers_failing"]) == (5, 4)
        receiver.status = 200
        await senses._probe_gateways()
        assert senses.read()["pushers_failing"] == 0


def test_of_several_workers_the_worst_counts() -> None:
    workers = Workers(0.0, 1.0)
    assert workers.read(1.0)["worker_is_up"] is None
    assert workers.read(STARTING_S_MAX + 1)["worker_is_up"] is False
    good, bad = (WorkerView(pid, None, 30.0) for pid in (1, 2))  # type: ignore[arg-type]
    good.sample = {"loop_lag_ms": 1.0, "requests": 10, "database_answers": True}
    bad.sample = {"loop_lag_ms": 900.0, "requests": 5, "database_answers": None}
    bad.heard_s = 20.0
    for each in (good, bad):
        workers.arrive(each)
    found = workers.read(31.0)
    assert (found["loop_lag_ms"], found["requests"], found["database_answers"]) == (900.0, 15, True)
    assert found["worker_silent_s"] == 11.0
    workers.leave(good, 32.0, is_meant=True)
    workers.leave(bad, 32.0, is_meant=False)
    found = workers.read(33.0)
    assert (found["worker_is_up"], found["worker_deaths"]) == (False, 1)
    assert workers.read(100.0)["worker_deaths"] == 0


@pytest.mark.parametrize(
    ("told", "answers", "is_full"),
    [
        ((True, False), False, True),
        ((None, True), True, True),
        ((None, False), False, False),
        ((None, None), None, None),
    ],
)
def test_one_worker_of_several_that_reaches_nothing_is_an_incident(
    told: tuple[bool | None, ...], answers: bool | None, is_full: bool | None
) -> None:
    workers = Workers(0.0, 1.0)
    for pid, each in enumerate(told):
        view = WorkerView(pid, None, 1.0)  # type: ignore[arg-type]
        view.sample = dict.fromkeys(("database_answers", "media_answers", "disk_is_full"), each)
        workers.arrive(view)
    found = workers.read(2.0)
    assert (found["database_answers"], found["media_answers"], found["disk_is_full"]) == (answers, answers, is_full)


def test_probes_name_what_failed() -> None:
    from tests.status.simulation import HEALTHY

    for probe, cause in (
        (Probe.NO_ACCOUNT, Cause.CANARY_LOGIN),
        (Probe.LOST, Cause.SENDING_FAILS),
        (Probe.REFUSED, Cause.SENDING_FAILS),
        (Probe.SHED, Cause.OVERLOADED),
        (Probe.UNREACHABLE, Cause.UNREACHABLE),
    ):
        for failures, holds in ((1, False), (2, True)):
            verdicts = judge(replace(HEALTHY, probe=probe, probe_failures=failures), frozenset())
            assert [each for each, verdict in verdicts.items() if verdict] == ([cause] if holds else [])
