"""SQLite: reads and inserts on the event loop, where they cost microseconds; the fsync of a commit in a thread.

Statements run on the loop's own thread because handing each to another thread costs more in lock hand-overs than the statement itself.
Only COMMIT waits for the disk, so only COMMIT leaves the loop; what arrives meanwhile forms the next batch (DESIGN §3, group commit).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from zajil.ports.database import Pace, Read, StorageFull, StorageUnavailable, essential_writes
from zajil.storage.group_commit import FOREIGN_POLL_S, GroupCommit, Item, RolledBack
from zajil.storage.sqlite import files
from zajil.storage.sqlite.checkpoints import Checkpointer
from zajil.storage.sqlite.commit_thread import CommitThread
from zajil.storage.sqlite.disk_space import DiskSpace
from zajil.storage.sqlite.shared_log import read_touches, write_touches
from zajil.storage.sqlite.slow_reads import SlowReader
from zajil.storage.sqlite.statements import SqliteRead, SqliteTransaction, run_to_end, translate_error
from zajil.storage.sqlite.writer_turn import WriterTurn

T = TypeVar("T")

BATCH_S_MAX = 0.010
"""After this time on the event loop a batch takes no further items."""
COMPANY_S_MAX = 0.001
"""After this time, or a quarter of what a commit takes, a batch with something urgent takes no more that is not, but for one."""
LOCK_WAIT_S_MAX = 5.0
LOCK_PAUSE_S = 0.001
OVERLAP_POLL_S = 0.005


class SqliteDatabase(GroupCommit):
    """`ports.database.Database` on one SQLite file in WAL mode with `synchronous=FULL`."""

    engine = files.ENGINE

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._writer = files.open_connection(path)
        self.epoch: int = files.prepare(self._writer)
        self._wal_pages = 0
        self._writer.set_wal_hook(self._note_wal_pages)
        self._read_connection = files.open_connection(path, read_only=True)
        self.reader: Read = SqliteRead(self._read_connection)
        self.position, self._commits = self._read_head()
        self._committer = CommitThread(self._writer)
        self._checkpointer = Checkpointer(path, lambda: self._wal_pages)
        self._slow_reader = SlowReader(path, lambda: self._checkpointer.is_over_limit)
        self._background: list[asyncio.Task[None]] = []
        self._turn = WriterTurn(path)
        self._space = DiskSpace(path)
        self._is_foreign_heard = True
        self._is_turn_shared = False
        self._batch_over = asyncio.Event()
        self._batch_over.set()
        self._hinted_nid = 0

    def start(self) -> None:
        """Begin checkpointing and watching for other processes' commits; needs a running loop."""
        self._background.append(asyncio.create_task(self._checkpointer.run()))
        self._background.append(asyncio.create_task(self._watch_foreign_commits()))

    async def read_slowly(self, query: Callable[[Read], Awaitable[T]]) -> T:
        return await self._slow_reader.run(query)

    def take_turn(self) -> None:
        self._turn.take()
        self._is_turn_shared = False
        self._space.start()
        super().take_turn()

    def share_turn(self) -> None:
        self._is_turn_shared = True

    async def pass_turn(self) -> None:
        await super().pass_turn()
        # What others write is not announced here any more: it would wake every parked sync at once. They are sent away little by little.
        self._is_foreign_heard = False
        self._hinted_nid = self._read_next_nid()
        self._turn.give()

    async def find_rooms_written_since(self) -> list[str]:
        since, self._hinted_nid = self._hinted_nid, self._read_next_nid()
        rows = self._read_connection.execute(
            "SELECT DISTINCT r.room_id FROM events e JOIN rooms r ON r.room_nid = e.room_nid WHERE e.event_nid >= ?",
            (since,),
        )
        return [room_id for (room_id,) in rows]

    def _read_next_nid(self) -> int:
        next_nid: int = self._read_connection.execute("SELECT next_id FROM log_head").get
        return next_nid

    async def _wait_for_turn(self) -> None:
        await self._turn.wait()

    async def close(self) -> None:
        await self._finish_writes()
        self._space.stop()
        self._turn.give()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.to_thread(self._close_connections)

    def _close_connections(self) -> None:
        self._slow_reader.close()
        self._checkpointer.close()
        self._committer.close()
        self._read_connection.close()
        self._writer.close()

    def _check_room(self) -> None:
        self._space.check(is_essential=essential_writes.get())

    def _note_wal_pages(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _read_head(self) -> tuple[int, int]:
        """The last position, and the number of commits, as the newest commit left them."""
        row = self._read_connection.execute("SELECT position, commits FROM log_head").fetchone()
        return cast(tuple[int, int], row)

    async def _attempt(self, batch: list[Item[Any]]) -> list[Item[Any]]:
        await self._committer.rest()
        await self._begin()
        self._batch_over.clear()
        try:
            tx = self._open_transaction()
            reached = await self._run_items(tx, batch)
            if tx.writes:
                if self._is_turn_shared or self._turn.is_shared:
                    write_touches(self._writer, self._commits + 1, tx.touches)
                self._writer.execute(
                    "UPDATE log_head SET position = ?, next_id = ?, commits = ?",
                    (tx.position, tx.next_id, self._commits + 1),
                )
                hear = partial(self._hear_commit, tx, batch[:reached])
                await self._committer.commit(hear, restarts_log=self._checkpointer.take_restart())
            else:
                self._writer.execute("ROLLBACK")
                for item in batch[:reached]:
                    item.settle()
        except BaseException as error:
            self._roll_back()
            raise self._find_cause(error) from error
        finally:
            self._batch_over.set()
        return batch[reached:]

    def _hear_commit(self, tx: SqliteTransaction, items: list[Item[Any]]) -> None:
        """The transaction is on disk."""
        self._commits += 1
        self._announce(items, tx.position, tx.touches, tx.callbacks)

    def _find_cause(self, error: BaseException) -> BaseException:
        """What an attempt that failed is reported as. A small item may find the room that a large one did not; but when the disk takes nothing
        at all, trying them one by one is no use.
        """
        told: BaseException = error.error if isinstance(error, RolledBack) else error
        if isinstance(told, apsw.Error):
            told = translate_error(told)
        if isinstance(told, StorageFull):
            self._space.note_full()
        elif isinstance(told, StorageUnavailable):
            return told
        if not isinstance(error, apsw.Error):
            return error
        return told if isinstance(told, StorageUnavailable) else StorageUnavailable(str(error))

    def _open_transaction(self) -> SqliteTransaction:
        head = self._writer.execute("SELECT position, next_id, commits FROM log_head").fetchone()
        position, next_id, commits = cast(tuple[int, int, int], head)
        self._hear_others(self._writer, position, commits)
        return SqliteTransaction(self._writer, position, next_id)

    async def _run_items(self, tx: SqliteTransaction, batch: list[Item[Any]]) -> int:
        """Run items until the time is up; returns how many. Raises `RolledBack` when one breaks the batch, without rolling back.

        Between items that can wait others have their turn, and what is urgent and has come meanwhile comes next.
        """
        began = time.monotonic()
        urgent_end = max((place + 1 for place, item in enumerate(batch) if item.pace is Pace.URGENT), default=0)
        company_s_max = max(COMPANY_S_MAX, self._committer.took_s / 4)
        reached = 0
        while reached < len(batch):
            if reached and not urgent_end and batch[reached].pace is Pace.PATIENT:
                paused = time.monotonic()
                await asyncio.sleep(0)
                began += time.monotonic() - paused
                if joined := self._join_urgent():
                    batch[reached:reached] = joined
                    urgent_end = reached + len(joined)
            took_s = time.monotonic() - began
            if reached and (took_s > BATCH_S_MAX or (reached > urgent_end > 0 and took_s > company_s_max)):
                break
            self._run_item(tx, batch[reached])
            reached += 1
        return reached

    def _run_item(self, tx: SqliteTransaction, item: Item[Any]) -> None:
        if item.is_abandoned:
            return
        item.error = None
        writes = tx.writes
        try:
            item.outcome = run_to_end(item.function(tx))
        except Exception as error:
            item.error = error
        if tx.failure is not None:
            raise RolledBack(item, item.error or tx.failure)
        if item.error is not None and tx.writes != writes:
            raise RolledBack(item, item.error)

    def _roll_back(self) -> None:
        with contextlib.suppress(apsw.Error):  # who was cancelled behind a commit finds the connection in use
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    async def _begin(self) -> None:
        """Take the write lock, polling while another process has it, because waiting in SQLite would stop the event loop."""
        deadline = time.monotonic() + LOCK_WAIT_S_MAX
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise StorageUnavailable("another process holds the write lock") from None
            except apsw.Error as error:
                raise translate_error(error) from None
            await asyncio.sleep(LOCK_PAUSE_S)

    async def _watch_foreign_commits(self) -> None:
        """Another process (the command line, a worker that takes over) may commit while this one does not: notice it and wake everybody."""
        while True:
            # While two workers serve side by side, whoever was answered by the one may ask the other next.
            self._foreign_poll_s = OVERLAP_POLL_S if self._turn.is_shared else FOREIGN_POLL_S
            await self._wait_for_notice()
            if self._is_foreign_heard:
                await self.catch_up()

    async def catch_up(self) -> None:
        # The batch under way has looked before. But its own commit may be on disk already, and that of another process behind it, before this
        # process hears of either: whoever was told of the latter by the other must not be taken for somebody from the future. The next batch
        # looks again when it begins.
        await self._batch_over.wait()
        if not self._batch_over.is_set():
            return
        with contextlib.suppress(apsw.Error):
            self._hear_others(self._read_connection, *self._read_head())

    def _hear_others(self, connection: apsw.Connection, position: int, commits: int) -> None:
        """The log's head is this: tell what other processes have committed since it was looked at last."""
        if commits != self._commits:
            touches = read_touches(connection, self._commits, commits)
            self._commits = commits
            if touches is None:
                self._announce_foreign(position)
            elif touches:
                self._announce_foreign(position, touches)
