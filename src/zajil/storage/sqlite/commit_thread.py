"""The one thread that waits for the disk on the write path. A plain queue and one callback: an executor's two futures cost 40 µs more a commit."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import apsw


class Call:
    """Something the thread is to do, and what is done on the event loop as soon as it has succeeded."""

    __slots__ = ("is_over", "over", "then", "work")

    def __init__(self, work: Callable[[], object], then: Callable[[], object], over: "asyncio.Future[None]") -> None:
        self.work = work
        self.then = then
        self.over = over
        self.is_over = False

    def finish(self, error: Exception | None) -> None:
        """To be called on the event loop."""
        self.is_over = True
        if error is None:
            try:
                self.then()
            except Exception as failure:  # out of memory, say: whoever waits must hear of it
                error = failure
        if self.over.done():  # who waited was cancelled
            return
        if error is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(error)


class CommitThread:
    """Works on a connection that nobody else touches meanwhile."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.took_s = 0.0
        """The last commit, in seconds."""
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    async def commit(self, then: Callable[[], object]) -> None:
        """Returns when the transaction is on disk. `then` is called as soon as it is: who waits here goes on some rounds of the event loop later."""
        await self._call(self._commit, then)

    async def restart_log(self) -> None:
        """Copy what is left of the write-ahead log and begin it again, unless somebody reads from it."""
        await self._call(self._restart_log, lambda: None)

    async def _call(self, work: Callable[[], object], then: Callable[[], object]) -> None:
        """Once begun it is waited for even if the caller is cancelled: its outcome must be known."""
        loop = asyncio.get_running_loop()
        call = Call(work, then, loop.create_future())
        self._calls.put(call)
        try:
            await call.over
        except asyncio.CancelledError:
            while not call.is_over:
                call.over = loop.create_future()
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    await call.over
            raise

    def close(self) -> None:
        self._calls.put(None)
        self._thread.join()

    def _commit(self) -> None:
        began = time.monotonic()
        self._connection.execute("COMMIT")
        self.took_s = time.monotonic() - began

    def _restart_log(self) -> None:
        with contextlib.suppress(apsw.Error):  # busy, or the checkpointer will say what is wrong
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            error: Exception | None = None
            try:
                call.work()
            except Exception as failure:
                error = failure
            call.over.get_loop().call_soon_threadsafe(call.finish, error)
