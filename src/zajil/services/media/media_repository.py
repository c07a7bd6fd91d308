"""The media repository's ports, and this process's memory of what is being uploaded, fetched and thumbnailed."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from zajil.ports.media_store import MediaStore, MediaStoreUnavailable, ObjectMissing
from zajil.ports.remote_media import RemoteMediaFetcher
from zajil.ports.thumbnailer import Thumbnailer
from zajil.services.errors import MatrixError, limit_exceeded, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zajil.services.app import App

T = TypeVar("T")

# Each upload holds up to four parts of 5 MiB in memory.
UPLOADS_MAX = 32
UPLOADS_PER_USER_MAX = 8
FETCHES_MAX = 32
# A server that is slow to answer leaves places for the others.
FETCHES_PER_SERVER_MAX = 24
UPLOAD_PAUSE_S_MAX = 60.0
UPLOAD_LIFETIME_MS_MAX = 24 * 3600 * 1000
STORAGE_KEY_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
STORAGE_KEY_LENGTH = 32
MEDIA_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MEDIA_ID_LENGTH = 24


@dataclass(slots=True)
class MediaRepository:
    """Adapters and memory; the work is in the services beside this one."""

    store: MediaStore
    thumbnailer: Thumbnailer
    remote: RemoteMediaFetcher
    uploading: dict[str, int] = field(default_factory=dict)
    fetching: dict[str, int] = field(default_factory=dict)
    awaited: set[tuple[str, asyncio.Event]] = field(default_factory=set)
    running: dict[Any, "asyncio.Task[Any]"] = field(default_factory=dict)

    async def run_once(self, key: Any, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, or wait for the same work already under way. It goes on although who asked first has left."""

        async def run() -> T:
            return await work()

        task = self.running.get(key)
        if task is None:
            task = self.running[key] = asyncio.create_task(run())
            task.add_done_callback(lambda done: self._finish(key, done))
        result: T = await asyncio.shield(task)
        return result

    def _finish(self, key: Any, done: "asyncio.Task[Any]") -> None:
        del self.running[key]
        if not done.cancelled():
            done.exception()

    def count_upload(self, user_id: str) -> AbstractContextManager[None]:
        """Bound the uploads that run at the same time. Raises 429 M_LIMIT_EXCEEDED."""
        message = "Too many uploads are running. Wait until one of them is done."
        return count(self.uploading, user_id, UPLOADS_PER_USER_MAX, UPLOADS_MAX, message)

    def count_fetch(self, server_name: str) -> AbstractContextManager[None]:
        """Bound the files that are fetched at the same time. Raises 429 M_LIMIT_EXCEEDED."""
        message = "Too many files are being fetched from other servers. Wait a moment."
        return count(self.fetching, server_name, FETCHES_PER_SERVER_MAX, FETCHES_MAX, message)

    async def close(self) -> None:
        """Stop what runs on nobody's behalf."""
        for task in list(self.running.values()):
            task.cancel()
        await asyncio.gather(*self.running.values(), return_exceptions=True)
        await self.thumbnailer.close()


@contextmanager
def count(running: dict[str, int], key: str, of_one_max: int, of_all_max: int, message: str) -> "Iterator[None]":
    """Count work while it runs. Raises 429 M_LIMIT_EXCEEDED when there is too much of it, for this key or for all."""
    of_one = running.get(key, 0)
    if of_one >= of_one_max or sum(running.values()) >= of_all_max:
        raise limit_exceeded(2000, message)
    running[key] = of_one + 1
    try:
        yield
    finally:
        running[key] -= 1
        if not running[key]:
            del running[key]


def build_storage_key(app: "App") -> str:
    """A new name in the media store, spread over folders."""
    letters = app.randomness.letters(STORAGE_KEY_LENGTH, STORAGE_KEY_LETTERS)
    return f"{letters[:2]}/{letters[2:4]}/{letters[4:]}"


async def store_object(app: "App", chunks: AsyncIterable[bytes], bytes_max: int) -> tuple[str, int]:
    """Write a stream to the media store; returns its key and length.

    The key counts as garbage until whoever asked commits a row that points at it and calls `delete_garbage`: nothing is left over by a crash.
    """
    key = build_storage_key(app)
    due_ts_ms = app.clock.now_ms() + UPLOAD_LIFETIME_MS_MAX
    await app.db.write(lambda tx: app.stores.media.insert_garbage(tx, key, due_ts_ms))
    try:
        return key, await app.media.store.put(key, chunks, bytes_max=bytes_max)
    except MediaStoreUnavailable as error:
        raise store_unavailable() from error


async def read_object(app: "App", key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
    """The content of an object, or of a part of it. Raises 404 M_NOT_FOUND, 503."""
    try:
        return await app.media.store.get(key, start, end)
    except ObjectMissing:
        raise not_found("The content of this file has been lost.") from None
    except MediaStoreUnavailable as error:
        raise store_unavailable() from error


def store_unavailable() -> MatrixError:
    return MatrixError(503, "M_UNKNOWN", "The server cannot reach its file storage right now. Try again soon.")
