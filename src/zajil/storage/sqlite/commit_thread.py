"""The one thread that waits for the disk on the write path. A plain queue and one callback: an executor's two futures cost 40 µs more a commit."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import apsw


class Call:
    """A commit the thread is to make, and what is done on the event loop as soon as it has succeeded."""

    __slots__ = ("is_over", "over", "restarting", "then")

    def __init__(
        self, then: Callable[[], object], over: "asyncio.Future[None]", restarting: "asyncio.Future[None] | None"
    ) -> None:
        self.then = then
        self.over = over
        self.restarting = restarting
        """Done when the log has been begun again behind the commit, if it is to be."""
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
        self._restarting: asyncio.Future[None] | None = None
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    async def commit(self, then: Callable[[], object], *, restarts_log: bool = False) -> None:
        """Returns when the transaction is on disk. `then` is called as soon as it is: who waits here goes on some rounds of the event loop later.

        With `restarts_log` the write-ahead log is begun again after it, while those who waited go on; the connection is free when `rest` returns.
        Once begun it is waited for even if the caller is cancelled: its outcome must be known.
        """
        loop = asyncio.get_running_loop()
        self._restarting = loop.create_future() if restarts_log else None
        call = Call(then, loop.create_future(), self._restarting)
        self._calls.put(call)
        try:
            await call.over
        except asyncio.CancelledError:
            while not call.is_over:
                call.over = loop.create_future()
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    await call.over
            raise

    async def rest(self) -> None:
        """Until the thread does nothing any more."""
        if self._restarting is not None:
            await asyncio.wait([self._restarting])
            self._restarting = None

    def close(self) -> None:
        self._calls.put(None)
        self._thread.join()

    def _commit(self) -> None:
        began = time.monotonic()
        self._connection.execute("COMMIT")
        self.took_s = time.monotonic() - began

    def _restart_log(self) -> None:
        """Copy what is left of the write-ahead log and begin it again, unless somebody reads from it."""
        with contextlib.suppress(apsw.Error):  # busy, or the checkpointer will say what is wrong
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            loop = call.over.get_loop()
            error: Exception | None = None
            try:
                self._commit()
            except Exception as failure:
                error = failure
            loop.call_soon_threadsafe(call.finish, error)
            if call.restarting is not None:
                if error is None:
                    self._restart_log()
                loop.call_soon_threadsafe(call.restarting.set_result, None)
