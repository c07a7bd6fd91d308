"""What the media repository does as time passes, with other servers, and with web pages; clock and peers are the tests' own."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.client import Answer, Client, InProcessServer, running_server
from tests.media import pictures

from zajil.ports.remote_media import (
    RemoteMedia,
    RemoteMediaMissing,
    RemoteMediaNotYetUploaded,
    RemoteMediaUnavailable,
)
from zajil.services.media import clean_media as cleaning
from zajil.services.media.clean_media import clean_media, delete_uploads_of
from zajil.services.media.create_media import UNUSED_LIFETIME_MS
from zajil.services.media.media_repository import UPLOAD_LIFETIME_MS_MAX
from zajil.services.media.preview_url import IMAGE_LIFETIME_MS, PREVIEW_LIFETIME_MS

UPLOAD = "/_matrix/media/v3/upload"
MEDIA = "/_matrix/client/v1/media"
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS


class MovedClock:
    """The real clock, moved by the tests."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return int(self._clock.now_ms()) + self.ahead_ms

    def monotonic_s(self) -> float:
        return float(self._clock.monotonic_s())


class Elsewhere:
    """Another server: what it has, and how often it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | Exception] = {}
        self.asked: list[str] = []
        self.pause_s = 0.0

    async def fetch(self, server_name: str, media_id: str, timeout_ms: int) -> RemoteMedia:
        self.asked.append(f"{server_name}/{media_id}")
        await asyncio.sleep(self.pause_s)
        found = self.files.get(media_id, RemoteMediaMissing())
        if isinstance(found, Exception):
            raise found

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(found), 1000):
                yield found[start : start + 1000]

        return RemoteMedia("image/png", "theirs.png", chunks())


async def upload(client: Client, content: bytes) -> str:
    answer = await client.call("POST", UPLOAD, content)
    return str(answer.ok()["content_uri"]).removeprefix("mxc://")


async def download(client: Client, where: str) -> Answer:
    return await client.get(f"{MEDIA}/download/{where}?timeout_ms=0")


def move_clock(server: InProcessServer) -> MovedClock:
    clock = MovedClock(server.app.clock)
    server.app.clock = clock
    return clock


def count_files(data: Path) -> int:
    return sum(path.is_file() for path in (data / "media").rglob("*"))


async def count_rows(server: InProcessServer, table: str) -> int:
    return int(await server.app.db.reader.fetch_value(f"SELECT COUNT(*) FROM {table}"))


async def test_the_quota(tmp_path: Path) -> None:
    async with running_server(tmp_path, media_quota=250_000) as server:
        anna, bob = await server.register("anna"), await server.register("bob")
        await upload(anna, bytes(100_000))
        await upload(anna, bytes(100_000))
        refused = await anna.call("POST", UPLOAD, bytes(100_000))
        assert (refused.status, refused.errcode) == (403, "M_USER_LIMIT_EXCEEDED")
        assert refused.body["info_uri"].startswith("http")
        where = (await anna.post("/_matrix/media/v1/create")).ok()["content_uri"].removeprefix("mxc://")
        assert (await anna.call("PUT", f"{UPLOAD}/{where}", bytes(100_000))).errcode == "M_USER_LIMIT_EXCEEDED"
        assert (await anna.call("PUT", f"{UPLOAD}/{where}", bytes(50_000))).status == 200
        assert (await anna.call("POST", UPLOAD, b"x")).errcode == "M_USER_LIMIT_EXCEEDED"
        await upload(bob, bytes(100_000))


async def test_simultaneous_uploads_do_not_pass_the_quota(tmp_path: Path) -> None:
    async with running_server(tmp_path, media_quota=250_000) as server:
        anna = await server.register("anna")
        answers = await asyncio.gather(*(anna.call("POST", UPLOAD, bytes(100_000)) for _ in range(6)))
        assert sorted(answer.status for answer in answers) == [200, 200, 403, 403, 403, 403]
        clock = move_clock(server)
        clock.ahead_ms = UPLOAD_LIFETIME_MS_MAX + 1
        await clean_media(server.app)
        assert (await count_rows(server, "media"), count_files(tmp_path)) == (2, 2)


async def test_the_number_of_simultaneous_uploads_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        store, go_on = server.app.media.store, asyncio.Event()
        put = store.put

        async def put_later(key: str, chunks: AsyncIterable[bytes], *, bytes_max: int) -> int:
            await go_on.wait()
            return await put(key, chunks, bytes_max=bytes_max)

        monkeypatch.setattr(store, "put", put_later)
        with server.app.media.count_upload(anna.user_id):
            uploads = [asyncio.create_task(anna.call("POST", UPLOAD, bytes(1000))) for _ in range(8)]
            async with asyncio.timeout(20):
                await asyncio.wait(uploads, return_when=asyncio.FIRST_COMPLETED)  # the one that is too many
                go_on.set()
                answers = await asyncio.gather(*uploads)
        assert sorted(answer.status for answer in answers) == [200] * 7 + [429]
        assert server.app.media.uploading == {}


async def test_unused_uris_expire(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        clock = move_clock(server)
        anna = await server.register("anna")
        wheres = [
            (await anna.post("/_matrix/media/v1/create")).ok()["content_uri"].removeprefix("mxc://") for _ in range(20)
        ]
        assert (await anna.post("/_matrix/media/v1/create")).status == 429
        clock.ahead_ms = UNUSED_LIFETIME_MS - 60_000
        assert (await anna.call("PUT", f"{UPLOAD}/{wheres[0]}", b"just in time")).status == 200
        assert (await download(anna, wheres[1])).errcode == "M_NOT_YET_UPLOADED"
        clock.ahead_ms = UNUSED_LIFETIME_MS + 60_000
        assert (await anna.call("PUT", f"{UPLOAD}/{wheres[1]}", b"late")).errcode == "M_NOT_FOUND"
        assert (await download(anna, wheres[1])).errcode == "M_NOT_FOUND"
        assert (await anna.post("/_matrix/media/v1/create")).status == 200
        await clean_media(server.app)
        assert await count_rows(server, "media") == 2
        assert (await download(anna, wheres[0])).raw == b"just in time"


async def test_remote_media_is_copied_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        elsewhere = server.app.media.remote = Elsewhere()
        elsewhere.files["dove"] = picture = pictures.build_png(300, 300)
        elsewhere.pause_s = 0.1
        anna = await server.register("anna")
        answers = await asyncio.gather(*(download(anna, "example.org/dove") for _ in range(5)))
        for answer in answers:
            assert (answer.status, answer.raw) == (200, picture)
            assert answer.headers["content-disposition"] == 'inline; filename="theirs.png"'
        thumbnail = await anna.get(f"{MEDIA}/thumbnail/example.org/dove?width=96&height=96")
        assert thumbnail.status == 200
        assert elsewhere.asked == ["example.org/dove"]


async def test_remote_media_that_cannot_be_had(tmp_path: Path) -> None:
    async with running_server(tmp_path, upload_size_max=200_000) as server:
        elsewhere = server.app.media.remote = Elsewhere()
        elsewhere.files |= {
            "pending": RemoteMediaNotYetUploaded(),
            "down": RemoteMediaUnavailable(),
            "large": bytes(200_001),
            "bomb": pictures.build_png_bomb(10_000, 10_000),
        }
        anna = await server.register("anna")
        for media_id, status, errcode in (
            ("missing", 404, "M_NOT_FOUND"),
            ("pending", 504, "M_NOT_YET_UPLOADED"),
            ("down", 502, "M_UNKNOWN"),
            ("large", 502, "M_TOO_LARGE"),
        ):
            answer = await download(anna, f"example.org/{media_id}")
            assert (answer.status, answer.errcode) == (status, errcode)
        thumbnail = await anna.get(f"{MEDIA}/thumbnail/example.org/bomb?width=96&height=96")
        assert (thumbnail.status, thumbnail.errcode) == (502, "M_TOO_LARGE")
        assert await count_rows(server, "media") == 1


async def test_remote_media_that_nobody_looks_at_expires(tmp_path: Path) -> None:
    async with running_server(tmp_path, remote_media_cache_days=30) as server:
        clock = move_clock(server)
        elsewhere = server.app.media.remote = Elsewhere()
        elsewhere.files |= {"seen": pictures.build_png(300, 300), "unseen": pictures.build_png(300, 300)}
        anna = await server.register("anna")
        mine = await upload(anna, b"mine")
        for media_id in elsewhere.files:
            await download(anna, f"example.org/{media_id}")
            await anna.get(f"{MEDIA}/thumbnail/example.org/{media_id}?width=96&height=96")
        assert count_files(tmp_path) == 5
        clock.ahead_ms = 29 * DAY_MS
        await clean_media(server.app)
        assert (await download(anna, "example.org/seen")).status == 200
        clock.ahead_ms = 31 * DAY_MS
        await clean_media(server.app)
        assert (await count_rows(server, "media"), await count_rows(server, "media_thumbnails")) == (2, 1)
        assert count_files(tmp_path) == 5, "a download may still be reading"
        clock.ahead_ms += cleaning.GRACE_MS
        await clean_media(server.app)
        assert count_files(tmp_path) == 3
        assert (await download(anna, mine)).raw == b"mine"
        assert (await download(anna, "example.org/unseen")).status == 200
        assert elsewhere.asked.count("example.org/unseen") == 2
        assert elsewhere.asked.count("example.org/seen") == 1


async def test_copies_of_remote_media_are_bounded_in_bytes(tmp_path: Path) -> None:
    async with running_server(tmp_path, remote_media_cache_size=250_000) as server:
        clock = move_clock(server)
        elsewhere = server.app.media.remote = Elsewhere()
        elsewhere.files |= {f"file{number}": bytes(100_000) for number in range(4)}
        anna = await server.register("anna")
        mine = await upload(anna, bytes(300_000))
        for day, media_id in enumerate(elsewhere.files):
            clock.ahead_ms = day * DAY_MS
            assert (await download(anna, f"example.org/{media_id}")).status == 200
        clock.ahead_ms = 5 * DAY_MS
        assert (await download(anna, "example.org/file0")).status == 200  # the first of them is the one used last
        await clean_media(server.app)
        await clean_media(server.app)
        kept = await server.app.db.reader.fetch("SELECT media_id FROM media WHERE used_ts_ms IS NOT NULL ORDER BY 1")
        assert [row[0] for row in kept] == ["file0", "file3"]
        assert (await download(anna, mine)).status == 200, "uploads of this server's users are not meant"


async def test_what_a_crash_leaves_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server:
        clock = move_clock(server)
        anna = await server.register("anna")
        write = server.app.db.write
        calls = 0

        async def crash(item: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise RuntimeError("the process dies between the file and its row")
            return await write(item, **options)

        with monkeypatch.context() as patch:
            patch.setattr(server.app.db, "write", crash)
            assert (await anna.call("POST", UPLOAD, bytes(1000))).status == 500
        assert count_files(tmp_path) == 1
        await clean_media(server.app)
        assert count_files(tmp_path) == 1
        clock.ahead_ms = UPLOAD_LIFETIME_MS_MAX + 1
        await clean_media(server.app)
        assert (count_files(tmp_path), await count_rows(server, "media_garbage")) == (0, 0)


async def test_erasing_an_account(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        clock = move_clock(server)
        anna, bob = await server.register("anna"), await server.register("bob")
        wheres = [await upload(anna, os.urandom(100)) for _ in range(cleaning.BATCH_MAX + 5)]
        kept = await upload(bob, b"bob's")
        assert await delete_uploads_of(server.app, anna.user_id) == len(wheres)
        assert (await download(anna, wheres[0])).errcode == "M_NOT_FOUND"
        assert await server.app.stores.media.load_usage(server.app.db.reader, anna.user_id) == 0
        clock.ahead_ms = cleaning.GRACE_MS + 1
        await clean_media(server.app)
        assert count_files(tmp_path) == 1
        assert (await download(bob, kept)).raw == b"bob's"


class Site:
    """A web site on 127.0.0.1."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[str] = []
        self.languages: list[str] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.path)
        self.languages.append(request.headers.get("Accept-Language", ""))
        match request.path:
            case "/page":
                return web.Response(text=PAGE, content_type="text/html")
            case "/slow":
                await asyncio.sleep(0.2)
                return web.Response(text="<title>slow</title>", content_type="text/html")
            case "/bare":
                return web.Response(text="<meta property=og:image content=/text>", content_type="text/html")
            case "/bomb":
                return web.Response(text="<meta property=og:image content=/bomb.png>", content_type="text/html")
            case "/bomb.png":
                return web.Response(body=pictures.build_png_bomb(10_000, 10_000), content_type="image/png")
            case "/inside":
                image = f"http://localhost:{self.port}/picture.png"
                return web.Response(text=f"<meta property=og:image content={image}>", content_type="text/html")
            case "/picture.png":
                return web.Response(body=PICTURE, content_type="image/png")
            case "/text":
                return web.Response(text="just text")
            case "/svg":
                return web.Response(body=pictures.SVG, content_type="image/svg+xml")
            case "/away":
                raise web.HTTPFound(request.query["to"])
            case _:
                return web.Response(status=404)


PICTURE = pictures.build_png(60, 40)
PAGE = """<html><head><meta property="og:title" content="A page"><meta property="og:image" content="picture.png">
<meta property="og:description" content="about doves"></head></html>"""


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


PREVIEWS: dict[str, Any] = {"url_previews": True, "outbound_allow": ("127.0.0.1",)}


async def preview(client: Client, url: str) -> Answer:
    return await client.get(f"{MEDIA}/preview_url?url={url}&ts=1")


async def test_a_preview(tmp_path: Path, site: Site) -> None:
    async with running_server(tmp_path, **PREVIEWS) as server:
        anna = await server.register("anna")
        anna.headers = {"accept-language": "ar, en;q=0.5"}
        found = (await preview(anna, site.url("/page%23part"))).ok()
        uri = found.pop("og:image")
        assert found == {
            "og:title": "A page",
            "og:description": "about doves",
            "og:image:type": "image/png",
            "og:image:width": 60,
            "og:image:height": 40,
            "matrix:image:size": len(PICTURE),
        }
        assert site.languages == ["ar, en;q=0.5"] * 2
        picture = await download(anna, uri.removeprefix("mxc://"))
        assert (picture.status, picture.raw, picture.headers["content-type"]) == (200, PICTURE, "image/png")
        again = await anna.get(f"/_matrix/media/v3/preview_url?url={site.url('/page')}")
        assert again.ok()["og:image"] == uri
        assert site.seen == ["/page", "/picture.png"]


async def test_previews_expire(tmp_path: Path, site: Site) -> None:
    async with running_server(tmp_path, **PREVIEWS) as server:
        clock = move_clock(server)
        anna = await server.register("anna")
        uri = (await preview(anna, site.url("/page"))).ok()["og:image"].removeprefix("mxc://")
        clock.ahead_ms = PREVIEW_LIFETIME_MS + 1
        assert (await download(anna, uri)).status == 200
        await clean_media(server.app)
        assert await count_rows(server, "url_previews") == 0
        await preview(anna, site.url("/page"))
        assert site.seen.count("/page") == 2
        clock.ahead_ms = IMAGE_LIFETIME_MS + 1
        assert (await download(anna, uri)).errcode == "M_NOT_FOUND"
        await clean_media(server.app)
        clock.ahead_ms += cleaning.GRACE_MS
        await clean_media(server.app)
        assert count_files(tmp_path) == 1


async def test_one_page_is_fetched_once_for_all(tmp_path: Path, site: Site) -> None:
    async with running_server(tmp_path, **PREVIEWS) as server:
        anna = await server.register("anna")
        answers = await asyncio.gather(*(preview(anna, site.url("/slow")) for _ in range(5)))
        assert [answer.ok() for answer in answers] == [{"og:title": "slow"}] * 5
        assert site.seen == ["/slow"]


async def test_pages_without_a_preview(tmp_path: Path, site: Site) -> None:
    async with running_server(tmp_path, **PREVIEWS) as server:
        anna = await server.register("anna")
        for path in ("/text", "/bare", "/bomb", "/svg"):
            assert (await preview(anna, site.url(path))).ok() == {}
        only_picture = (await preview(anna, site.url("/picture.png"))).ok()
        assert only_picture["matrix:image:size"] == len(PICTURE)
        missing = await preview(anna, site.url("/missing"))
        assert (missing.status, missing.errcode) == (502, "M_UNKNOWN")


async def test_private_addresses_are_never_fetched(tmp_path: Path, site: Site) -> None:
    async with running_server(tmp_path, url_previews=True) as server:
        anna = await server.register("anna")
        answers = [
            await preview(anna, site.url("/page", host)) for host in ("127.0.0.1", "localhost", "[::1]", "0x7f.1")
        ]
        assert {(answer.status, answer.errcode) for answer in answers} == {(502, "M_UNKNOWN")}
        assert len({answer.raw for answer in answers}) == 1, "the answer tells nothing about our network"
        assert site.seen == []
    async with running_server(tmp_path, **PREVIEWS) as server:
        anna = await server.login("anna")
        for target in (site.url("/page", "127.0.0.2"), "http://169.254.169.254/latest", "file:///etc/passwd"):
            assert (await preview(anna, site.url(f"/away%3Fto={target}"))).status == 502
        assert site.seen == ["/away"] * 3


async def test_hosts_that_are_not_previewed(tmp_path: Path, site: Site) -> None:
    options = {**PREVIEWS, "outbound_allow": ("127.0.0.1", "::1"), "url_preview_deny": ("*.localhost",)}
    async with running_server(tmp_path, **options) as server:
        anna = await server.register("anna")
        for host in ("localhost", "LOCALHOST.", "a.b.localhost"):
            denied = await preview(anna, site.url("/page", host))
            assert (denied.status, denied.errcode) == (403, "M_FORBIDDEN")
        assert (await preview(anna, site.url("/inside"))).ok() == {}, "nor for a picture"
        assert (await preview(anna, site.url(f"/away%3Fto={site.url('/page', 'localhost')}"))).status == 502
        assert site.seen == ["/inside", "/away"]
    async with running_server(tmp_path, **PREVIEWS, url_preview_allow=("example.org", "127.0.0.1")) as server:
        anna = await server.login("anna")
        assert (await preview(anna, site.url("/text"))).status == 200
        assert (await preview(anna, "http://www.example.org/")).status == 403


@pytest.mark.parametrize(
    "url",
    ["", "x", "/page", "ftp://example.org/", "javascript:alert(1)", "http://", "http://[::1/", "http://a" + "b" * 2100],
)
async def test_urls_that_are_none(tmp_path: Path, url: str) -> None:
    async with running_server(tmp_path, **PREVIEWS) as server:
        anna = await server.register("anna")
        answer = await preview(anna, url)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
