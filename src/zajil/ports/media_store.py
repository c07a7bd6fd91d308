"""Where the bytes of media lie: a local folder or S3. Objects are written once and never changed."""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

KEY = re.compile(r"[A-Za-z0-9_-]{1,64}(?:/[A-Za-z0-9_-]{1,64}){0,5}")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store knows about an object: its key, its size in bytes and when it was written."""

    key: str
    size: int
    modified_ms: int


class MediaStore(Protocol):
    """Objects under keys that match `KEY`; any other raises ValueError.

    Every method may raise `MediaStoreUnavailable`.
    """

    async def put(self, key: str, chunks: AsyncIterable[bytes], *, bytes_max: int) -> int:
        """Store a stream and return its length. Returns once the object would survive a loss of power.

        The object appears whole or not at all. Raises `ObjectTooLarge` as soon as the stream passes `bytes_max`, and
        whatever the stream raises.
        """

    async def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes [start, end) in chunks; an end beyond the object means its end.

        Raises `ObjectMissing` before the first chunk.
        """

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    async def stat(self, key: str) -> StoredObject | None: ...

    def list(self, prefix: str = "") -> AsyncIterator[StoredObject]:
        """Every whole object below the folder `prefix`, in no particular order."""

    async def delete_unfinished(self, before_ms: int) -> int:
        """Remove what uploads cut off by a crash left behind before `before_ms`; returns how many.

        On S3 this is the work of the bucket's lifecycle rule for incomplete multipart uploads, and does nothing.
        """


class ObjectMissing(Exception):
    """There is no object under this key."""


class ObjectTooLarge(Exception):
    """The stream is longer than the caller allowed."""


class MediaStoreUnavailable(Exception):
    """The store cannot be reached, or cannot write (disk full, read-only, wrong credentials)."""
