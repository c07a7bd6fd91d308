"""How the web client's files are given out: caching, compression, policy, and nothing outside the build."""

import gzip
from pathlib import Path

import pytest

from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.web_client import ROUTES, WebClientFiles, build_policy, get_file, parse_accept_encoding
from zajil.services.errors import MatrixError

SCRIPT = b"export default 1;\n" * 100


@pytest.fixture
def files(tmp_path: Path) -> WebClientFiles:
    folder = tmp_path / "build"
    (folder / "_zajil/web").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"<!doctype html>")
    script = folder / "_zajil/web/index-abc.js"
    script.write_bytes(SCRIPT)
    script.with_suffix(".js.gz").write_bytes(gzip.compress(SCRIPT))
    script.with_suffix(".js.br").write_bytes(b"brotli")
    (tmp_path / "secret.js").write_bytes(b"secret")
    return WebClientFiles(folder)


def build_request(path: str = "/", **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "GET", "raw_path": path.encode(), "query_string": b"", "headers": pairs}
    return Request(scope, None, {})  # type: ignore[arg-type]


def headers_of(response: Response | None) -> dict[bytes, bytes]:
    assert response is not None
    return dict(response.headers)


async def test_hashed_files_stay_for_ever_and_the_page_is_asked_for_again(files: WebClientFiles) -> None:
    script = headers_of(await files.answer("_zajil/web/index-abc.js", build_request(), ""))
    assert script[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert script[b"content-type"] == b"text/javascript; charset=utf-8"
    page = await files.answer("index.html", build_request(), "")
    assert headers_of(page)[b"cache-control"] == b"no-cache"
    etag = headers_of(page)[b"etag"].decode()
    again = await files.answer("index.html", build_request(if_none_match=f'W/"x", {etag}'), "")
    assert again is not None
    assert (again.status, again.body) == (304, b"")
    assert headers_of(again)[b"etag"].decode() == etag


async def test_the_best_encoding_that_the_browser_takes(files: WebClientFiles) -> None:
    name = "_zajil/web/index-abc.js"
    for accepted, encoding in (
        ("gzip, deflate, br, zstd", b"br"),
        ("gzip", b"gzip"),
        ("br;q=0, gzip;q=0.5", b"gzip"),
        ("identity", None),
    ):
        response = await files.answer(name, build_request(accept_encoding=accepted), "")
        headers = headers_of(response)
        assert headers.get(b"content-encoding") == encoding, accepted
        assert headers[b"vary"] == b"accept-encoding"
    assert response is not None
    assert response.body == SCRIPT
    plain = await files.answer("index.html", build_request(accept_encoding="br"), "")
    assert b"content-encoding" not in headers_of(plain)


def test_encodings_refused_are_not_taken() -> None:
    assert parse_accept_encoding("gzip;q=0.0, br ; q=0.1 , *") == {"br", "*"}
    assert parse_accept_encoding(None) == {""}


def test_nothing_foreign_and_nothing_inline() -> None:
    policy = build_policy("https://matrix.example.org")
    assert policy.startswith(b"default-src 'none'; script-src 'self' 'wasm-unsafe-eval';")
    assert b"connect-src 'self' https://matrix.example.org;" in policy
    assert b"connect-src 'self';" in build_policy("")
    assert b"unsafe-inline" not in policy
    assert b"'unsafe-eval'" not in policy


async def test_what_is_no_file_of_the_build_is_not_found(files: WebClientFiles, tmp_path: Path) -> None:
    for name in ("_zajil/web/other.js", "_zajil/web", "index.html/x"):
        assert await files.answer(name, build_request(), "") is None
    assert len(files._known) == 0
    for path in (
        "/_zajil/web/..",
        "/_zajil/web/.vite",
        "/_zajil/web/%2e%2e",
        "/_zajil/web/a\\b",
        "/_zajil/web/" + "a" * 300,
        "/_zajil/web/\xff",
    ):
        with pytest.raises(MatrixError) as caught:
            await get_file(None, build_request(path))  # type: ignore[arg-type]
        assert caught.value.status == 404


async def test_a_build_that_comes_later_is_found(tmp_path: Path) -> None:
    files = WebClientFiles(tmp_path)
    assert await files.answer("index.html", build_request(), "") is None
    (tmp_path / "index.html").write_bytes(b"<!doctype html>")
    assert await files.answer("index.html", build_request(), "") is not None


def test_every_kind_of_file_has_a_route() -> None:
    assert {route.path for route in ROUTES} == {
        "/",
        "/service_worker.js",
        "/manifest.webmanifest",
        "/_zajil/web/{file}",
        "/_zajil/icons/{file}",
    }
