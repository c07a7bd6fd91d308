"""The database as services see it: a reader, one group-committing writer, and the position of the one log (DESIGN §3).

Store code is written once, as coroutines over `Read` and `Transaction`. SQLite runs them without ever suspending, PostgreSQL awaits the network.
SQL uses `?` placeholders and the dialect both engines share; integers are BIGINT, flags are 0/1 integers, JSON is a blob.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeVar

Value = str | bytes | int | float | None
Row = Sequence[Any]
T = TypeVar("T")


class Stream(StrEnum):
    """What an entry of the log is about. The key that goes with it is named on the right."""

    EVENTS = "events"  # room ID
    RECEIPTS = "receipts"  # room ID
    MEMBERSHIP = "membership"  # user ID whose membership changed
    ACCOUNT_DATA = "account_data"  # user ID
    TO_DEVICE = "to_device"  # user ID
    DEVICE_LISTS = "device_lists"  # user ID whose devices or keys changed
    PROFILES = "profiles"  # user ID whose profile changed
    ONE_TIME_KEYS = "one_time_keys"  # user ID whose unclaimed keys changed
    SESSIONS = "sessions"  # user ID whose access tokens or standing changed
    NOTIFICATIONS = "notifications"  # user ID who has read something in private
    PUSHERS = "pushers"  # user ID whose pushers changed
    FEDERATION = "federation"  # server that an operator has decided something about; empty: the rules for all
    DELIVERED = "delivered"  # room ID in which marks of delivery were written; has no positions


Touch = tuple[Stream, str]


_OF_ROOMS = (Stream.EVENTS, Stream.FEDERATION, Stream.DELIVERED, Stream.PUSHERS)


def touch_rooms_only(touches: Sequence[Touch]) -> bool:
    """Whether of what most listeners remember only these rooms are out of date, and nobody's membership. Of other servers, of what was
    delivered and of pushers only those remember anything who listen for it.
    """
    return bool(touches) and all(stream in _OF_ROOMS for stream, _ in touches)


class Read(Protocol):
    """Queries. Outside a transaction every statement sees the newest committed data."""

    async def fetch(self, sql: str, *args: Value) -> list[Row]: ...

    async def fetch_row(self, sql: str, *args: Value) -> Row | None: ...

    async def fetch_value(self, sql: str, *args: Value) -> Any: ...


class Transaction(Read, Protocol):
    """One item of a group commit.

    Decide first, then write: an exception raised before the first write fails this item alone; one raised after it rolls the whole batch back
    and runs the others again. The function of an item may therefore run twice and must touch memory only through `on_commit`.
    When a statement fails the item fails, whether it catches that or not. Writes may be sent later than they are made, so an item that wants to know
    of a `Conflict` catches it around `write`, or uses `execute_counting`.
    """

    async def execute(self, sql: str, *args: Value) -> None: ...

    async def execute_counting(self, sql: str, *args: Value) -> int:
        """Run one statement and return the number of rows it changed."""

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None: ...

    async def new_ids(self, count: int) -> int:
        """Reserve `count` consecutive local numbers; returns the first."""

    async def append(self, stream: Stream, key: str) -> int:
        """Take the next position of the log and announce (stream, key) at it once committed."""

    def touch(self, stream: Stream, key: str) -> None:
        """Announce one more thing at the position taken last."""

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` right after the commit, before anybody is told. It must not raise."""

    @property
    def scratch(self) -> dict[Any, Any]:
        """Memory shared by the items of this attempt at a batch; gone when the attempt ends."""


class Database(Protocol):
    """One process's access to the database."""

    @property
    def reader(self) -> Read: ...

    @property
    def epoch(self) -> int:
        """The log's epoch: a restored backup starts a new one."""

    @property
    def position(self) -> int:
        """The last position this process has announced."""

    async def write(self, item: Callable[[Transaction], Awaitable[T]], *, rooms: Sequence[str] = ()) -> T:
        """Run `item` in the next group commit; returns once it is on disk. `rooms` are the room IDs whose heads it will change.

        Raises whatever `item` raises, `Busy` when the queue is full, `StorageUnavailable` when nothing can be written,
        `Conflict` and `UnfitValue` for what the database refuses. Cancelled before its turn, it does not run.
        """

    async def read_slowly(self, query: Callable[[Read], Awaitable[T]]) -> T:
        """Run a long query on one snapshot, off the event loop; bounded in number (`Busy`) and time (`TooSlow`)."""

    def subscribe(
        self,
        listener: Callable[[int, Sequence[Touch]], None],
        foreign: Callable[[int, Sequence[Touch]], None] | None = None,
    ) -> None:
        """Call `listener(position, touches)` after every commit of this process that appended to the log.

        After another process has appended, call `foreign(position, touches)`; no touches mean that anything may have changed.
        Without `foreign`, `listener(position, touches)` is called instead if they `touch_rooms_only`, else `listener(position, ())`.
        What processes remember must change together with an append, or the others need not hear of it.
        """

    def measure_batches(self, listener: Callable[[int, float, float], None]) -> None:
        """Call `listener(items, waited_s, took_s)` after every group commit: its size, the wait of its first item, its duration."""

    def notice(self, position: int) -> None:
        """Another process says that the log has reached `position`: look now rather than at the next poll."""

    def start(self) -> None:
        """Begin the background work; needs a running event loop."""

    def take_turn(self) -> None:
        """From now on this process writes as much as it likes, as soon as the one that does so now has passed its turn (or ended).

        Writes wait for that, for a few seconds at most. Processes that write little never take the turn and need not wait for it.
        """

    def share_turn(self) -> None:
        """A successor or predecessor serves beside this process: it should learn exactly what is committed here. Until `take_turn`, which knows."""

    async def pass_turn(self) -> None:
        """Finish what is being written and let the successor write; from now on this process writes little."""

    async def find_rooms_written_since(self) -> list[str]:
        """After the turn was passed: IDs of rooms in which others have sent since this was asked last. None when `subscribe` tells of them."""

    async def catch_up(self) -> None:
        """Look now for what other processes have committed."""

    async def close(self) -> None: ...


class Busy(Exception):
    """More work is queued than the named limit allows; try again in `retry_after_ms`."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"busy, retry after {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


class TooSlow(Busy):
    """A long query took more time than it may; its snapshot would have held up the database."""


class Conflict(Exception):
    """A row that must be unique is there already, or another rule of the schema forbids the write."""


class UnfitValue(Exception):
    """A value no database takes: NUL or half a surrogate pair in a text, an integer beyond 64 bits."""


class StorageUnavailable(Exception):
    """The database cannot take writes now (read-only, gone, damaged)."""

    told = "The server cannot store anything right now; what you sent was not stored. Try again soon."
    retry_after_ms = 2_000


class StorageFull(StorageUnavailable):
    """The disk is full, or about to be."""

    told = "The server's disk is full; what you sent was not stored. Reading goes on. Try again later."
    retry_after_ms = 30_000


essential_writes: ContextVar[bool] = ContextVar("essential_writes", default=False)
"""Set around what must go on when the disk is full: what makes room, or makes the server safe."""


class Pace(IntEnum):
    """How long a write may wait for others. A smaller number goes first."""

    URGENT = 0
    """What others should not make wait: messages of conversations."""
    ORDINARY = 1
    PATIENT = 2
    """Rather waits a little to be committed with others than makes others wait for its commit."""


_pace_of_task: ContextVar[tuple[Pace, "weakref.ref[asyncio.Task[Any]]"] | None] = ContextVar("pace_of_task", default=None)
"""Refers to its task weakly: the task has the context that has this."""


def set_pace(pace: Pace) -> None:
    """Of what the present task writes from now on; not of what tasks write that it begins."""
    task = asyncio.current_task()
    if task is not None:
        _pace_of_task.set((pace, weakref.ref(task)))


def find_pace() -> Pace:
    """Of what the present task writes."""
    known = _pace_of_task.get()
    return known[0] if known is not None and known[1]() is asyncio.current_task() else Pace.ORDINARY
