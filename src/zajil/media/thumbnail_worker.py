"""The process that decodes pictures: `python -m zajil.media.thumbnail_worker`. One job after the other over stdin and stdout.

It has little memory, no file to write, low priority, none of the server's secrets, and only the decoders of four formats. The server kills it
when a job takes too long.

A job is a frame of JSON and `length` bytes of the source; the answer is a frame of JSON and `length` bytes of the thumbnail. A frame is its
length as four bytes, big end first, and that many bytes.
"""

import json
import os
import resource
import signal
import struct
import sys
from typing import Any, BinaryIO

from zajil.ports.thumbnailer import PIXELS_MAX, SOURCE_BYTES_MAX

ADDRESS_SPACE_BYTES_MAX = 1536 * 1024 * 1024
DESCRIPTORS_MAX = 64
FRAMES_MAX = 500
HEADER = struct.Struct(">I")
HEADER_BYTES_MAX = 4096
JPEG_QUALITY = 82
WEBP_QUALITY = 75
WEBP_EFFORT = 2
OPAQUE = 255
DRAWN_TYPES = ("image/png", "image/gif")
LOADERS = ("Jpeg", "Png", "Nsgif", "Webp")


class Refused(Exception):
    """Why there is no thumbnail: `not_a_picture` or `too_large`."""


def sniff_type(data: bytes) -> str:
    """The content type by the first bytes. Raises `Refused` for anything but the four formats."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise Refused("not_a_picture")


def is_animated_png(data: bytes) -> bool:
    """Whether a PNG announces an animation, which stands before its first data."""
    return b"acTL" in data[: max(data.find(b"IDAT"), 0)]


class Source:
    """A picture's header: its type, its size as it is seen, and its number of frames."""

    def __init__(self, data: bytes) -> None:
        import pyvips

        self.data = data
        self.content_type = sniff_type(data)
        header = pyvips.Image.new_from_buffer(data, "", access="sequential")
        turned = header.get_typeof("orientation") != 0 and header.get("orientation") >= 5
        self.width, self.height = (header.height, header.width) if turned else (header.width, header.height)
        self.frames: int = header.get("n-pages") if header.get_typeof("n-pages") != 0 else 1
        self.is_animated = self.frames > 1 or (self.content_type == "image/png" and is_animated_png(data))
        if self.width * self.height > PIXELS_MAX:
            raise Refused("too_large")

    def can_animate(self) -> bool:
        """Whether all frames may be decoded at once."""
        return 1 < self.frames <= FRAMES_MAX and self.width * self.height * self.frames <= PIXELS_MAX


def build_thumbnail(job: dict[str, Any], source: Source) -> tuple[dict[str, Any], bytes]:
    """The answer to a job and the thumbnail; no bytes when the original should be served."""
    width, height = job["width"], job["height"]
    animated = job["animated"] and source.can_animate()
    fits = source.width <= width and source.height <= height
    if fits and (not source.is_animated or job["animated"]):
        return describe(source.content_type, source.width, source.height, is_original=True), b""
    width, height = min(width, source.width), min(height, source.height)
    if animated:
        return encode_animated(source, width, height, job["crops"])
    return encode_still(shrink(source, width, height, job["crops"]), source.content_type)


def shrink(source: Source, width: int, height: int, crops: bool) -> Any:
    """The first frame, upright, in sRGB, no larger than asked."""
    import pyvips

    options: dict[str, Any] = {"height": height, "size": "down", **({"crop": "centre"} if crops else {})}
    try:
        image = pyvips.Image.thumbnail_buffer(source.data, width, output_profile="srgb", **options)
    except pyvips.Error:
        # Broken colour profiles are common; the colours are then taken as they are.
        image = pyvips.Image.thumbnail_buffer(source.data, width, **options)
    return image if image.interpretation in ("srgb", "b-w") else image.colourspace("srgb")


def encode_still(image: Any, content_type: str) -> tuple[dict[str, Any], bytes]:
    """JPEG for photographs; PNG where anything can be seen through, and for what was drawn (screenshots, diagrams)."""
    image = image.copy_memory()
    if image.hasalpha() and image[-1].min() == OPAQUE:
        image = image[: image.bands - 1]
    if image.hasalpha() or content_type in DRAWN_TYPES:
        body = image.pngsave_buffer(keep="none")
        return describe("image/png", image.width, image.height), body
    body = image.jpegsave_buffer(Q=JPEG_QUALITY, optimize_coding=True, keep="none")
    return describe("image/jpeg", image.width, image.height), body


def encode_animated(source: Source, width: int, height: int, crops: bool) -> tuple[dict[str, Any], bytes]:
    """All frames, as WebP. Frames lie below each other in one tall image."""
    import pyvips

    ratio = (max if crops else min)(width / source.width, height / source.height)
    box = max(1, round(source.width * ratio)), max(1, round(source.height * ratio))
    image = pyvips.Image.thumbnail_buffer(
        source.data, box[0], height=box[1], size="force", option_string="n=-1", no_rotate=True
    )
    if crops:
        left, top = (box[0] - width) // 2, (box[1] - height) // 2
        pages = [page.crop(max(left, 0), max(top, 0), width, height) for page in image.pagesplit()]
        delay = image.get("delay") if image.get_typeof("delay") != 0 else []
        image = pyvips.Image.arrayjoin(pages, across=1).copy()
        image.set_type(pyvips.GValue.gint_type, "page-height", height)
        image.set_type(pyvips.GValue.array_int_type, "delay", delay)
    body = image.webpsave_buffer(Q=WEBP_QUALITY, effort=WEBP_EFFORT, keep="none")
    return describe("image/webp", image.width, image.get_page_height()), body


def describe(content_type: str, width: int, height: int, *, is_original: bool = False) -> dict[str, Any]:
    return {"content_type": content_type, "width": width, "height": height, "is_original": is_original}


def answer(job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Do one job; every failure of the decoders is an answer too."""
    import pyvips

    try:
        source = Source(data)
        if job["task"] == "measure":
            return describe(source.content_type, source.width, source.height), b""
        return build_thumbnail(job, source)
    except Refused as refusal:
        return {"refused": str(refusal)}, b""
    except MemoryError:
        return {"refused": "too_large"}, b""
    except pyvips.Error as error:
        text = str(error)
        is_out_of_memory = "out of memory" in text or "unable to allocate" in text
        return {"refused": "too_large" if is_out_of_memory else "not_a_picture", "cause": text[:500]}, b""


def confine() -> None:
    """Give up everything decoding a picture does not need, and load only the decoders that it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(10)
    for limit, most in (
        (resource.RLIMIT_AS, ADDRESS_SPACE_BYTES_MAX),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTORS_MAX),
    ):
        resource.setrlimit(limit, (most, most))
    import pyvips

    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)


def read_exactly(stream: BinaryIO, count: int) -> bytes:
    """Raises EOFError when the server has gone."""
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer jobs until stdin ends."""
    while True:
        try:
            (size,) = HEADER.unpack(read_exactly(incoming, HEADER.size))
            job = json.loads(read_exactly(incoming, min(size, HEADER_BYTES_MAX)))
            data = read_exactly(incoming, min(job["length"], SOURCE_BYTES_MAX))
        except EOFError:
            return
        header, body = answer(job, data)
        frame = json.dumps({**header, "length": len(body)}).encode()
        outgoing.write(HEADER.pack(len(frame)) + frame + body)
        outgoing.flush()


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)
