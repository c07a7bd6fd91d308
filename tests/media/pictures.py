"""Pictures for the tests, friendly and hostile, made on the spot."""

import struct
import zlib

import pyvips

ROW_BYTES_MAX = 60_000_000


def build_gradient(width: int, height: int) -> pyvips.Image:
    """A picture whose colours tell where in it one is."""
    place = pyvips.Image.xyz(width, height)
    red = place[0] * (255 / max(width - 1, 1))
    green = place[1] * (255 / max(height - 1, 1))
    bands = red.bandjoin([green, (red + green) / 2])
    return bands.cast("uchar").copy(interpretation="srgb")


def build_jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    image = build_gradient(width, height).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image.jpegsave_buffer()


def build_png(width: int, height: int, *, alpha: bool = False) -> bytes:
    image = build_gradient(width, height)
    return (image.bandjoin(image[0]) if alpha else image).pngsave_buffer()


def build_animation(width: int, height: int, frames: int, suffix: str) -> bytes:
    """An animated GIF or WebP whose frames differ."""
    pages = [(build_gradient(width, height) * (0.2 + 0.8 * number / frames)).cast("uchar") for number in range(frames)]
    image = pyvips.Image.arrayjoin(pages, across=1).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", height)
    image.set_type(pyvips.GValue.array_int_type, "delay", [120] * frames)
    return image.write_to_buffer(suffix)


def build_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def build_png_bomb(width: int, height: int) -> bytes:
    """A black PNG of one bit a pixel: a few kilobytes that unpack to width × height."""
    header = build_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    row = row[:ROW_BYTES_MAX]
    packed = (
        b"".join(packer.compress(row) for _ in range(min(height, 20_000, max(1, ROW_BYTES_MAX // len(row)))))
        + packer.flush()
    )
    return b"\x89PNG\r\n\x1a\n" + header + build_chunk(b"IDAT", packed) + build_chunk(b"IEND", b"")


def build_animated_png(width: int, height: int) -> bytes:
    """A PNG that announces an animation of two frames (the second is missing, as far as the tests care)."""
    still = build_png(width, height)
    return still[:33] + build_chunk(b"acTL", struct.pack(">II", 2, 0)) + still[33:]


def build_long_webp(width: int, height: int, frames: int) -> bytes:
    """An animated WebP that shows the same frame again and again, as small and as quickly made as can be."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def three(number: int) -> bytes:
        return number.to_bytes(3, "little")

    still = build_gradient(width, height).webpsave_buffer(keep="none")[12:]
    place = three(0) * 2 + three(width - 1) + three(height - 1)
    body = chunk(b"VP8X", b"\x02\0\0\0" + three(width - 1) + three(height - 1)) + chunk(b"ANIM", bytes(6))
    body += chunk(b"ANMF", place + three(40) + b"\x02" + still) * frames
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"><text>&x;</text><script>alert(1)</script></svg>"""
