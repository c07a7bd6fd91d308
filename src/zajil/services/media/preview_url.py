"""GET /media/preview_url: what a linked page says about itself (client-server API, "URL preview")."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import orjson
import structlog

from zajil.core.identifiers import MxcUri
from zajil.core.open_graph import decode_html, parse_open_graph
from zajil.ports.database import Transaction
from zajil.ports.outbound_http import OutboundFailed, OutboundRequest, OutboundResponse
from zajil.ports.stores.media import MediaRow
from zajil.ports.thumbnailer import NotAPicture, Picture, PictureTooLarge, ThumbnailerBusy
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param, limit_exceeded
from zajil.services.media.media_repository import MEDIA_ID_LENGTH, MEDIA_ID_LETTERS, store_object

URL_LENGTH_MAX = 2048
LANGUAGE_LENGTH_MAX = 100
PAGE_BYTES_MAX = 1024 * 1024
IMAGE_BYTES_MAX = 10 * 1024 * 1024
PAGE_TIMEOUT_MS = 10_000
REDIRECTS_MAX = 5
PREVIEWS_RUNNING_MAX = 16
PREVIEW_LIFETIME_MS = 24 * 3600 * 1000
# Clients keep a preview a little longer than we do.
IMAGE_LIFETIME_MS = 3 * PREVIEW_LIFETIME_MS
PAGE_TYPES = ("text/html", "application/xhtml+xml")

log = structlog.get_logger(__name__)


async def preview_url(app: App, url: str, language: str | None) -> dict[str, Any]:
    """The page's Open Graph properties, its picture as an mxc URI. 403 M_FORBIDDEN for hosts not to be asked, 502 M_UNKNOWN."""
    if not app.config.url_previews:
        raise forbidden("URL previews are switched off on this server.")
    url = parse_url(url)
    if not is_host_allowed(app, urlsplit(url).hostname or ""):
        raise forbidden("This server does not preview pages of this site.")
    known = await app.stores.media.load_preview(app.db.reader, url, app.clock.now_ms())
    if known is not None:
        preview: dict[str, Any] = orjson.loads(known)
        return preview
    if sum(type(key) is str for key in app.media.running) >= PREVIEWS_RUNNING_MAX:
        raise limit_exceeded(2000, "Too many pages are being previewed. Wait a moment.")
    return await app.media.run_once(url, lambda: make_preview(app, url, language))


def parse_url(text: str) -> str:
    """The URL without its fragment. Raises 400 M_INVALID_PARAM."""
    url = urldefrag(text).url if len(text) <= URL_LENGTH_MAX else ""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web:
        raise invalid_param("This is not the URL of a web page.")
    return url


def is_host_allowed(app: App, host: str) -> bool:
    """Whether a host is on the list of allowed hosts, if there is one, and not on that of denied ones."""
    allowed, denied = app.config.url_preview_allow, app.config.url_preview_deny
    return (not allowed or is_listed(host, allowed)) and not is_listed(host, denied)


def is_listed(host: str, patterns: Sequence[str]) -> bool:
    """Whether a host is one of `example.org` or `*.example.org`; the latter stands for the domain itself too."""
    host = host.lower().rstrip(".")
    for pattern in patterns:
        domain = pattern.lower().removeprefix("*.").rstrip(".")
        if host == domain or (pattern.startswith("*.") and host.endswith(f".{domain}")):
            return True
    return False


async def make_preview(app: App, url: str, language: str | None) -> dict[str, Any]:
    """Fetch the page and its picture, and remember the result."""
    page = await fetch(app, url, "text/html, image/*;q=0.8", language, PAGE_BYTES_MAX, truncates=True)
    if page is None or page.status != 200:
        raise MatrixError(502, "M_UNKNOWN", "The page could not be fetched.")
    content_type = page.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    preview: dict[str, Any] = {}
    if kind in PAGE_TYPES:
        # A page made for it takes tenths of a second, which the event loop does not have.
        preview.update(await asyncio.to_thread(read_page, page.body, content_type))
        image_url = preview.pop("og:image", None)
        if image_url:
            preview.update(await preview_image(app, urljoin(page.url, image_url), language))
    elif kind.startswith("image/"):
        preview.update(await preview_image(app, page.url, language))
    expires_ts_ms = app.clock.now_ms() + PREVIEW_LIFETIME_MS
    await app.db.write(lambda tx: app.stores.media.store_preview(tx, url, expires_ts_ms, orjson.dumps(preview)))
    return preview


def read_page(body: bytes, content_type: str) -> dict[str, str]:
    return parse_open_graph(decode_html(body, content_type))


async def fetch(
    app: App, url: str, accept: str, language: str | None, bytes_max: int, *, truncates: bool
) -> OutboundResponse | None:
    """An answer, or None when there is none. Users are not told why: it would let them explore our network."""
    headers = {"Accept": accept}
    if language and len(language) <= LANGUAGE_LENGTH_MAX and language.isascii() and language.isprintable():
        headers["Accept-Language"] = language
    request = OutboundRequest(
        url,
        headers=headers,
        timeout_ms=PAGE_TIMEOUT_MS,
        body_bytes_max=bytes_max,
        redirects_max=REDIRECTS_MAX,
        truncates=truncates,
        is_host_allowed=lambda host: is_host_allowed(app, host),
    )
    try:
        return await app.outbound.fetch(request)
    except OutboundFailed as failure:
        log.info("page not fetched", failure=failure.failure.value)
        return None


async def preview_image(app: App, url: str, language: str | None) -> dict[str, Any]:
    """The properties of a picture once it is in our media repository; empty when it cannot be had."""
    answer = await fetch(app, url, "image/*", language, IMAGE_BYTES_MAX, truncates=False)
    if answer is None or answer.status != 200:
        return {}
    try:
        picture = await app.media.thumbnailer.measure(stream(answer.body), len(answer.body))
    except (NotAPicture, PictureTooLarge, ThumbnailerBusy):
        return {}
    uri = await store_image(app, answer.body, picture)
    return {
        "og:image": str(uri),
        "og:image:type": picture.content_type,
        "og:image:width": picture.width,
        "og:image:height": picture.height,
        "matrix:image:size": len(answer.body),
    }


async def store_image(app: App, body: bytes, picture: Picture) -> MxcUri:
    """Store a picture as media of this server that expires."""
    now_ms = app.clock.now_ms()
    key, size = await store_object(app, stream(body), len(body))
    uri = MxcUri(app.server_name, app.randomness.letters(MEDIA_ID_LENGTH, MEDIA_ID_LETTERS))

    async def insert(tx: Transaction) -> None:
        row = MediaRow(
            media_nid=await tx.new_ids(1),
            server_name=uri.server_name,
            media_id=uri.media_id,
            uploader=None,
            created_ts_ms=now_ms,
            expires_ts_ms=now_ms + IMAGE_LIFETIME_MS,
            used_ts_ms=None,
            storage_key=key,
            size=size,
            content_type=picture.content_type,
            file_name=None,
        )
        await app.stores.media.insert(tx, row)
        await app.stores.media.delete_garbage(tx, (key,))

    await app.db.write(insert)
    return uri


async def stream(body: bytes) -> AsyncIterator[bytes]:
    yield body
