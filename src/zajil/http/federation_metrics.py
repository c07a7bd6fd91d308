"""The part of `/metrics` that is about other servers: what this process counted, and what waits for whom."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from zajil.ports.database import Busy, StorageUnavailable
from zajil.services.app import App
from zajil.services.federation.administer_servers import ServerStatus, load_servers

SERVERS_NAMED_MAX: Final = 50
"""Prometheus keeps a series for every name it has ever heard, and anybody can make names; the other servers are added up."""
OTHER: Final = "other"


def collect_counts(app: App) -> Iterator[Any]:
    """What one process did since its start, and what it lets each server do."""
    counted, config = app.measurements.federation, app.config
    limits = GaugeMetricFamily("zajil_federation_limit", "What each other server may do.", labels=["of"])
    limits.add_metric(["requests_per_s"], config.federation_requests_per_s)
    limits.add_metric(["events_per_s"], config.federation_events_per_s)
    limits.add_metric(["requests_at_once"], config.federation_requests_at_once)
    yield limits
    refused = CounterMetricFamily(
        "zajil_federation_refused", "Requests of other servers beyond their budgets.", labels=["kind", "reason"]
    )
    for key, count in counted.refused.items():
        refused.add_metric(key, count)
    yield refused
    for name, text, values in (
        ("zajil_federation_transactions", "Transactions to and from other servers.", counted.transactions),
        ("zajil_federation_pdus", "Events received from other servers.", counted.pdus),
        ("zajil_federation_key_fetches", "Questions for other servers' signing keys.", counted.key_fetches),
    ):
        family = CounterMetricFamily(name, text, labels=["result"])
        for result, value in values.items():
            family.add_metric([result], value)
        yield family


class QueueCollector(Collector):
    """The queues to other servers. They are the database's, not one worker's, so no series names a worker."""

    def __init__(self, servers: Iterable[ServerStatus]) -> None:
        self._servers = sorted(servers, key=lambda each: (-each.pdus - each.edus, -_failures(each), each.server_name))

    def collect(self) -> Iterator[Any]:
        lengths: dict[tuple[str, str], int] = {}
        failures: dict[str, int] = {}
        for place, each in enumerate(self._servers):
            name = each.server_name if place < SERVERS_NAMED_MAX else OTHER
            for kind, count in (("pdus", each.pdus), ("edus", each.edus)):
                lengths[name, kind] = lengths.get((name, kind), 0) + count
            failures[name] = failures.get(name, 0) + _failures(each)
        queue = GaugeMetricFamily(
            "zajil_federation_queue_length", "What waits for another server.", labels=["destination", "kind"]
        )
        for key, count in lengths.items():
            queue.add_metric(key, count)
        yield queue
        failing = GaugeMetricFamily(
            "zajil_federation_destination_failures", "Failed transactions in a row.", labels=["destination"]
        )
        for name, count in failures.items():
            failing.add_metric([name], count)
        yield failing
        servers = GaugeMetricFamily("zajil_federation_servers", "Other servers in need of something.", labels=["state"])
        servers.add_metric(["waiting"], sum(each.pdus + each.edus > 0 for each in self._servers))
        servers.add_metric(["failing"], sum(_failures(each) > 0 for each in self._servers))
        yield servers


def _failures(server: ServerStatus) -> int:
    return 0 if server.row is None else server.row.failures


async def write_queues(app: App) -> bytes:
    """What waits for other servers, as text; nothing while the database does not say."""
    if not app.config.federation:
        return b""
    try:
        servers = await app.db.read_slowly(lambda read: load_servers(app, read))
    except (StorageUnavailable, Busy):
        return b""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(QueueCollector(servers))
    return generate_latest(registry)
