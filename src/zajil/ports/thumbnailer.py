"""Making small pictures of uploaded ones. The decoders meet hostile files, so they run where a crash or a bomb harms nobody."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

# Larger files than this are not thumbnailed.
SOURCE_BYTES_MAX = 64 * 1024 * 1024
# More pixels than this, in all frames that are decoded together, are not decoded.
PIXELS_MAX = 50_000_000


@dataclass(frozen=True, slots=True)
class ThumbnailShape:
    """Width and height in pixels; `crops` fills them exactly where the picture is large enough, else it fits inside them."""

    width: int
    height: int
    crops: bool = False
    animated: bool = False


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An encoded picture. `body` is None when the original is no larger than the shape and should be served instead."""

    content_type: str
    width: int
    height: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Picture:
    """What a file really is, whatever its uploader claims."""

    content_type: str
    width: int
    height: int


class Thumbnailer(Protocol):
    """Reads JPEG, PNG, GIF and WebP. `length` is the exact length of the source in bytes."""

    async def build_thumbnail(self, source: AsyncIterable[bytes], length: int, shape: ThumbnailShape) -> Thumbnail:
        """Raises `NotAPicture`, `PictureTooLarge`, `ThumbnailerBusy`."""

    async def measure(self, source: AsyncIterable[bytes], length: int) -> Picture:
        """Raises `NotAPicture`, `PictureTooLarge`, `ThumbnailerBusy`."""

    async def close(self) -> None: ...


class NotAPicture(Exception):
    """Not one of the formats above, or broken."""


class PictureTooLarge(Exception):
    """Too many bytes or pixels, or it takes too much memory or time."""


class ThumbnailerBusy(Exception):
    """More pictures are waiting than the named limit allows."""
