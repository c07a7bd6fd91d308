"""What this process counts about itself: for `/metrics`, and for the status of the server. Counting must cost next to nothing.

Prometheus' own histograms take a lock and two microseconds an observation; on the path of every message that is too much. So here are plain lists of
numbers, which `http/metrics.py` turns into Prometheus' text when it is asked.
"""

import time
from bisect import bisect_left
from collections import deque
from typing import Final

from zajil.services.federation_counts import FederationCounts

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ITEMS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BATCHES_REMEMBERED: Final = 512
BATCHES_WINDOW_S: Final = 12.0
PUSHERS_REMEMBERED: Final = 10_000
PUSHERS_WINDOW_S: Final = 600.0


class Histogram:
    """Counts by upper bound, the last one without; and the sum of what was counted."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Measurements:
    """Everything counted in this process since its start."""

    def __init__(self) -> None:
        self.routes: dict[str, Histogram] = {}
        """By method and path pattern."""
        self.statuses: dict[int, int] = {}
        self.unavailable = 0
        """Answers with 503 for want of storage: these are failures, the other 503 are there to spread load."""
        self.limits: dict[str, int] = {}
        """Requests that were answered with 429 or 503, by the name of the route's limit."""
        self.batch_items = Histogram(ITEMS)
        self.batch_seconds = Histogram()
        self.queue_wait = Histogram()
        self.loop_lag = Histogram()
        self._batches: deque[tuple[float, float, float]] = deque(maxlen=BATCHES_REMEMBERED)
        self._pushers: dict[int, tuple[float, str | None]] = {}
        """When a pusher was last tried, and the URL if that failed."""
        self.pushes = {True: 0, False: 0}
        self.is_disk_full = False
        self.federation = FederationCounts()

    def find_route(self, name: str) -> Histogram:
        """The histogram of a route, made when it is first asked for."""
        return self.routes.setdefault(name, Histogram())

    def note_request(self, route: Histogram, status: int, seconds: float) -> None:
        route.counts[bisect_left(SECONDS, seconds)] += 1
        route.total += seconds
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def note_shed(self, limit: str) -> None:
        """A request was refused for the sake of others."""
        self.limits[limit] = self.limits.get(limit, 0) + 1

    def note_batch(self, items: int, waited_s: float, took_s: float) -> None:
        """A group commit: how many items, how long the first of them waited before it began, how long it took."""
        self.batch_items.note(items)
        self.queue_wait.note(waited_s)
        self.batch_seconds.note(took_s)
        self._batches.append((time.monotonic(), waited_s, took_s))

    def count_requests(self) -> tuple[int, int, int]:
        """Requests answered so far, those of them with an error of ours, and those that were shed."""
        total, errors, shed = 0, self.unavailable, -self.unavailable
        for status, count in self.statuses.items():
            total += count
            if status in (429, 503):
                shed += count
            elif status >= 500:
                errors += count
        return total, errors, shed

    def read_batches(self, now_s: float, window_s: float = BATCHES_WINDOW_S) -> tuple[float | None, float | None]:
        """Of the last `window_s` seconds the wait that was longest, and the duration that a tenth of the commits exceeded, in seconds.

        One slow commit among few is bad luck, so of few it is the second slowest.
        """
        recent = [each for each in self._batches if now_s - each[0] <= window_s]
        if not recent:
            return None, None
        took = sorted((each[2] for each in recent), reverse=True)
        slow = took[max(1, len(took) // 10)] if len(took) > 1 else None
        waited = sorted((each[1] for each in recent), reverse=True)
        return waited[min(1, len(waited) - 1)], slow

    def read_last_batch_s(self) -> float:
        """How long the last commit took; 0 before the first."""
        return self._batches[-1][2] if self._batches else 0.0

    def note_push(self, pusher: int, failed_url: str | None) -> None:
        """A pusher was tried; `failed_url` is its gateway's when that did not take the notification."""
        self.pushes[failed_url is None] += 1
        self._pushers.pop(pusher, None)
        if len(self._pushers) >= PUSHERS_REMEMBERED:
            del self._pushers[next(iter(self._pushers))]
        self._pushers[pusher] = (time.monotonic(), failed_url)

    def read_pushers(self, now_s: float) -> tuple[int, int]:
        """Pushers tried lately, and those of them that failed last."""
        recent = [url for tried_s, url in self._pushers.values() if now_s - tried_s <= PUSHERS_WINDOW_S]
        return len(recent), sum(url is not None for url in recent)

    def failing_gateways(self) -> list[str]:
        """URLs that did not take a notification when they were last asked to."""
        return sorted({url for _, url in self._pushers.values() if url is not None})

    def forget_failures(self, url: str) -> None:
        """The gateway answers again."""
        for pusher, (tried_s, failed_url) in list(self._pushers.items()):
            if failed_url == url:
                self._pushers[pusher] = (tried_s, None)
