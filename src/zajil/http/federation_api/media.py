"""Files for other servers: always one JSON part, then the file (server-server API, "Content Repository")."""

from collections.abc import AsyncIterator
from typing import Final

from zajil.http.client_api.media import (
    THUMBNAIL_NAMES,
    parse_shape,
    parse_timeout,
    read_body,
    until_disconnect,
)
from zajil.http.content import build_disposition
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, routes
from zajil.services.app import App
from zajil.services.media.download_media import check_uri, load_media
from zajil.services.media.media_repository import read_object
from zajil.services.media.thumbnail_media import thumbnail_media

BOUNDARY_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
BOUNDARY_LENGTH: Final = 40
"""Long enough that no file has it in it."""


async def get_download(app: App, request: Request) -> Response:
    row = await load_media(app, check_uri(app.server_name, request.params["media_id"]), parse_timeout(request))
    chunks = until_disconnect(request, await read_object(app, row.storage_key or ""))
    return serve_parts(app, row.content_type, row.file_name, row.size, chunks)


async def get_thumbnail(app: App, request: Request) -> Response:
    uri = check_uri(app.server_name, request.params["media_id"])
    made = await thumbnail_media(app, uri, parse_shape(request), parse_timeout(request))
    if made.body is not None:
        chunks = read_body(made.body)
    else:
        chunks = until_disconnect(request, await read_object(app, made.storage_key))
    name = THUMBNAIL_NAMES.get(made.content_type, "thumbnail.webp")
    return serve_parts(app, made.content_type, name, made.size, chunks)


def serve_parts(
    app: App, content_type: str, file_name: str | None, size: int, chunks: AsyncIterator[bytes]
) -> Response:
    """The file as the second of two parts."""
    boundary = app.randomness.letters(BOUNDARY_LENGTH, BOUNDARY_LETTERS)
    head = (
        f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n"
        f"--{boundary}\r\nContent-Type: {content_type}\r\n"
        f"Content-Disposition: {build_disposition(content_type, file_name)}\r\n\r\n"
    ).encode("latin-1")
    tail = f"\r\n--{boundary}--\r\n".encode()

    async def stream() -> AsyncIterator[bytes]:
        yield head
        async for chunk in chunks:
            yield chunk
        yield tail

    headers = [(b"content-type", f"multipart/mixed; boundary={boundary}".encode())]
    return Response(b"", 200, headers, stream(), len(head) + size + len(tail))


BASE: Final = "/_matrix/federation/v1/media"
ROUTES = [
    *routes("GET", f"{BASE}/download/{{media_id}}", get_download, auth=Auth.SERVER, query=("timeout_ms",)),
    *routes(
        "GET",
        f"{BASE}/thumbnail/{{media_id}}",
        get_thumbnail,
        auth=Auth.SERVER,
        query=("width", "height", "method", "animated", "timeout_ms"),
    ),
]
