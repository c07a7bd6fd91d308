"""What an endpoint answers with."""

from collections.abc import AsyncIterator
from typing import Any

import orjson

Headers = list[tuple[bytes, bytes]]

JSON_TYPE = (b"content-type", b"application/json")
CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS, HEAD"),
    (b"access-control-allow-headers", b"X-Requested-With, Content-Type, Authorization, Range"),
    (b"access-control-expose-headers", b"Retry-After, Content-Range, ETag"),
]

JSON_HEADERS: Headers = [JSON_TYPE, *CORS]
"""The headers of nearly every answer: one list, shared, never changed."""


class Response:
    """A status, headers and a body: bytes, or a stream of them with a known length."""

    __slots__ = ("body", "headers", "length", "status", "stream")

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        headers: Headers | None = None,
        stream: AsyncIterator[bytes] | None = None,
        length: int | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self.headers: Headers = JSON_HEADERS if headers is None else headers
        self.stream = stream
        self.length = length


def json_response(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status)


def _join(headers: Headers) -> bytes:
    for _, value in headers:
        if b"\r" in value or b"\n" in value:
            raise ValueError("a header's value must be one line")
    return b"".join(b"%b: %b\r\n" % header for header in headers)


JSON_LINES = _join(JSON_HEADERS)


def join_headers(headers: Headers) -> bytes:
    """Header lines. Nearly all answers have the same."""
    return JSON_LINES if headers is JSON_HEADERS else _join(headers)
