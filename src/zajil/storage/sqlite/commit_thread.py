"""The one thread that waits for the disk. A plain queue and one callback: an executor's two futures cost 40 µs more a commit."""

import asyncio
import threading
from queue import SimpleQueue

import apsw


class CommitThread:
    """Runs COMMIT on a connection that nobody else touches meanwhile."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._requests: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    async def commit(self) -> None:
        """Returns when the transaction is on disk. Once begun it is waited for even if the caller is cancelled: its outcome must be known."""
        done = asyncio.get_running_loop().create_future()
        self._requests.put(done)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (done := self._requests.get()) is not None:
            error: Exception | None = None
            try:
                self._connection.execute("COMMIT")
            except Exception as failure:
                error = failure
            done.get_loop().call_soon_threadsafe(_finish, done, error)


def _finish(done: "asyncio.Future[None]", error: Exception | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
