"""Media in a local folder or on S3, through obstore. Streams pass in chunks: no object is ever whole in memory."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zajil.ports.media_store import KEY, MediaStoreUnavailable, ObjectMissing, ObjectTooLarge, StoredObject

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

# S3 refuses smaller parts than 5 MiB; two in flight bound an upload's memory at about three parts.
PART_BYTES = 5 * 1024 * 1024
PARTS_IN_FLIGHT_MAX = 2
READ_CHUNK_BYTES = 256 * 1024
# S3 counts at most 10,000 parts of an object.
PARTS_MAX = 10_000
INCOMING = "incoming"
OBJECTS = "objects"


class ObjectStore:
    """A MediaStore over an obstore store. Use `open_local` or `open_s3`."""

    def __init__(self, store: "LocalStore | S3Store", folder: Path | None) -> None:
        self._store = store
        self._folder = folder

    async def put(self, key: str, chunks: AsyncIterable[bytes], *, bytes_max: int) -> int:
        path = build_path(key)
        source = BoundedStream(chunks, bytes_max)
        if self._folder is None:
            await self._write(path, source, bytes_max)
            return source.length
        # Only what is whole and on disk gets its final name: a crash leaves rubbish in one small folder only.
        staged = f"{INCOMING}/{key.replace('/', '.')}"
        await self._write(staged, source, bytes_max)
        with translate_errors():
            await asyncio.to_thread(publish_durably, self._folder, staged, path)
        return source.length

    async def _write(self, path: str, source: "BoundedStream", bytes_max: int) -> None:
        import obstore

        first = await source.read_part(PART_BYTES)
        with translate_errors(source):
            if source.is_finished:
                await obstore.put_async(self._store, path, first, use_multipart=False)
                return
            part_bytes = max(PART_BYTES, -(-bytes_max // PARTS_MAX))
            await obstore.put_async(
                self._store,
                path,
                source.resume(first),
                use_multipart=True,
                chunk_size=part_bytes,
                max_concurrency=PARTS_IN_FLIGHT_MAX,
            )

    async def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        import obstore

        path = build_path(key)
        found = await self.stat(key)
        if found is None:
            raise ObjectMissing(key)
        end = found.size if end is None else min(end, found.size)
        if start >= end:
            return read_nothing()
        with translate_errors():
            result = await obstore.get_async(self._store, path, options={"range": (start, end)})
        return read_stream(result.stream(READ_CHUNK_BYTES))

    async def delete(self, key: str) -> None:
        import obstore

        try:
            with translate_errors():
                await obstore.delete_async(self._store, build_path(key))
        except ObjectMissing:
            pass

    async def stat(self, key: str) -> StoredObject | None:
        import obstore

        try:
            with translate_errors():
                found = await obstore.head_async(self._store, build_path(key))
        except ObjectMissing:
            return None
        return StoredObject(key, found["size"], int(found["last_modified"].timestamp() * 1000))

    async def list(self, prefix: str = "") -> AsyncIterator[StoredObject]:
        import obstore

        folder = build_path(prefix) if prefix else OBJECTS
        with translate_errors():
            async for batch in obstore.list(self._store, folder):
                for found in batch:
                    key = found["path"].removeprefix(f"{OBJECTS}/")
                    yield StoredObject(key, found["size"], int(found["last_modified"].timestamp() * 1000))

    async def delete_unfinished(self, before_ms: int) -> int:
        if self._folder is None:
            return 0
        with translate_errors():
            return await asyncio.to_thread(delete_older, self._folder / INCOMING, before_ms)


class BoundedStream:
    """Counts the bytes of a stream and stops it at a limit; remembers what the stream itself raised."""

    def __init__(self, chunks: AsyncIterable[bytes], bytes_max: int) -> None:
        self._chunks = aiter(chunks)
        self._bytes_max = bytes_max
        self.length = 0
        self.is_finished = False
        self.failure: Exception | None = None

    async def _next(self) -> bytes:
        """The next chunk; empty at the end."""
        try:
            while (chunk := await anext(self._chunks, None)) is not None:
                if chunk:
                    break
        except Exception as failure:
            self.failure = failure
            raise
        if not chunk:
            self.is_finished = True
            return b""
        self.length += len(chunk)
        if self.length > self._bytes_max:
            self.failure = ObjectTooLarge(f"more than {self._bytes_max} bytes")
            raise self.failure
        return chunk

    async def read_part(self, count: int) -> bytes:
        """At least `count` bytes, or all there are."""
        part = bytearray()
        while len(part) < count:
            chunk = await self._next()
            if self.is_finished:
                break
            part += chunk
        return bytes(part)

    async def resume(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        while chunk := await self._next():
            yield chunk


def open_local(folder: Path) -> ObjectStore:
    """Media in a folder of this machine, made if it is not there."""
    from obstore.store import LocalStore

    folder.mkdir(parents=True, exist_ok=True)
    return ObjectStore(LocalStore(folder), folder)


def open_s3(
    bucket: str, *, endpoint: str, region: str, access_key: str, secret_key: str, prefix: str = ""
) -> ObjectStore:
    """Media in a bucket of S3 or of anything that speaks its protocol. An http:// endpoint is taken at its word."""
    from obstore.store import S3Store

    store = S3Store(
        bucket,
        prefix=prefix or None,
        endpoint=endpoint or None,
        region=region,
        access_key_id=access_key,
        secret_access_key=secret_key,
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": "120s", "connect_timeout": "5s"},
    )
    return ObjectStore(store, None)


def build_path(key: str) -> str:
    """Where the object of a key lies. Raises ValueError for what is no key."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not a media store key: {key!r}")
    return f"{OBJECTS}/{key}"


@contextmanager
def translate_errors(source: BoundedStream | None = None) -> Iterator[None]:
    """Turn the store's exceptions into the port's; what a source raised passes unchanged."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(str(error)) from error
    except (BaseError, OSError) as error:
        if source is not None and source.failure is not None:
            raise source.failure from None
        raise MediaStoreUnavailable(str(error)) from error


async def read_nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


async def read_stream(stream: Any) -> AsyncIterator[bytes]:
    with translate_errors():
        async for chunk in stream:
            yield bytes(chunk)


def publish_durably(folder: Path, staged: str, path: str) -> None:
    """Give a written file its name, and return when both are on disk."""
    source, target = folder / staged, folder / path
    synchronise(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    for parent in target.parents:
        synchronise(parent)
        if parent == folder:
            break


def synchronise(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def delete_older(folder: Path, before_ms: int) -> int:
    """Delete the files of a folder last written before a time; returns how many."""
    count = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.stat().st_mtime * 1000 < before_ms:
            path.unlink(missing_ok=True)
            count += 1
    return count
