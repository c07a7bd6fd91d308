"""Group commit, for every engine: what arrives while a commit is in flight forms the next batch (DESIGN §3). No timer, no delay when idle.

In a crowd what is urgent comes first in a batch, and what is patient waits for company, a little; nothing is left behind for long.
"""

import asyncio
import contextlib
import contextvars
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import structlog

from zajil.ports.database import Busy, Pace, Read, StorageUnavailable, Touch, Transaction, find_pace, touch_rooms_only
from zajil.storage.schema_keeper import SchemaKeeper

log = structlog.get_logger(__name__)

T = TypeVar("T")
Listener = Callable[[int, Sequence[Touch]], None]

BATCH_ITEMS_MAX = 256
QUEUE_ITEMS_MAX = 8192
CULPRITS_MAX = 3
"""Reruns of a batch without the item that broke it; then every item runs by itself."""
BUSY_RETRY_MS = 1000
FOREIGN_POLL_S = 0.1
PASS_WAIT_S_MAX = 0.1
LONG_WAIT_S = 0.1
LONG_WAITERS_MAX = 4
"""So many of each queue that has waited so long come before what is urgent."""
PATIENCE_S = 0.02
COMPANY_LEAST = 6
"""So many patient items need no more company. More of them would make something urgent that comes meanwhile wait too long."""


class Item(Generic[T]):
    """One caller's function and what became of it."""

    __slots__ = ("error", "function", "future", "outcome", "pace", "queued_at", "rooms")

    def __init__(
        self, function: Callable[[Transaction], Awaitable[T]], rooms: Sequence[str], future: "asyncio.Future[T]"
    ) -> None:
        self.function = function
        self.rooms = rooms
        self.future = future
        self.pace = find_pace()
        self.queued_at = time.monotonic()
        self.outcome: Any = None
        self.error: Exception | None = None

    @property
    def is_abandoned(self) -> bool:
        """Its caller has been cancelled."""
        return self.future.done()

    def settle(self) -> None:
        """Tell the caller what the last attempt came to."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.outcome)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class RolledBack(Exception):
    """Nothing of the attempt was kept. `culprit` is the item that broke it, if that is known."""

    def __init__(self, culprit: Item[Any] | None, error: Exception) -> None:
        super().__init__(str(error))
        self.culprit = culprit
        self.error = error


class GroupCommit(ABC):
    """The queue of one process's writes and the loop that commits them."""

    engine: ClassVar[str]
    reader: Read
    epoch: int

    def __init__(self) -> None:
        self.position = 0
        self._queues: list[deque[Item[Any]]] = [deque() for _ in Pace]
        self._urgent, self._ordinary, self._patient = self._queues
        self._batch: list[Item[Any]] = []
        """What is being written."""
        self._company = asyncio.Event()
        """What only patient items wait for."""
        self._listeners: list[Listener] = []
        self._foreign_listeners: list[Listener] = []
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False
        self._noticed = asyncio.Event()
        self._measure: Callable[[int, float, float], None] = lambda items, waited_s, took_s: None
        self._foreign_poll_s = FOREIGN_POLL_S
        self._keeper: SchemaKeeper | None = None
        self._keeping: asyncio.Task[None] | None = None

    def measure_batches(self, listener: Callable[[int, float, float], None]) -> None:
        self._measure = listener

    def notice(self, position: int) -> None:
        if position > self.position:
            self._noticed.set()

    async def _wait_for_notice(self) -> None:
        """Until the next poll for other processes' commits, or until one is announced."""
        await _wait(self._noticed, self._foreign_poll_s)
        self._noticed.clear()

    def take_turn(self) -> None:
        """Engines on which many may write at will have no turns; but every process that serves looks after the schema."""
        self._keeper = SchemaKeeper(self, self.engine)
        self._keeping = asyncio.create_task(self._keeper.run())

    def share_turn(self) -> None:
        """Engines on which many may write at will always tell what was committed."""
        return

    async def pass_turn(self) -> None:
        """Finish what is being written, as far as that has an end: requests may go on bringing more."""
        if self._running is not None:
            await asyncio.wait([self._running], timeout=PASS_WAIT_S_MAX)

    async def _stop_keeping(self) -> None:
        if self._keeping is not None and self._keeper is not None:
            keeping, self._keeping = self._keeping, None
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            with contextlib.suppress(StorageUnavailable, Busy):
                await self._keeper.leave()

    async def find_rooms_written_since(self) -> list[str]:
        return []

    @abstractmethod
    async def catch_up(self) -> None: ...

    @abstractmethod
    async def read_slowly(self, query: Callable[[Read], Awaitable[T]]) -> T: ...

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    def _check_room(self) -> None:
        """Raises `StorageFull` when what is about to be written would not find room."""
        return

    async def _wait_for_turn(self) -> None:
        """Until this process may write."""
        return

    def subscribe(self, listener: Listener, foreign: Listener | None = None) -> None:
        self._listeners.append(listener)
        self._foreign_listeners.append(
            foreign or (lambda position, touches: listener(position, touches if touch_rooms_only(touches) else ()))
        )

    async def write(self, item: Callable[[Transaction], Awaitable[T]], *, rooms: Sequence[str] = ()) -> T:
        if self._is_closed:
            raise StorageUnavailable("the database is closed")
        self._check_room()
        if sum(map(len, self._queues)) >= QUEUE_ITEMS_MAX:
            raise Busy(BUSY_RETRY_MS)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        queued = Item(item, rooms, future)
        self._queues[queued.pace].append(queued)
        if not self._is_patient:
            self._company.set()
        if self._running is None:
            # Not in the context of this caller: what listeners begin when something is committed is not theirs.
            self._running = loop.create_task(self._drain(), context=contextvars.Context())
        return await future

    @property
    def _is_patient(self) -> bool:
        """Whether all that waits may wait for more."""
        return not self._urgent and not self._ordinary and 0 < len(self._patient) < COMPANY_LEAST

    async def _wait_for_company(self) -> None:
        """Until there is something to be committed that should not wait, or enough, or the first has waited long enough."""
        self._company.clear()
        await _wait(self._company, self._patient[0].queued_at + PATIENCE_S - time.monotonic())

    def _take_batch(self) -> list[Item[Any]]:
        """What is urgent comes first, but for a few of those that others have made wait for long."""
        waited_since = time.monotonic() - LONG_WAIT_S
        batch: list[Item[Any]] = []
        for queue in (self._patient, self._ordinary):
            if queue and queue[0].queued_at < waited_since:
                batch += [queue.popleft() for _ in range(min(LONG_WAITERS_MAX, len(queue)))]
        for queue in self._queues:
            batch += [queue.popleft() for _ in range(min(BATCH_ITEMS_MAX - len(batch), len(queue)))]
        return batch

    def _join_urgent(self) -> list[Item[Any]]:
        """What is urgent and waits becomes part of the batch that is being written."""
        joined = list(self._urgent)
        self._urgent.clear()
        self._batch += joined
        return joined

    def _put_back(self, items: list[Item[Any]]) -> None:
        """What a batch did not get to comes first in the next."""
        for item in reversed(items):
            self._queues[item.pace].appendleft(item)

    @abstractmethod
    async def _attempt(self, batch: list[Item[Any]]) -> list[Item[Any]]:
        """Run and commit a batch in one transaction and settle its items; returns those it did not get to.

        Raises `RolledBack` when nothing was kept, `StorageUnavailable` when nothing can be.
        """

    async def _finish_writes(self) -> None:
        """Take no more writes and wait for those that wait already."""
        await self._stop_keeping()
        self._is_closed = True
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _drain(self) -> None:
        try:
            while any(self._queues):
                if self._is_patient:
                    await self._wait_for_company()
                await self._wait_for_turn()
                batch = self._batch = self._take_batch()
                began = time.monotonic()
                try:
                    left = await self._settle(list(batch))
                    self._put_back(left)
                    first_queued_at = min(item.queued_at for item in batch)
                    self._measure(len(batch) - len(left), began - first_queued_at, time.monotonic() - began)
                except Exception as error:
                    if not isinstance(error, StorageUnavailable):
                        log.exception("group commit failed")
                    for item in batch:
                        item.fail(error)
                except BaseException:
                    self._put_back(batch)
                    for queue in self._queues:
                        for item in queue:
                            item.fail(StorageUnavailable("the server is stopping"))
                        queue.clear()
                    raise
        finally:
            self._running = None

    async def _settle(self, batch: list[Item[Any]]) -> list[Item[Any]]:
        """Commit all items: together, without those that break the batch, and these one by one. Returns those there was no time for."""
        alone: list[Item[Any]] = []
        left: list[Item[Any]] = []
        while batch:
            try:
                left = await self._attempt(batch)
                break
            except RolledBack as failure:
                if len(batch) == 1:
                    batch[0].fail(failure.error)
                    break
                if failure.culprit is None or len(alone) == CULPRITS_MAX:
                    alone += batch
                    break
                alone.append(failure.culprit)
                batch.remove(failure.culprit)
        for item in alone:
            await self._attempt_alone(item)
        return left

    async def _attempt_alone(self, item: Item[Any]) -> None:
        try:
            await self._attempt([item])
        except RolledBack as failure:
            item.fail(failure.error)

    def _announce(
        self,
        items: Sequence[Item[Any]],
        position: int,
        touches: Sequence[Touch],
        callbacks: Sequence[Callable[[], None]] = (),
    ) -> None:
        """Of what was committed: memory first, then everybody. What they raise cannot undo a commit, so it is only logged.

        Who wrote goes on before all who are woken by it, in the next round of the event loop.
        """
        for item in items:
            item.settle()
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("an on_commit callback failed", position=position)
        if position > self.position or touches:
            self._tell(self._listeners, position, touches)

    def _announce_foreign(self, position: int, touches: Sequence[Touch] = ()) -> None:
        """Another process has committed; no touches mean that anything may have changed."""
        self._tell(self._foreign_listeners, position, touches)

    def _tell(self, listeners: Sequence[Listener], position: int, touches: Sequence[Touch]) -> None:
        self.position = max(self.position, position)
        for listener in listeners:
            try:
                listener(self.position, touches)
            except Exception:
                log.exception("a listener of the log failed", position=position)


async def _wait(event: asyncio.Event, duration_s: float) -> None:
    """Until the event is set, or for so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration_s):
            await event.wait()
