"""Serving files: headers that keep a hostile one harmless in a browser, and byte ranges (RFC 9110)."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote

from zajil.http.request import Request
from zajil.http.response import CORS, Headers, Response, json_response

Open = Callable[[int, int], Awaitable[AsyncIterator[bytes]]]

# Client-server API, "Serving inline content".
INLINE_TYPES = frozenset(
    (
        "text/css",
        "text/plain",
        "text/csv",
        "application/json",
        "application/ld+json",
        "image/jpeg",
        "image/gif",
        "image/png",
        "image/apng",
        "image/webp",
        "image/avif",
        "video/mp4",
        "video/webm",
        "video/ogg",
        "video/quicktime",
        "audio/mp4",
        "audio/webm",
        "audio/aac",
        "audio/mpeg",
        "audio/ogg",
        "audio/wave",
        "audio/wav",
        "audio/x-wav",
        "audio/x-pn-wav",
        "audio/flac",
        "audio/x-flac",
    )
)
CONTENT_SECURITY_POLICY = (
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; "
    "object-src 'self';"
)
SAFE: Headers = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"accept-ranges", b"bytes"),
    # What an mxc URI names never changes; who may see it is asked each time a shared cache would be.
    (b"cache-control", b"private, max-age=31536000, immutable"),
]
QUOTABLE = re.compile(r"[\x20-\x7e]*")
RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*")
NOT_SATISFIABLE = {"errcode": "M_UNKNOWN", "error": "The requested range lies outside of the file."}


class File(NamedTuple):
    """What is served: `etag` is unique to its content, `open_range(start, end)` reads a part of it."""

    etag: str
    size: int
    content_type: str
    file_name: str | None
    open_range: Open


def build_disposition(content_type: str, file_name: str | None) -> str:
    """`inline` for types no browser runs scripts in, `attachment` for all others, with the file's name."""
    kind = "inline" if content_type.partition(";")[0].strip().lower() in INLINE_TYPES else "attachment"
    if file_name is None:
        return kind
    if QUOTABLE.fullmatch(file_name):
        escaped = file_name.replace("\\", "\\\\").replace('"', '\\"')
        return f'{kind}; filename="{escaped}"'
    return f"{kind}; filename*=utf-8''{quote(file_name, safe='')}"


def parse_range(text: str | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) that a Range header asks for; an empty range where the file has none of them.

    None means the whole file: no header, several ranges, or one that is malformed.
    """
    match = RANGE.fullmatch(text) if text is not None else None
    if match is None or match[0].endswith("=-"):
        return None
    first, last = match[1], match[2]
    if not first:
        return (max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


async def serve_file(request: Request, file: File) -> Response:
    """200, 206 for a range, 304 where the client has it, 416 for a range outside of it."""
    etag = f'"{file.etag}"'
    headers: Headers = [
        *CORS,
        *SAFE,
        (b"etag", etag.encode()),
        (b"content-type", file.content_type.encode("latin-1")),
        (b"content-disposition", build_disposition(file.content_type, file.file_name).encode("latin-1")),
    ]
    if_none_match = request.header(b"if-none-match")
    if if_none_match is not None and (if_none_match.strip() == "*" or etag in if_none_match):
        return Response(b"", 304, headers)
    if_range = request.header(b"if-range")
    asked = request.header(b"range") if if_range is None or if_range.strip() == etag else None
    part = parse_range(asked, file.size)
    if part is None:
        return Response(b"", 200, headers, await file.open_range(0, file.size), file.size)
    start, end = part
    if start >= end:
        response = json_response(NOT_SATISFIABLE, 416)
        response.headers = [*response.headers, (b"content-range", b"bytes */%d" % file.size)]
        return response
    headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, file.size)))
    return Response(b"", 206, headers, await file.open_range(start, end), end - start)
