"""`/metrics` for Prometheus: what this process counted, put into Prometheus' form when it is asked for.

It tells how much a server is used, so it is not public: it takes the token of the configuration, or an administrator's access token.
With several workers the one that is asked asks the others (`metrics_exchange`), and every series says in `worker` whose it is.
"""

import hmac
import resource
import time
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from zajil.core.admission_work import Work
from zajil.http.federation_metrics import collect_counts, write_queues
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, Route
from zajil.services.app import App
from zajil.services.errors import forbidden
from zajil.services.measurements import Histogram

STARTED_S: Final = time.time()


def add_histogram(family: HistogramMetricFamily, labels: list[str], counted: Histogram) -> None:
    names = [*(f"{bound:g}" for bound in counted.bounds), "+Inf"]
    family.add_metric(labels, list(zip(names, accumulate(counted.counts), strict=True)), counted.total)


class AppCollector(Collector):
    """The numbers of one worker; `worker` is the label that each of them gets, empty for none."""

    def __init__(self, app: App, worker: str = "") -> None:
        self._app = app
        self._worker = worker

    def collect(self) -> Iterator[Any]:
        for family in self._collect():
            if self._worker:
                for each in family.samples:
                    each.labels["worker"] = self._worker
            yield family

    def _collect(self) -> Iterator[Any]:
        yield from self._collect_requests()
        yield from self._collect_admission()
        yield from self._collect_work()
        if self._app.config.federation:
            yield from collect_counts(self._app)
        yield from self._collect_memory()

    def _collect_requests(self) -> Iterator[Any]:
        counted = self._app.measurements
        times = HistogramMetricFamily(
            "zajil_request_seconds", "Time to the answer; a /sync includes its waiting.", labels=["method", "route"]
        )
        for name, each in counted.routes.items():
            if any(each.counts):
                method, _, route = name.partition(" ")
                add_histogram(times, [method, route], each)
        yield times
        yield build_counter("zajil_responses", "Answers by status.", "status", counted.statuses.items())
        yield build_counter("zajil_limits_hit", "Requests refused by a limit.", "limit", counted.limits.items())

    def _collect_admission(self) -> Iterator[Any]:
        admission = self._app.admission
        refused = [(work.name.lower(), admission.refused[work]) for work in Work]
        yield build_counter("zajil_admission_refused", "Requests refused at the edge.", "work", refused)
        for name, text, count in (
            ("zajil_new_rooms_refused", "Messages to one more new chat, refused.", self._app.new_rooms.refused),
            ("zajil_remote_messages_delayed", "Others' messages that wait.", self._app.slowed_senders.delayed),
            ("zajil_invitations_refused", "Invitations refused.", self._app.invitations.refused),
        ):
            yield CounterMetricFamily(name, text, value=count)
        for name, text, value in (
            ("zajil_admission_running", "Places taken by requests under way.", admission.running),
            ("zajil_admission_waiting", "Requests that wait to be let in.", admission.waiting),
            ("zajil_admission_limit", "Places there are now.", admission.limit.value),
        ):
            yield GaugeMetricFamily(name, text, value=value)

    def _collect_work(self) -> Iterator[Any]:
        counted = self._app.measurements
        for name, text, each in (
            ("zajil_commit_items", "Writes in a group commit.", counted.batch_items),
            ("zajil_commit_seconds", "Duration of a group commit.", counted.batch_seconds),
            ("zajil_commit_wait_seconds", "Wait of a group commit's first write.", counted.queue_wait),
            ("zajil_event_loop_lag_seconds", "How late the event loop is.", counted.loop_lag),
        ):
            family = HistogramMetricFamily(name, text, labels=[])
            add_histogram(family, [], each)
            yield family
        pushes = [("taken", counted.pushes[True]), ("refused", counted.pushes[False])]
        yield build_counter("zajil_pushes", "Rounds to push gateways.", "result", pushes)

    def _collect_memory(self) -> Iterator[Any]:
        app = self._app
        usage = resource.getrusage(resource.RUSAGE_SELF)
        gauges = [
            ("zajil_syncs_parked", "Syncs that wait for something new.", app.notifier.count_parked()),
            ("zajil_log_position", "The last position of the log.", app.db.position),
            ("zajil_cached_sessions", "Access tokens in memory.", len(app.sessions.known)),
            ("zajil_cached_rooms", "Rooms in memory.", app.rooms.count()),
            ("zajil_pushers_failing", "Pushers whose gateway failed last.", self._count_failing_pushers()),
            ("zajil_process_resident_bytes", "Largest resident memory so far.", usage.ru_maxrss * 1024),
            ("zajil_process_start_seconds", "When this process began.", STARTED_S),
        ]
        for name, text, value in gauges:
            yield GaugeMetricFamily(name, text, value=value)
        cpu = CounterMetricFamily("zajil_process_cpu_seconds", "Processor time.", value=usage.ru_utime + usage.ru_stime)
        yield cpu

    def _count_failing_pushers(self) -> int:
        return self._app.measurements.read_pushers(time.monotonic())[1]


def build_counter(name: str, text: str, label: str, values: Iterable[tuple[Any, int]]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in sorted(values):
        family.add_metric([str(key)], value)
    return family


def write_metrics(app: App, worker: str = "") -> bytes:
    """The numbers of this process as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(AppCollector(app, worker))
    return generate_latest(registry)


async def get_metrics(app: App, request: Request) -> Response:
    """Everything, as text."""
    if not await may_read(app, request):
        raise forbidden("The metrics take metrics_token, or an administrator's access token.")
    text = write_metrics(app) if app.gather_metrics is None else await app.gather_metrics()
    text += await write_queues(app)
    return Response(text, 200, [(b"content-type", CONTENT_TYPE_LATEST.encode())])


async def may_read(app: App, request: Request) -> bool:
    scheme, _, token = (request.header(b"authorization") or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return False
    wanted = app.config.metrics_token
    if wanted and hmac.compare_digest(token.encode(), wanted.encode()):
        return True
    requester = await app.sessions.find(token)
    return requester.is_admin and not requester.is_locked


ROUTES: Final = [Route("GET", "/metrics", get_metrics, Auth.NONE, summary="Measurements for Prometheus.")]
