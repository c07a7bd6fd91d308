"""The one thread that waits for the disk on the write path. A plain queue and one callback: an executor's two futures cost 40 µs more a commit."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue

import apsw


class CommitThread:
    """Works on a connection that nobody else touches meanwhile."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._requests: SimpleQueue[tuple[Callable[[], object], asyncio.Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    async def commit(self) -> None:
        """Returns when the transaction is on disk."""
        await self._call(self._commit)

    async def restart_log(self) -> None:
        """Copy what is left of the write-ahead log and begin it again, unless somebody reads from it."""
        await self._call(self._restart_log)

    async def _call(self, work: Callable[[], object]) -> None:
        """Once begun it is waited for even if the caller is cancelled: its outcome must be known."""
        done = asyncio.get_running_loop().create_future()
        self._requests.put((work, done))
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join()

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def _restart_log(self) -> None:
        with contextlib.suppress(apsw.Error):  # busy, or the checkpointer will say what is wrong
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            work, done = request
            error: Exception | None = None
            try:
                work()
            except Exception as failure:
                error = failure
            done.get_loop().call_soon_threadsafe(_finish, done, error)


def _finish(done: "asyncio.Future[None]", error: Exception | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
