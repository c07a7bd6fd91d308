"""The part of `/metrics` about other servers: counted on two that talk, and bounded however many servers something waits for."""

import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.client import Client, running_server
from tests.federation.peers import TlsServer, build_peer, make_authority, register

from zajil.core.events import build_event
from zajil.core.room_rules import ROOM_RULES
from zajil.http.federation_metrics import SERVERS_NAMED_MAX
from zajil.ports.database import Transaction
from zajil.ports.stores.events import REJECTED, SOFT_FAILED, StoredEvent
from zajil.ports.stores.federation_queue import DestinationRow, QueuedEdu, QueuedPdu
from zajil.services.federation_counts import FederationCounts

TOKEN = "a token for prometheus"
Found = dict[tuple[str, ...], float]


def parse(text: str) -> Found:
    """Samples of what is about federation: by name and values of labels."""
    return {
        (
            sample.name.removeprefix("zajil_federation_"),
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("zajil_federation_")
    }


def scrape(server: TlsServer) -> Found:
    request = urllib.request.Request(f"{server.base}/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60, context=server.context) as answer:
        return parse(answer.read().decode())


def scrape_until(server: TlsServer, test: Callable[[Found], bool]) -> Found:
    until = time.monotonic() + 60
    while not test(found := scrape(server)):
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return found


def test_two_servers_count_what_they_tell_each_other(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority")
    one, two = (build_peer(tmp_path / name, authority, metrics_token=TOKEN) for name in ("one", "two"))
    try:
        one.start()
        two.start()
        ali, sara = register(one, "ali"), register(two, "sara")
        room_id = ali.create_room(preset="public_chat")
        sara.join(room_id, one.server_name)
        ali.send(room_id, "hello")
        sara.wait_for_text(room_id, "hello")
        received = scrape(two)
        assert received["transactions_total", "received"] >= 1
        assert received["pdus_total", "accepted"] >= 1
        assert received["pdus_total", "rejected"] == received["pdus_total", "refused"] == 0
        assert received["key_fetches_total", "found"] == 1
        sent = scrape_until(
            one, lambda found: found["transactions_total", "sent"] >= 1 and found["servers", "waiting"] == 0
        )
        assert sent["transactions_total", "failed"] == 0
        two.stop()
        ali.send(room_id, "while you were away")
        sent = scrape_until(
            one, lambda found: found["transactions_total", "failed"] >= 1 and found["servers", "failing"] == 1
        )
        assert sent["queue_length", two.server_name, "pdus"] == 1
        assert sent["destination_failures", two.server_name] >= 1
    finally:
        one.stop()
        two.stop()


async def test_only_the_longest_queues_are_named(tmp_path: Path) -> None:
    async with running_server(tmp_path, metrics_token=TOKEN) as server:
        store = server.app.stores.federation_queue
        count = SERVERS_NAMED_MAX + 10

        async def item(tx: Transaction) -> None:
            for number in range(1, count + 1):
                rows = [(f"s{number}.test", QueuedPdu(position, position, 1)) for position in range(1, number + 1)]
                await store.insert_pdus(tx, rows)
            await store.insert_edu(tx, "s1.test", QueuedEdu(await tx.new_ids(1), "m.direct_to_device", b"{}"))
            for name, failures in (("s2.test", 3), ("s60.test", 4), ("gone.test", 5)):
                await store.store_destination(tx, DestinationRow(name, failures, 1, 2**50, "away"))

        await server.app.db.write(item)
        found = parse((await Client(server, access_token=TOKEN).get("/metrics")).raw.decode())
        named = {key[1] for key in found if key[0] == "queue_length"}
        assert named == {*(f"s{number}.test" for number in range(11, count + 1)), "other"}
        assert found["queue_length", "s60.test", "pdus"] == 60
        assert found["queue_length", "other", "pdus"] == sum(range(1, 11))
        assert found["queue_length", "other", "edus"] == 1
        assert found["destination_failures", "s60.test"] == 4
        assert found["destination_failures", "other"] == 3 + 5
        assert found["servers", "waiting"] == count
        assert found["servers", "failing"] == 3


async def test_a_server_that_does_not_federate_tells_nothing_of_it(tmp_path: Path) -> None:
    async with running_server(tmp_path, metrics_token=TOKEN, federation=False) as server:
        assert parse((await Client(server, access_token=TOKEN).get("/metrics")).raw.decode()) == {}


@pytest.mark.parametrize(("flags", "result"), [(0, "accepted"), (SOFT_FAILED, "soft_failed"), (REJECTED, "rejected")])
def test_what_became_of_an_event_is_counted(flags: int, result: str) -> None:
    event = build_event(
        ROOM_RULES["11"],
        room_id="!room:one.test",
        type="m.room.message",
        sender="@ali:one.test",
        content={},
        prev_events=[],
        auth_events=[],
        depth=1,
        origin_server_ts=1,
        sign=lambda data: {},
    )
    counted = FederationCounts()
    counted.note_pdu(StoredEvent(event, nid=1, room_nid=1, position=None, history=None, flags=flags))
    assert {name for name, count in counted.pdus.items() if count} == {result}
