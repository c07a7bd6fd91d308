"""What the database knows of media. Their bytes are in `ports.media_store`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction
from zajil.ports.thumbnailer import ThumbnailShape


@dataclass(slots=True)
class MediaRow:
    """One mxc URI. `storage_key` is None until its content has been uploaded."""

    media_nid: int
    server_name: str
    media_id: str
    uploader: str | None
    created_ts_ms: int
    expires_ts_ms: int | None
    used_ts_ms: int | None
    storage_key: str | None
    size: int
    content_type: str
    file_name: str | None


@dataclass(slots=True)
class ThumbnailRow:
    """A thumbnail that was made before. An empty `storage_key` means the original."""

    storage_key: str
    size: int
    content_type: str


class MediaRows(Protocol):
    """The media repository's tables."""

    async def load(self, tx: Read, server_name: str, media_id: str) -> MediaRow | None: ...

    async def insert(self, tx: Transaction, row: MediaRow) -> bool:
        """Returns False when the mxc URI is taken."""

    async def fill(self, tx: Transaction, row: MediaRow) -> bool:
        """Give an mxc URI its content; False when it already has one or is gone."""

    async def delete(self, tx: Transaction, row: MediaRow, due_ts_ms: int) -> None:
        """Forget a medium and its thumbnails, give back the quota, and mark their bytes as garbage."""

    async def set_used(self, tx: Transaction, media_nid: int, used_ts_ms: int) -> None: ...

    async def load_pending_count(self, tx: Read, uploader: str, now_ms: int) -> int:
        """How many mxc URIs of a user wait for their content."""

    async def load_expired(self, tx: Read, now_ms: int, count_max: int) -> list[MediaRow]: ...

    async def load_unused(self, tx: Read, used_before_ms: int, count_max: int) -> list[MediaRow]:
        """Other servers' media that nobody downloaded since."""

    async def load_remote_size(self, tx: Read) -> int:
        """Bytes of all copies of other servers' media, with their thumbnails."""

    async def load_uploads(self, tx: Read, uploader: str, after_nid: int, count_max: int) -> list[MediaRow]:
        """A user's uploads in the order of their making."""

    async def load_usage(self, tx: Read, user_id: str) -> int: ...

    async def add_usage(self, tx: Transaction, user_id: str, count: int) -> None: ...

    async def load_thumbnail(self, tx: Read, media_nid: int, shape: ThumbnailShape) -> ThumbnailRow | None: ...

    async def load_thumbnail_count(self, tx: Read, media_nid: int) -> int: ...

    async def insert_thumbnail(
        self, tx: Transaction, media_nid: int, shape: ThumbnailShape, row: ThumbnailRow
    ) -> bool: ...

    async def insert_garbage(self, tx: Transaction, storage_key: str, due_ts_ms: int) -> None: ...

    async def delete_garbage(self, tx: Transaction, storage_keys: Sequence[str]) -> int:
        """Returns how many of the keys were marked as garbage."""

    async def load_garbage(self, tx: Read, now_ms: int, count_max: int) -> list[str]: ...

    async def load_preview(self, tx: Read, url: str, now_ms: int) -> bytes | None: ...

    async def store_preview(self, tx: Transaction, url: str, expires_ts_ms: int, json: bytes) -> None: ...

    async def delete_expired_previews(self, tx: Transaction, now_ms: int) -> None: ...
