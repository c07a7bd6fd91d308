"""`ports.status_outlets.StatusCopy` in a folder, or in a bucket through obstore."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from zajil.ports.configuration import Config
from zajil.ports.status_outlets import OutletFailed, StatusCopy

if TYPE_CHECKING:
    from obstore.store import S3Store

WRITE_S_MAX: Final = 10.0
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".atom": "application/atom+xml; charset=utf-8",
}


class FolderCopy:
    """Files in a folder, each replaced by a rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, pages: Mapping[str, bytes]) -> None:
        try:
            await asyncio.to_thread(self._write, pages)
        except OSError as error:
            raise OutletFailed(f"{self._folder}: {error.strerror or error}") from error

    def _write(self, pages: Mapping[str, bytes]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, content in pages.items():
            partial = self._folder / f".{name}.new"
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._folder / name)


class BucketCopy:
    """Objects in a bucket; putting one is atomic there."""

    def __init__(self, store: "S3Store", prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    async def write(self, pages: Mapping[str, bytes]) -> None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            async with asyncio.timeout(WRITE_S_MAX):
                for name, content in pages.items():
                    attributes = {
                        "Content-Type": TYPES[Path(name).suffix],
                        "Cache-Control": "no-cache",
                    }
                    await obstore.put_async(
                        self._store, self._prefix + name, content, attributes=attributes, use_multipart=False
                    )
        except (BaseError, OSError, TimeoutError) as error:
            raise OutletFailed(f"the bucket does not take the copy: {str(error).splitlines()[0][:200]}") from error


def open_copy(config: Config) -> StatusCopy | None:
    """Where the configuration wants the copy; None for nowhere."""
    if not config.status_copy:
        return None
    if not config.status_copy.startswith("s3://"):
        return FolderCopy(Path(config.status_copy))
    from obstore.store import S3Store

    place = urlsplit(config.status_copy)
    endpoint = config.status_copy_s3_endpoint or config.media_s3_endpoint
    store = S3Store(
        place.netloc,
        endpoint=endpoint or None,
        region=config.media_s3_region,
        access_key_id=config.status_copy_s3_access_key or config.media_s3_access_key,
        secret_access_key=config.status_copy_s3_secret_key or config.media_s3_secret_key,
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": f"{WRITE_S_MAX:.0f}s"},
    )
    prefix = place.path.strip("/")
    return BucketCopy(store, f"{prefix}/" if prefix else "")
