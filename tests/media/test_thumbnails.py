"""Thumbnails of friendly and of hostile pictures, made in the real confined process."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest
import pyvips
from tests.media import pictures

from zajil.media import thumbnails
from zajil.media.thumbnail_worker import FRAMES_MAX
from zajil.media.thumbnails import ProcessThumbnailer
from zajil.ports.thumbnailer import (
    SOURCE_BYTES_MAX,
    NotAPicture,
    Picture,
    PictureTooLarge,
    Thumbnail,
    ThumbnailerBusy,
    ThumbnailShape,
)


@pytest.fixture
async def thumbnailer() -> AsyncIterator[ProcessThumbnailer]:
    made = ProcessThumbnailer(workers_max=1)
    yield made
    await made.close()


async def split(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 50_000):
        await asyncio.sleep(0)
        yield content[start : start + 50_000]


async def build(
    thumbnailer: ProcessThumbnailer,
    content: bytes,
    width: int,
    height: int,
    *,
    crops: bool = False,
    animated: bool = False,
) -> Thumbnail:
    shape = ThumbnailShape(width, height, crops, animated)
    return await thumbnailer.build_thumbnail(split(content), len(content), shape)


def decode(thumbnail: Thumbnail) -> pyvips.Image:
    assert thumbnail.body is not None
    image = pyvips.Image.new_from_buffer(thumbnail.body, "")
    assert (image.width, image.height) == (thumbnail.width, thumbnail.height)
    return image


@pytest.mark.parametrize(
    ("size", "box", "crops", "expected"),
    [
        ((1000, 500), (320, 240), False, (320, 160)),
        ((500, 1000), (320, 240), False, (120, 240)),
        ((1000, 500), (96, 96), True, (96, 96)),
        ((1000, 50), (320, 240), True, (320, 50)),
        ((1000, 50), (320, 240), False, (320, 16)),
        ((5000, 1), (32, 32), False, (32, 1)),
    ],
)
async def test_scale_and_crop(
    thumbnailer: ProcessThumbnailer,
    size: tuple[int, int],
    box: tuple[int, int],
    crops: bool,
    expected: tuple[int, int],
) -> None:
    for content, content_type in (
        (pictures.build_jpeg(*size), "image/jpeg"),
        (pictures.build_png(*size, alpha=True), "image/png"),
        (pictures.build_animation(*size, 2, ".webp"), "image/jpeg"),
    ):
        made = await build(thumbnailer, content, *box, crops=crops)
        assert (made.content_type, made.width, made.height) == (content_type, *expected)
        decode(made)


async def test_the_picture_in_it_is_the_same(thumbnailer: ProcessThumbnailer) -> None:
    made = decode(await build(thumbnailer, pictures.build_jpeg(1000, 1000), 96, 96))
    assert made(2, 2)[0] < 20
    assert made(93, 2)[0] > 235
    assert made(2, 93)[1] > 235
    middle = decode(await build(thumbnailer, pictures.build_png(1000, 500), 96, 96, crops=True))
    assert 50 < middle(2, 48)[0] < 80
    assert 180 < middle(93, 48)[0] < 205


async def test_a_picture_is_turned_upright(thumbnailer: ProcessThumbnailer) -> None:
    content = pictures.build_jpeg(1000, 500, orientation=6)
    assert await thumbnailer.measure(split(content), len(content)) == Picture("image/jpeg", 500, 1000)
    made = await build(thumbnailer, content, 100, 100)
    assert (made.width, made.height) == (50, 100)


async def test_metadata_does_not_leave(thumbnailer: ProcessThumbnailer) -> None:
    image = pictures.build_gradient(600, 600).copy()
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-ImageDescription", "at home")
    content = image.jpegsave_buffer()
    assert b"at home" in content
    made = await build(thumbnailer, content, 100, 100)
    assert made.body is not None
    assert b"at home" not in made.body


async def test_a_small_picture_is_not_made_larger(thumbnailer: ProcessThumbnailer) -> None:
    for content, content_type in (
        (pictures.build_jpeg(30, 20), "image/jpeg"),
        (pictures.build_animation(30, 20, 1, ".gif"), "image/gif"),
    ):
        assert await build(thumbnailer, content, 32, 32) == Thumbnail(content_type, 30, 20, None)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("crops", [False, True])
async def test_animations(thumbnailer: ProcessThumbnailer, suffix: str, crops: bool) -> None:
    content = pictures.build_animation(400, 200, 5, suffix)
    made = await build(thumbnailer, content, 96, 96, crops=crops, animated=True)
    assert (made.content_type, made.width, made.height) == ("image/webp", 96, 96 if crops else 48)
    assert made.body is not None
    image = pyvips.Image.new_from_buffer(made.body, "", n=-1)
    assert (image.get("n-pages"), image.get_page_height(), image.get("delay")) == (5, made.height, [120] * 5)
    assert image.pagesplit()[4].avg() > 1.5 * image.pagesplit()[0].avg()


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
async def test_a_still_is_never_animated(thumbnailer: ProcessThumbnailer, suffix: str) -> None:
    content = pictures.build_animation(20, 20, 5, suffix)
    made = await build(thumbnailer, content, 32, 32)
    content_type = "image/png" if suffix == ".gif" else "image/jpeg"
    assert (made.content_type, made.width, made.height) == (content_type, 20, 20)
    assert (await build(thumbnailer, content, 32, 32, animated=True)).body is None
    assert (await build(thumbnailer, pictures.build_animated_png(20, 20), 32, 32)).body is not None
    assert (await build(thumbnailer, pictures.build_animated_png(20, 20), 32, 32, animated=True)).body is None
    assert (await build(thumbnailer, pictures.build_jpeg(64, 64), 32, 32, animated=True)).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("width", "height"), [(10_000, 10_000), (65_000, 65_000), (2_000_000_000, 2), (1, 2_000_000_000)]
)
async def test_bombs_are_refused_before_they_unpack(thumbnailer: ProcessThumbnailer, width: int, height: int) -> None:
    content = pictures.build_png_bomb(width, height)
    assert len(content) < 200_000
    await build(thumbnailer, pictures.build_jpeg(100, 100), 32, 32)
    started = time.monotonic()
    with pytest.raises((PictureTooLarge, NotAPicture)):
        await build(thumbnailer, content, 32, 32)
    assert time.monotonic() - started < 1


async def test_one_hundred_megapixels_are_refused(thumbnailer: ProcessThumbnailer) -> None:
    content = pictures.build_png_bomb(10_000, 10_000)
    for animated in (False, True):
        with pytest.raises(PictureTooLarge):
            await build(thumbnailer, content, 32, 32, animated=animated)
    with pytest.raises(PictureTooLarge):
        await thumbnailer.measure(split(content), len(content))


async def test_the_largest_picture_that_is_not_refused(thumbnailer: ProcessThumbnailer) -> None:
    made = await build(thumbnailer, pictures.build_png_bomb(10_000, 5_000), 320, 240)
    assert (made.width, made.height) == (320, 160)


async def test_an_animation_with_too_many_frames_stands_still(thumbnailer: ProcessThumbnailer) -> None:
    content = pictures.build_long_webp(40, 40, FRAMES_MAX)
    assert (await build(thumbnailer, content, 32, 32, animated=True)).content_type == "image/webp"
    content = pictures.build_long_webp(40, 40, FRAMES_MAX + 1)
    assert (await build(thumbnailer, content, 32, 32, animated=True)).content_type == "image/jpeg"


async def test_an_animation_with_too_many_pixels_stands_still(thumbnailer: ProcessThumbnailer) -> None:
    content = pictures.build_long_webp(1000, 1000, 51)
    assert (await build(thumbnailer, content, 32, 32, animated=True)).content_type == "image/jpeg"


HOSTILE = {
    "empty": b"",
    "text": b"hello",
    "svg": pictures.SVG,
    "html": b"<html><script>alert(1)</script>",
    "pdf": b"%PDF-1.4\n1 0 obj",
    "tiff": b"II*\0" + bytes(200),
    "header only": b"\x89PNG\r\n\x1a\n",
    "gif header": b"GIF89a",
    "webp header": b"RIFF\x10\0\0\0WEBPVP8 ",
    "jpeg header": b"\xff\xd8\xff\xe0",
    "polyglot": b"GIF89a/*" + pictures.SVG,
    "noise": b"\xff\xd8\xff" + os.urandom(5000),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_picture(thumbnailer: ProcessThumbnailer, name: str) -> None:
    with pytest.raises((NotAPicture, PictureTooLarge)):
        await build(thumbnailer, HOSTILE[name], 32, 32)
    assert (await build(thumbnailer, pictures.build_jpeg(100, 100), 32, 32)).width == 32


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp"])
async def test_truncated_pictures_are_an_answer(thumbnailer: ProcessThumbnailer, kind: str) -> None:
    whole = {
        "jpeg": pictures.build_jpeg(400, 300),
        "png": pictures.build_png(400, 300),
        "gif": pictures.build_animation(400, 300, 3, ".gif"),
        "webp": pictures.build_animation(400, 300, 3, ".webp"),
    }[kind]
    for part in range(1, 20):
        try:
            made = await build(thumbnailer, whole[: len(whole) * part // 20], 96, 96, animated=part % 2 == 0)
        except NotAPicture:
            continue
        assert made.width == 96


@pytest.mark.parametrize("slow_chunk", [0, 1])
async def test_a_picture_that_takes_too_long(slow_chunk: int) -> None:
    thumbnailer = ProcessThumbnailer(workers_max=1, job_s_max=0.5)
    content = pictures.build_jpeg(2000, 2000)
    assert len(content) > 50_000

    async def stall() -> AsyncIterator[bytes]:
        for number, start in enumerate(range(0, len(content), 50_000)):
            await asyncio.sleep(5 if number == slow_chunk else 0)
            yield content[start : start + 50_000]

    with pytest.raises(PictureTooLarge):
        await thumbnailer.build_thumbnail(stall(), len(content), ThumbnailShape(32, 32))
    await thumbnailer.close()


async def test_a_worker_that_dies_is_replaced(thumbnailer: ProcessThumbnailer) -> None:
    content = pictures.build_jpeg(100, 100)
    await build(thumbnailer, content, 32, 32)
    thumbnailer._idle[0].process.kill()
    with pytest.raises(NotAPicture):
        await build(thumbnailer, content, 32, 32)
    assert (await build(thumbnailer, content, 32, 32)).width == 32


async def test_a_source_of_another_length_than_promised(thumbnailer: ProcessThumbnailer) -> None:
    content = pictures.build_jpeg(100, 100)
    for length in (len(content) - 1, len(content) + 1):
        with pytest.raises(NotAPicture):
            await thumbnailer.build_thumbnail(split(content), length, ThumbnailShape(32, 32))
    with pytest.raises(PictureTooLarge):
        await thumbnailer.build_thumbnail(split(content), SOURCE_BYTES_MAX + 1, ThumbnailShape(32, 32))


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "WAITING_MAX", 3)
    thumbnailer = ProcessThumbnailer(workers_max=1)
    content = pictures.build_jpeg(200, 200)
    results = await asyncio.gather(*(build(thumbnailer, content, 32, 32) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [Thumbnail] * 3 + [ThumbnailerBusy] * 2
    await thumbnailer.close()


async def test_the_worker_sees_no_secret_and_is_gone_after_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAJIL_DATABASE", "postgresql://user:password@host/name")
    thumbnailer = ProcessThumbnailer(workers_max=1)
    await build(thumbnailer, pictures.build_jpeg(100, 100), 32, 32)
    pid = thumbnailer._idle[0].process.pid
    with open(f"/proc/{pid}/environ", "rb") as environment:
        assert b"password" not in environment.read()
    await thumbnailer.close()
    assert not os.path.exists(f"/proc/{pid}")
