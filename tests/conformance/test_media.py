"""The media repository over real HTTP, with friendly and hostile files and paths."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import psutil
import pytest
from tests.conformance.media_person import MEDIA, UPLOAD, Person, register
from tests.media import pictures
from tests.servers import Server, start_zajil

UPLOAD_SIZE_MAX = 300 * 1024 * 1024
QUOTA = 2 * 1024**3
CSP = (
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; "
    "object-src 'self';"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("media")
    started = start_zajil(folder, upload_size_max=str(UPLOAD_SIZE_MAX), media_quota=str(QUOTA), federation="off")
    yield started
    started.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def anna(server: Server, session: aiohttp.ClientSession) -> Person:
    return await register(server, session)


async def test_what_is_uploaded_can_be_downloaded(anna: Person, server: Server, session: aiohttp.ClientSession) -> None:
    content = os.urandom(3_000_000)
    where = await anna.upload(content, "application/pdf", "Krieg & Frieden.pdf")
    bob = await register(server, session)
    for person in (anna, bob):
        answer = await person.get(f"{MEDIA}/download/{where}")
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == 'attachment; filename="Krieg & Frieden.pdf"'
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-length"] == "3000000"


async def test_without_a_token(anna: Person, server: Server, session: aiohttp.ClientSession) -> None:
    where = await anna.upload(b"secret")
    stranger = Person(server, session)
    for method, path in [
        ("GET", f"{MEDIA}/download/{where}"),
        ("GET", f"{MEDIA}/download/{where}/name.txt"),
        ("GET", f"{MEDIA}/thumbnail/{where}?width=1&height=1"),
        ("GET", f"{MEDIA}/config"),
        ("GET", f"{MEDIA}/preview_url?url=http://example.org"),
        ("GET", "/_matrix/media/v3/config"),
        ("POST", UPLOAD),
        ("POST", "/_matrix/media/v1/create"),
        ("PUT", f"{UPLOAD}/{where}"),
    ]:
        assert (await stranger.call(method, path)).error == (401, "M_MISSING_TOKEN")
    stranger.token = "wrong"
    assert (await stranger.get(f"{MEDIA}/download/{where}")).error == (401, "M_UNKNOWN_TOKEN")


async def test_unauthenticated_downloads_are_frozen(
    anna: Person, server: Server, session: aiohttp.ClientSession
) -> None:
    where = await anna.upload(pictures.build_png(50, 50), "image/png")
    for person in (anna, Person(server, session)):
        for version in ("r0", "v1", "v3"):
            for path in (f"download/{where}", f"download/{where}/x.png", f"thumbnail/{where}?width=32&height=32"):
                assert (await person.get(f"/_matrix/media/{version}/{path}")).error == (404, "M_NOT_FOUND")


@pytest.mark.parametrize(
    ("content_type", "served", "disposition"),
    [
        ("", "application/octet-stream", "attachment"),
        ("image/png", "image/png", "inline"),
        ("IMAGE/PNG; x=y", "IMAGE/PNG; x=y", "inline"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8", "inline"),
        ("video/mp4", "video/mp4", "inline"),
        ("text/html", "text/html", "attachment"),
        ("image/svg+xml", "image/svg+xml", "attachment"),
        ("application/xhtml+xml", "application/xhtml+xml", "attachment"),
        ("application/javascript", "application/javascript", "attachment"),
        ("text/plain, text/html", "application/octet-stream", "attachment"),
        ("nonsense", "application/octet-stream", "attachment"),
        ("a/" + "b" * 300, "application/octet-stream", "attachment"),
        ("text/plain;\u00e9", "application/octet-stream", "attachment"),
    ],
)
async def test_only_harmless_types_are_shown_in_the_browser(
    anna: Person, content_type: str, served: str, disposition: str
) -> None:
    where = await anna.upload(b"<script>alert(1)</script>", content_type)
    answer = await anna.get(f"{MEDIA}/download/{where}")
    assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (served, disposition)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain.txt", 'filename="plain.txt"'),
        ('a"b\\c;d.txt', 'filename="a\\"b\\\\c;d.txt"'),
        ("حمامة.txt", "filename*=utf-8''%D8%AD%D9%85%D8%A7%D9%85%D8%A9.txt"),
        ("a\r\nSet-Cookie: x=y", 'filename="aSet-Cookie: x=y"'),
        ("../../etc/passwd", 'filename="../../etc/passwd"'),
    ],
)
async def test_file_names(anna: Person, name: str, expected: str) -> None:
    where = await anna.upload(b"x", "text/plain", name)
    answer = await anna.get(f"{MEDIA}/download/{where}")
    assert answer.headers["content-disposition"] == f"inline; {expected}"
    assert "set-cookie" not in answer.headers
    other = await anna.get(f"{MEDIA}/download/{await anna.upload(b'x', 'text/plain')}/{quote(name, safe='')}")
    assert other.headers["content-disposition"] == f"inline; {expected}"


async def test_file_names_that_are_refused(anna: Person) -> None:
    assert (await anna.call("POST", f"{UPLOAD}?filename={'x' * 256}", b"x")).error == (400, "M_INVALID_PARAM")
    assert (await anna.call("POST", f"{UPLOAD}?filename=%00", b"x")).error == (400, "M_INVALID_PARAM")
    assert (await anna.call("POST", f"{UPLOAD}?filename=%ff", b"x")).error == (400, "M_INVALID_PARAM")
    where = await anna.upload(b"x")
    assert (await anna.get(f"{MEDIA}/download/{where}/a%00b")).error == (400, "M_INVALID_PARAM")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 1000),
        ("bytes=10-19", 10, 20),
        ("bytes=990-5000", 990, 1000),
        ("bytes=-10", 990, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=999-", 999, 1000),
    ],
)
async def test_ranges(anna: Person, asked: str, start: int, end: int) -> None:
    content = os.urandom(1000)
    where = await anna.upload(content)
    answer = await anna.get(f"{MEDIA}/download/{where}", Range=asked)
    assert (answer.status, answer.body) == (206, content[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1000"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
async def test_ranges_outside_of_the_file(anna: Person, asked: str) -> None:
    where = await anna.upload(bytes(1000))
    answer = await anna.get(f"{MEDIA}/download/{where}", Range=asked)
    assert answer.error == (416, "M_UNKNOWN")
    assert answer.headers["content-range"] == "bytes */1000"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=-", "bytes=9-1", "lines=1-2", "bytes=a-b", "bytes=1-2-3", "", "bytes=" + "9" * 40 + "-"],
)
async def test_ranges_that_mean_the_whole_file(anna: Person, asked: str) -> None:
    where = await anna.upload(bytes(1000))
    answer = await anna.get(f"{MEDIA}/download/{where}", Range=asked)
    assert (answer.status, len(answer.body)) == (200, 1000)


async def test_caching(anna: Person) -> None:
    where = await anna.upload(b"content")
    first = await anna.get(f"{MEDIA}/download/{where}")
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = await anna.get(f"{MEDIA}/download/{where}", If_None_Match=f'"other", {etag}')
    assert (again.status, again.body) == (304, b"")
    other = await anna.get(f"{MEDIA}/download/{await anna.upload(b'content')}", If_None_Match=etag)
    assert other.status == 200
    assert (await anna.get(f"{MEDIA}/download/{where}", Range="bytes=1-2", If_Range=etag)).status == 206
    assert (await anna.get(f"{MEDIA}/download/{where}", Range="bytes=1-2", If_Range='"old"')).status == 200


async def test_head(anna: Person) -> None:
    where = await anna.upload(bytes(1000), "text/plain")
    answer = await anna.call("HEAD", f"{MEDIA}/download/{where}")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "1000")


async def test_an_empty_file(anna: Person) -> None:
    where = await anna.upload(b"")
    answer = await anna.get(f"{MEDIA}/download/{where}")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    assert (await anna.get(f"{MEDIA}/download/{where}", Range="bytes=0-")).status == 416


async def test_config(anna: Person) -> None:
    for path in (f"{MEDIA}/config", "/_matrix/media/v3/config", "/_matrix/media/r0/config"):
        assert (await anna.get(path)).json == {"m.upload.size": UPLOAD_SIZE_MAX}


HOSTILE_IDS = [
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "a%2Fb",
    "a%5Cb",
    "a.b",
    "a%20b",
    "%C3%A9",
    "a%00b",
    "%ff",
    "a" * 300,
    "%252e%252e",
    "a;b",
    "~",
]


@pytest.mark.parametrize("media_id", HOSTILE_IDS)
async def test_media_ids_that_are_none(anna: Person, media_id: str) -> None:
    for path in (f"download/localhost/{media_id}", f"thumbnail/localhost/{media_id}?width=9&height=9"):
        answer = await anna.get(f"{MEDIA}/{path}")
        assert answer.error in {(400, "M_INVALID_PARAM"), (404, "M_UNRECOGNIZED")}
    assert (await anna.call("PUT", f"{UPLOAD}/localhost/{media_id}", b"x")).status in (400, 404)


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "a%2Fb", "localhost%00", "%5B::1", "a%40b", "local host", "127.0.0.1%2F..", "localhost:999999"],
)
async def test_server_names_that_are_none(anna: Person, name: str) -> None:
    answer = await anna.get(f"{MEDIA}/download/{name.replace(' ', '%20')}/abc")
    assert answer.error in {(400, "M_INVALID_PARAM"), (404, "M_UNRECOGNIZED")}


async def test_media_that_is_not_there(anna: Person) -> None:
    for where in ("localhost/abc", "localhost/" + "a" * 255, "elsewhere.example.org/abc", "[::1]:8448/abc"):
        assert (await anna.get(f"{MEDIA}/download/{where}")).error == (404, "M_NOT_FOUND")
        assert (await anna.thumbnail(where, "width=9&height=9")).error == (404, "M_NOT_FOUND")


async def test_a_declared_length_over_the_limit_is_refused_at_once(anna: Person) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b"x"

    answer = await anna.call("POST", UPLOAD, nothing(), Content_Length=str(UPLOAD_SIZE_MAX + 1))
    assert answer.error == (413, "M_TOO_LARGE")


async def test_a_stream_over_the_limit_is_refused(anna: Person, server: Server) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(UPLOAD_SIZE_MAX // 1_000_000 + 2):
            yield bytes(1_000_000)

    before = count_files(server)
    answer = await anna.call("POST", UPLOAD, endless())
    assert answer.error == (413, "M_TOO_LARGE")
    assert count_files(server) == before


async def test_a_large_file_passes_through_little_memory(anna: Person, server: Server) -> None:
    length = 250_000_000
    block = os.urandom(1_000_000)
    wanted = hashlib.sha256(block * 250).hexdigest()

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(length // len(block)):
            yield block

    before = memory_of(server)
    where = await anna.upload(stream())
    got = hashlib.sha256()
    url = f"{server.base}{MEDIA}/download/{where}"
    async with anna.session.get(url, headers={"Authorization": f"Bearer {anna.token}"}) as response:
        assert response.headers["Content-Length"] == str(length)
        async for chunk in response.content.iter_chunked(1_000_000):
            got.update(chunk)
    assert got.hexdigest() == wanted
    assert memory_of(server) - before < 80_000_000


def memory_of(server: Server) -> int:
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)


def count_files(server: Server) -> int:
    return sum(path.is_file() for path in (server.data / "media").rglob("*"))


async def test_an_upload_that_breaks_off_leaves_nothing(anna: Person, server: Server) -> None:
    before = count_files(server)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {anna.token}\r\nContent-Length: 20000000\r\n\r\n"
    )
    writer.write(head.encode() + bytes(8_000_000))
    await writer.drain()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if count_files(server) > before:
            break
    else:
        pytest.fail("the upload was not streamed to the store")
    writer.close()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if count_files(server) == before:
            return
    pytest.fail("the broken upload was kept")


async def test_uploading_later(anna: Person, server: Server, session: aiohttp.ClientSession) -> None:
    created = (await anna.call("POST", "/_matrix/media/v1/create")).json
    where = created["content_uri"].removeprefix("mxc://")
    assert isinstance(created["unused_expires_at"], int)
    early = await anna.get(f"{MEDIA}/download/{where}?timeout_ms=0")
    assert early.error == (504, "M_NOT_YET_UPLOADED")
    assert (await anna.thumbnail(where, "width=9&height=9&timeout_ms=100")).error == (504, "M_NOT_YET_UPLOADED")
    bob = await register(server, session)
    assert (await bob.call("PUT", f"{UPLOAD}/{where}", b"bob's")).error == (403, "M_FORBIDDEN")
    waiting = [asyncio.create_task(bob.get(f"{MEDIA}/download/{where}?timeout_ms=20000")) for _ in range(3)]
    await asyncio.sleep(0.3)
    put = await anna.call("PUT", f"{UPLOAD}/{where}?filename=x.txt", b"content", Content_Type="text/plain")
    assert (put.status, put.json) == (200, {})
    for answer in await asyncio.gather(*waiting):
        assert (answer.status, answer.body) == (200, b"content")
        assert answer.headers["content-disposition"] == 'inline; filename="x.txt"'
    assert (await anna.call("PUT", f"{UPLOAD}/{where}", b"other")).error == (409, "M_CANNOT_OVERWRITE_MEDIA")
    assert (await anna.get(f"{MEDIA}/download/{where}")).body == b"content"


async def test_two_uploads_to_one_uri(anna: Person) -> None:
    where = (await anna.call("POST", "/_matrix/media/v1/create")).json["content_uri"].removeprefix("mxc://")
    contents = [bytes([number]) * 500_000 for number in range(5)]
    answers = await asyncio.gather(*(anna.call("PUT", f"{UPLOAD}/{where}", content) for content in contents))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]
    won = next(number for number, answer in enumerate(answers) if answer.status == 200)
    assert (await anna.get(f"{MEDIA}/download/{where}")).body == contents[won]


async def test_uploading_to_a_uri_that_was_not_made(anna: Person) -> None:
    where = await anna.upload(b"x")
    assert (await anna.call("PUT", f"{UPLOAD}/{where}", b"y")).error == (409, "M_CANNOT_OVERWRITE_MEDIA")
    assert (await anna.call("PUT", f"{UPLOAD}/localhost/unknown", b"y")).error == (404, "M_NOT_FOUND")
    assert (await anna.call("PUT", f"{UPLOAD}/example.org/{where[10:]}", b"y")).error == (404, "M_NOT_FOUND")


async def test_unused_uris_are_limited(anna: Person) -> None:
    answers = [await anna.call("POST", "/_matrix/media/v1/create") for _ in range(21)]
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert answers[-1].error == (429, "M_LIMIT_EXCEEDED")
    assert answers[-1].json["retry_after_ms"] > 0
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_thumbnails(anna: Person) -> None:
    where = await anna.upload(pictures.build_jpeg(1000, 500), "image/jpeg", "secret name.jpg")
    for query, content_type, size in [
        ("width=30&height=30&method=crop", "image/jpeg", (32, 32)),
        ("width=96&height=96&method=crop", "image/jpeg", (96, 96)),
        ("width=320&height=240", "image/jpeg", (320, 160)),
        ("width=300&height=10&method=scale", "image/jpeg", (320, 160)),
        ("width=4000&height=4000&animated=true", "image/jpeg", (1000, 500)),
    ]:
        for _ in range(2):
            answer = await anna.thumbnail(where, query)
            assert (answer.status, answer.headers["content-type"]) == (200, content_type)
            assert answer.headers["content-disposition"] == 'inline; filename="thumbnail.jpg"'
            assert answer.headers["content-security-policy"] == CSP
            image = pictures.pyvips.Image.new_from_buffer(answer.body, "")
            assert (image.width, image.height) == size
        assert (
            await anna.get(f"{MEDIA}/thumbnail/{where}?{query}", If_None_Match=answer.headers["etag"])
        ).status == 304


async def test_many_ask_for_the_same_thumbnail(anna: Person) -> None:
    where = await anna.upload(pictures.build_jpeg(3000, 2000), "image/jpeg")
    answers = await asyncio.gather(*(anna.thumbnail(where, "width=320&height=240") for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1


async def test_animated_thumbnails(anna: Person) -> None:
    where = await anna.upload(pictures.build_animation(200, 200, 3, ".gif"), "image/gif")
    moving = await anna.thumbnail(where, "width=96&height=96&animated=true")
    assert moving.headers["content-type"] == "image/webp"
    assert pictures.pyvips.Image.new_from_buffer(moving.body, "", n=-1).get("n-pages") == 3
    for query in ("width=96&height=96", "width=96&height=96&animated=false", "width=4000&height=4000"):
        assert (await anna.thumbnail(where, query)).headers["content-type"] == "image/png"


async def test_the_shape_is_checked(anna: Person) -> None:
    where = await anna.upload(pictures.build_jpeg(100, 100), "image/jpeg")
    for query in ("", "width=32", "height=32"):
        assert (await anna.thumbnail(where, query)).error == (400, "M_MISSING_PARAM")
    for query in (
        "width=0&height=32",
        "width=-1&height=32",
        "width=1.5&height=32",
        "width=x&height=32",
        "width=1_0&height=32",
        "width=32&height=32&method=fill",
        "width=32&height=32&animated=maybe",
    ):
        assert (await anna.thumbnail(where, query)).error == (400, "M_INVALID_PARAM")
    assert (await anna.thumbnail(where, f"width={'9' * 18}&height=1")).status == 200


HOSTILE = {
    "svg": (pictures.SVG, "image/svg+xml", {400}),
    "svg said to be png": (pictures.SVG, "image/png", {400}),
    "html": (b"<html><script>alert(1)</script>", "image/jpeg", {400}),
    "encrypted": (os.urandom(100_000), "application/octet-stream", {400}),
    "empty": (b"", "image/png", {400}),
    "100 megapixels": (pictures.build_png_bomb(10_000, 10_000), "image/png", {413}),
    "bomb": (pictures.build_png_bomb(60_000, 60_000), "image/png", {413, 400}),
    "truncated": (pictures.build_png(300, 300)[:2000], "image/png", {200, 400}),
    "header": (b"\x89PNG\r\n\x1a\n", "image/png", {400}),
    "zip": (b"PK\x03\x04" + bytes(1000), "image/jpeg", {400}),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_thumbnails_of_hostile_files(anna: Person, name: str) -> None:
    content, content_type, statuses = HOSTILE[name]
    where = await anna.upload(content, content_type)
    answer = await anna.thumbnail(where, "width=32&height=32")
    assert answer.status in statuses
    if answer.status != 200:
        assert answer.error[1] == ("M_TOO_LARGE" if answer.status == 413 else "M_UNKNOWN")
    assert (await anna.get(f"{MEDIA}/download/{where}")).body == content


async def test_a_picture_whose_uploader_lies_about_its_type(anna: Person) -> None:
    where = await anna.upload(pictures.build_jpeg(20, 20), "text/html")
    answer = await anna.thumbnail(where, "width=32&height=32")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")


async def test_wrong_methods_and_paths(anna: Person) -> None:
    assert (await anna.get(UPLOAD)).error == (405, "M_UNRECOGNIZED")
    assert (await anna.call("PUT", f"{MEDIA}/download/a/b")).error == (405, "M_UNRECOGNIZED")
    assert (await anna.get(f"{MEDIA}/download/a")).error == (404, "M_UNRECOGNIZED")
    assert (await anna.get(f"{MEDIA}/nothing")).error == (404, "M_UNRECOGNIZED")


async def test_previews_are_off_unless_wanted(anna: Person) -> None:
    assert (await anna.get(f"{MEDIA}/preview_url?url=http://example.org/")).error == (403, "M_FORBIDDEN")
    assert (await anna.get(f"{MEDIA}/preview_url")).error == (400, "M_MISSING_PARAM")


async def test_a_restart_keeps_what_was_acknowledged(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    server = start_zajil(tmp_path)
    try:
        anna = await register(server, session)
        content = os.urandom(200_000)
        where = await anna.upload(content, "image/png", "x.png")
        server.kill()
        server.start()
        answer = await anna.get(f"{MEDIA}/download/{where}")
        assert (answer.status, answer.body) == (200, content)
    finally:
        server.stop()
