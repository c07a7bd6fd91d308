"""The media repository (client-server API, "Content repository")."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from zajil.http.content import File, serve_file
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, client, routes
from zajil.ports.thumbnailer import ThumbnailShape
from zajil.services.app import App
from zajil.services.errors import bad_json, invalid_param, not_found
from zajil.services.media.create_media import create_media
from zajil.services.media.download_media import TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX, check_uri, load_media
from zajil.services.media.media_repository import read_object
from zajil.services.media.preview_url import preview_url
from zajil.services.media.thumbnail_media import ThumbnailFile, thumbnail_media
from zajil.services.media.upload_media import parse_file_name, upload_media, upload_to_uri

SIDE_ASKED_MAX = 1_000_000
TS_MAX = 2**53
# Thumbnails have a name so that what is saved has the right ending.
THUMBNAIL_NAMES = {"image/png": "thumbnail.png", "image/jpeg": "thumbnail.jpg", "image/gif": "thumbnail.gif"}


def media_paths(path: str, *versions: str) -> list[str]:
    """A path of the older hierarchy under each of its versions."""
    return [f"/_matrix/media/{version}{path}" for version in versions or ("v3", "r0", "v1")]


def parse_length(request: Request) -> int | None:
    """The Content-Length, if the client knows it."""
    text = request.header(b"content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_json("The Content-Length is not a number.")
    return int(text)


def build_upload(request: Request) -> dict[str, Any]:
    """What an upload says about itself."""
    return {
        "content_type": request.header(b"content-type"),
        "file_name": request.query_text("filename"),
        "length": parse_length(request),
    }


async def post_upload(app: App, request: Request) -> dict[str, Any]:
    uri = await upload_media(app, request.requester, request.stream(), **build_upload(request))
    return {"content_uri": str(uri)}


async def put_upload(app: App, request: Request) -> dict[str, Any]:
    uri = check_uri(request.params["server_name"], request.params["media_id"])
    await upload_to_uri(app, request.requester, uri, request.stream(), **build_upload(request))
    return {}


async def post_create(app: App, request: Request) -> dict[str, Any]:
    uri, expires_ts_ms = await create_media(app, request.requester)
    return {"content_uri": str(uri), "unused_expires_at": expires_ts_ms}


async def get_config(app: App, request: Request) -> dict[str, Any]:
    return {"m.upload.size": app.config.upload_size_max}


async def get_download(app: App, request: Request) -> Response:
    uri = check_uri(request.params["server_name"], request.params["media_id"])
    asked_name = parse_file_name(request.params.get("file_name"))
    row = await load_media(app, uri, parse_timeout(request))
    key = row.storage_key or ""

    async def open_range(start: int, end: int) -> AsyncIterator[bytes]:
        return until_disconnect(request, await read_object(app, key, start, end))

    return await serve_file(
        request, File(build_etag(key), row.size, row.content_type, asked_name or row.file_name, open_range)
    )


async def get_thumbnail(app: App, request: Request) -> Response:
    uri = check_uri(request.params["server_name"], request.params["media_id"])
    shape = parse_shape(request)
    made = await thumbnail_media(app, uri, shape, parse_timeout(request))

    async def open_range(start: int, end: int) -> AsyncIterator[bytes]:
        if made.body is not None:
            return read_body(made.body[start:end])
        return until_disconnect(request, await read_object(app, made.storage_key, start, end))

    name = THUMBNAIL_NAMES.get(made.content_type, "thumbnail.webp")
    return await serve_file(
        request, File(build_thumbnail_etag(made, shape), made.size, made.content_type, name, open_range)
    )


async def get_preview(app: App, request: Request) -> dict[str, Any]:
    url = request.query_required("url")
    request.query_integer("ts", 0, at_most=TS_MAX)
    return await preview_url(app, url, request.header(b"accept-language"))


async def get_frozen(app: App, request: Request) -> Response:
    """Unauthenticated access is frozen, and nothing here was uploaded before it was."""
    raise not_found("Files are only served to clients that log in, under /_matrix/client/v1/media.")


def parse_timeout(request: Request) -> int:
    return request.query_integer("timeout_ms", TIMEOUT_MS_DEFAULT, at_most=TIMEOUT_MS_MAX)


def parse_shape(request: Request) -> ThumbnailShape:
    """Which thumbnail is asked for. Raises M_INVALID_PARAM, M_MISSING_PARAM."""
    method = request.query_text("method") or "scale"
    if method not in ("crop", "scale"):
        raise invalid_param("The query parameter 'method' must be crop or scale.")
    width, height = parse_side(request, "width"), parse_side(request, "height")
    return ThumbnailShape(width, height, method == "crop", request.query_flag("animated"))


def parse_side(request: Request, name: str) -> int:
    request.query_required(name)
    return request.query_integer(name, 0, at_least=1, at_most=SIDE_ASKED_MAX)


def build_etag(storage_key: str) -> str:
    """Unique to the content, as storage keys are, without naming a place in the store."""
    return storage_key.replace("/", "")


def build_thumbnail_etag(made: ThumbnailFile, shape: ThumbnailShape) -> str:
    return build_etag(made.storage_key) or f"{shape.width}x{shape.height}-{shape.crops:d}{shape.animated:d}-{made.size}"


async def read_body(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def until_disconnect(request: Request, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Stop reading a file for a client that has gone: the server would otherwise read it to its end."""
    gone = asyncio.ensure_future(request.wait_disconnect())
    try:
        async for chunk in chunks:
            if gone.done():
                return
            yield chunk
    finally:
        gone.cancel()


FILE_PATHS = ("/download/{server_name}/{media_id}", "/download/{server_name}/{media_id}/{file_name}")
THUMBNAIL_PATH = "/thumbnail/{server_name}/{media_id}"

ROUTES = [
    *routes(
        "POST",
        media_paths("/upload"),
        post_upload,
        limit="media",
        streams_body=True,
        suspended_may=False,
        query=("filename",),
    ),
    *routes(
        "PUT",
        media_paths("/upload/{server_name}/{media_id}", "v3"),
        put_upload,
        limit="media",
        query=("filename",),
        streams_body=True,
        suspended_may=False,
    ),
    *routes("POST", media_paths("/create", "v1"), post_create, limit="media", suspended_may=False),
    *routes("GET", [*client("/media/config", "v1"), *media_paths("/config")], get_config, auth=Auth.GUEST),
    *routes(
        "GET",
        [path for each in FILE_PATHS for path in client(f"/media{each}", "v1")],
        get_download,
        auth=Auth.GUEST,
        limit="media_download",
        query=("timeout_ms",),
    ),
    *routes(
        "GET",
        client(f"/media{THUMBNAIL_PATH}", "v1"),
        get_thumbnail,
        auth=Auth.GUEST,
        limit="media_download",
        query=("width", "height", "method", "animated", "timeout_ms"),
    ),
    *routes(
        "GET",
        [*client("/media/preview_url", "v1"), *media_paths("/preview_url")],
        get_preview,
        limit="preview",
        query=("url", "ts"),
    ),
    *routes(
        "GET",
        [path for each in (*FILE_PATHS, THUMBNAIL_PATH) for path in media_paths(each)],
        get_frozen,
        auth=Auth.NONE,
    ),
]
