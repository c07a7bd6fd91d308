"""The web client: the files that `npm run build` in web/ left in the folder of the same name beside this module.

Files with their content's hash in their name are cached for ever, all others are asked for again and mostly answered with 304.
The build leaves `x.br` and `x.gz` beside `x`: nothing is compressed here.
"""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import Final

from zajil.http.pages import build_page
from zajil.http.request import Request
from zajil.http.response import Headers, Response
from zajil.http.router import Auth, Route
from zajil.services.app import App
from zajil.services.errors import MatrixError

FOLDER: Final = Path(__file__).parent / "web_client"
ASSETS: Final = "_zajil/web/"
FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,150}")
ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""Best first: name in Accept-Encoding, ending of the file."""
CONTENT_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".wasm": b"application/wasm",
    ".webmanifest": b"application/manifest+json",
    ".woff2": b"font/woff2",
}
NOT_BUILT: Final = (
    "<h1>The web client is not built</h1><p>The server runs, and every Matrix app can use it. "
    "For the client in the browser, stop the server and start it with <code>make run</code>, which builds it.</p>"
)


def build_policy(base_url: str) -> bytes:
    """The Content-Security-Policy: nothing but our own files, and no connection but to this server, under `base_url` too."""
    sources = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",  # the cryptography is WebAssembly
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' blob: data:",  # decrypted pictures are blobs, blurred previews data URLs
        "media-src": "'self' blob:",
        "connect-src": f"'self' {base_url}".strip(),
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items()).encode()


def build_security_headers(base_url: str) -> Headers:
    return [
        (b"content-security-policy", build_policy(base_url)),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"permissions-policy",
            b"camera=(self), microphone=(self), geolocation=(self), payment=(), usb=(), interest-cohort=()",
        ),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


class WebClientFiles:
    """The files of one build, read when first asked for and kept: there are as many as the build made, and never more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[bytes, bytes] | None] = {}

    async def load(self, name: str) -> tuple[bytes, bytes] | None:
        """The bytes and ETag of a file of the build, None if there is none. `name` is a path that the caller has checked."""
        if name not in self._known:
            found = await asyncio.to_thread(self._read, name)
            if found is None and not (self._folder / "index.html").exists():
                return None  # not built yet: look again next time
            if found is None and not name.endswith((".br", ".gz")):
                return None  # anybody may ask for any name: only what exists is remembered
            self._known[name] = found
        return self._known[name]

    def _read(self, name: str) -> tuple[bytes, bytes] | None:
        try:
            content = (self._folder / name).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        return content, b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'

    async def answer(self, name: str, request: Request, base_url: str) -> Response | None:
        """The answer with a file in the best encoding that the browser takes."""
        if await self.load(name) is None:
            return None
        content, etag, headers = b"", b"", build_security_headers(base_url)
        accepted = parse_accept_encoding(request.header(b"accept-encoding"))
        for encoding, ending in (*ENCODINGS, ("", "")):
            found = await self.load(name + ending) if not encoding or encoding in accepted else None
            if found is not None:
                content, etag = found
                headers += [(b"content-encoding", encoding.encode())] if encoding else []
                break
        is_immutable = name.startswith(ASSETS)
        headers += [
            (b"content-type", CONTENT_TYPES.get(Path(name).suffix, b"application/octet-stream")),
            (b"cache-control", b"public, max-age=31536000, immutable" if is_immutable else b"no-cache"),
            (b"etag", etag),
            (b"vary", b"accept-encoding"),
        ]
        if etag.decode() in (request.header(b"if-none-match") or ""):
            return Response(b"", 304, headers)
        return Response(content, 200, headers)


def parse_accept_encoding(value: str | None) -> set[str]:
    """The encodings named, without those refused with q=0."""
    accepted = set()
    for part in (value or "").lower().split(","):
        name, _, quality = part.partition(";")
        if not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality):
            accepted.add(name.strip())
    return accepted


FILES: Final = WebClientFiles(FOLDER)


async def get_index(app: App, request: Request) -> Response:
    answer = await FILES.answer("index.html", request, app.config.public_base_url)
    return answer or build_page(NOT_BUILT, 503)


async def get_file(app: App, request: Request) -> Response:
    """Any other file of the build: its path here is its path there."""
    name = request.path.decode("ascii", "replace").strip("/")
    file = name.rpartition("/")[2]
    if FILE_NAME.fullmatch(file) and (answer := await FILES.answer(name, request, app.config.public_base_url)):
        return answer
    raise MatrixError(404, "M_NOT_FOUND", "The web client has no such file.")


ROUTES: Final = [
    Route("GET", "/", get_index, Auth.NONE, summary="The web client."),
    Route("GET", "/service_worker.js", get_file, Auth.NONE, summary="The web client's service worker."),
    Route("GET", "/manifest.webmanifest", get_file, Auth.NONE, summary="How the web client is installed."),
    Route("GET", "/_zajil/web/{file}", get_file, Auth.NONE, summary="A file of the web client."),
    Route("GET", "/_zajil/icons/{file}", get_file, Auth.NONE, summary="An icon of the web client."),
]
