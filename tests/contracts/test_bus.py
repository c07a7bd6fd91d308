"""`ports.bus.Bus`, on every implementation."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.nats_server import NatsServer

from zajil.bus.in_process import Hub, InProcessBus
from zajil.bus.nats import NatsBus
from zajil.ports.bus import MESSAGE_BYTES_MAX, Bus, Topic


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    server = NatsServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["in process", "nats"])
def make_bus(request: pytest.FixtureRequest) -> Callable[[], Bus]:
    if request.param == "in process":
        hub = Hub()
        return lambda: InProcessBus(hub)
    server: NatsServer = request.getfixturevalue("nats")
    return lambda: NatsBus(server.url, "example.org")


@pytest.fixture
async def buses(make_bus: Callable[[], Bus]) -> AsyncIterator[list[Bus]]:
    made = [make_bus() for _ in range(3)]
    for bus in made:
        await bus.start()
    yield made
    for bus in made:
        await bus.close()


def listen(bus: Bus, topic: Topic = Topic.LOG) -> list[bytes]:
    heard: list[bytes] = []
    bus.subscribe(topic, heard.append)
    return heard


async def wait_for(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_others_hear_a_message_and_the_sender_does_not(buses: list[Bus]) -> None:
    heard = [listen(bus) for bus in buses]
    buses[0].publish(Topic.LOG, b"7")
    await wait_for(lambda: len(heard[1]) + len(heard[2]) == 2)
    await asyncio.sleep(0.05)
    assert heard == [[], [b"7"], [b"7"]]


async def test_a_started_bus_hears_what_is_published_from_then_on(make_bus: Callable[[], Bus]) -> None:
    """Again and again, since a bus on NATS that is told too early that it is subscribed hears it nearly always."""
    first = make_bus()
    await first.start()
    for round_ in range(300):
        late = make_bus()
        heard = listen(late)
        await late.start()
        first.publish(Topic.LOG, b"%d" % round_)
        await wait_for(lambda heard=heard: len(heard) == 1)
        assert heard == [b"%d" % round_]
        await late.close()
    await first.close()


async def test_messages_of_one_process_stay_in_order(buses: list[Bus]) -> None:
    heard = listen(buses[1])
    messages = [b"%d" % number for number in range(500)]
    for message in messages:
        buses[0].publish(Topic.LOG, message)
    await wait_for(lambda: len(heard) == 500)
    assert heard == messages


async def test_topics_are_apart(buses: list[Bus]) -> None:
    log, ephemeral = listen(buses[1]), listen(buses[1], Topic.EPHEMERAL)
    buses[0].publish(Topic.EPHEMERAL, b"typing")
    buses[0].publish(Topic.LOG, b"1")
    await wait_for(lambda: len(log) + len(ephemeral) == 2)
    assert (log, ephemeral) == ([b"1"], [b"typing"])


async def test_a_listener_that_raises_harms_nobody(buses: list[Bus]) -> None:
    def fail(_message: bytes) -> None:
        raise ValueError

    buses[1].subscribe(Topic.LOG, fail)
    heard = listen(buses[1])
    buses[0].publish(Topic.LOG, b"1")
    buses[0].publish(Topic.LOG, b"2")
    await wait_for(lambda: heard == [b"1", b"2"])


async def test_messages_are_bounded(buses: list[Bus]) -> None:
    heard = listen(buses[1])
    buses[0].publish(Topic.LOG, bytes(MESSAGE_BYTES_MAX + 1))
    buses[0].publish(Topic.LOG, bytes(MESSAGE_BYTES_MAX))
    await wait_for(lambda: len(heard) == 1)
    assert len(heard[0]) == MESSAGE_BYTES_MAX


async def test_a_closed_bus_hears_nothing_and_can_be_published_on(buses: list[Bus]) -> None:
    closed, heard = listen(buses[1]), listen(buses[2])
    await buses[1].close()
    buses[0].publish(Topic.LOG, b"1")
    buses[1].publish(Topic.LOG, b"2")
    await wait_for(lambda: b"1" in heard)
    assert closed == []


async def test_servers_with_other_names_are_apart(nats: NatsServer) -> None:
    here, there = NatsBus(nats.url, "a.example"), NatsBus(nats.url, "b.example")
    heard = listen(there)
    await here.start()
    await there.start()
    here.publish(Topic.LOG, b"1")
    await asyncio.sleep(0.1)
    assert heard == []
    await here.close()
    await there.close()


async def test_nats_may_come_late_and_go_away() -> None:
    server = NatsServer()
    here, there = NatsBus(server.url, "x"), NatsBus(server.url, "x")
    heard = listen(there)
    starting = asyncio.gather(here.start(), there.start())
    await asyncio.sleep(0.2)
    server.start()
    await starting

    async def reach(message: bytes) -> None:
        async with asyncio.timeout(10):
            while message not in heard:
                here.publish(Topic.LOG, message)
                await asyncio.sleep(0.05)

    await reach(b"1")
    server.stop()
    for _ in range(5):
        here.publish(Topic.LOG, b"while it is away")
    await asyncio.sleep(0.2)
    server.start()
    await reach(b"2")
    await here.close()
    await there.close()
    server.stop()
