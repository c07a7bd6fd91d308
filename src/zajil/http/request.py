"""A request as endpoints see it: percent-decoded parameters, a bounded body, and who is asking."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
import orjson

from zajil.services.errors import MatrixError, bad_json, invalid_param, missing_param, too_large
from zajil.services.requester import Requester

QUERY_BYTES_MAX = 64 * 1024
QUERY_FIELDS_MAX = 200

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Request:
    """One HTTP request."""

    __slots__ = (
        "_headers",
        "_json",
        "_query",
        "_receive",
        "body",
        "client_ip",
        "method",
        "origin",
        "params",
        "path",
        "query_string",
        "requester",
    )

    def __init__(self, scope: Mapping[str, Any], receive: Receive, params: dict[str, str]) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.query_string: bytes = scope["query_string"]
        self.params = params
        self.body = b""
        self.origin = ""  # the server that asks, set before the endpoint runs where the route is for servers
        self._json: Any = None
        self.client_ip: str = scope["client"][0] if scope.get("client") else ""
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._query: dict[str, list[str]] | None = None
        self._receive = receive
        self.requester: Requester = None  # type: ignore[assignment]  # set before the endpoint runs where the route asks for it

    def header(self, name: bytes) -> str | None:
        """The first header of that lower-case name."""
        for key, value in self._headers:
            if key == name:
                return value.decode("latin-1")
        return None

    def release(self) -> None:
        """Let go of what a parked request no longer needs. The connection has the same list of headers, which is emptied."""
        self._headers.clear()
        self._json = None
        self.body = b""

    @property
    def query(self) -> dict[str, list[str]]:
        """All query parameters, decoded strictly."""
        if self._query is None:
            if len(self.query_string) > QUERY_BYTES_MAX:
                raise too_large("The query string is too long.")
            try:
                pairs = parse_qsl(
                    self.query_string.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=QUERY_FIELDS_MAX,
                )
            except (ValueError, UnicodeDecodeError):
                raise invalid_param("The query string is not valid.") from None
            self._query = {}
            for key, value in pairs:
                if "\0" in value:
                    raise invalid_param(f"The query parameter {key!r} contains a NUL.")
                self._query.setdefault(key, []).append(value)
        return self._query

    def query_text(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[0] if values else None

    def query_integer(self, name: str, default: int, *, at_least: int = 0, at_most: int) -> int:
        """A decimal number; above `at_most` it is capped, below `at_least` or malformed it is refused."""
        text = self.query_text(name)
        if text is None:
            return default
        digits = text[1:] if text.startswith("-") else text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            raise invalid_param(f"The query parameter {name!r} must be a whole number.")
        value = int(text)
        if value < at_least:
            raise invalid_param(f"The query parameter {name!r} must be at least {at_least}.")
        return min(value, at_most)

    def query_flag(self, name: str, default: bool = False) -> bool:
        text = self.query_text(name)
        if text is None:
            return default
        if text not in ("true", "false"):
            raise invalid_param(f"The query parameter {name!r} must be true or false.")
        return text == "true"

    def query_required(self, name: str) -> str:
        text = self.query_text(name)
        if text is None:
            raise missing_param(f"The query parameter {name!r} is missing.")
        return text

    async def read_body(self, bytes_max: int) -> bytes:
        """The whole body; 413 as soon as it is longer than `bytes_max`."""
        declared = self.header(b"content-length")
        if declared is not None and (not declared.isdigit() or len(declared) > 15 or int(declared) > bytes_max):
            raise too_large(f"The body is longer than {bytes_max} bytes.")
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > bytes_max:
                raise too_large(f"The body is longer than {bytes_max} bytes.")
            chunks.append(chunk)
        self.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self.body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive. Raises `ClientGone` when the client leaves before its end."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if body := message.get("body"):
                yield body
            if not message.get("more_body"):
                return

    async def wait_disconnect(self) -> None:
        """Returns when the client has gone away; to be awaited only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body counts as `{}`."""
        if self._json is not None:
            return self._json  # type: ignore[no-any-return]
        if not self.body:
            return {}
        value = parse_json(self.body)
        if type(value) is not dict:
            raise bad_json("The body must be a JSON object.")
        return value

    def remember_json(self, value: dict[str, Any]) -> None:
        """The body has been parsed."""
        self._json = value

    def decode(self, shape: type[msgspec.Struct]) -> Any:
        """The body checked against a msgspec struct; 400 M_BAD_JSON with the field's name where it does not fit."""
        value = self.json()
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            text = str(error)
            if "missing required field" in text:
                raise MatrixError(400, "M_MISSING_PARAM", f"The body is not as it should be: {text}.") from None
            raise bad_json(f"The body is not as it should be: {text}.") from None


class ClientGone(Exception):
    """The client closed its connection before the request was whole."""


JSON_DEPTH_MAX = 100
JSON_CONTAINERS_MAX = 50_000
"""Lists and objects are what costs time: half a megabyte of empty ones would hold the event loop for a tenth of a second."""
_NESTING = (dict, list)
_JSON_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def parse_json(body: bytes, *, containers_max: int = JSON_CONTAINERS_MAX, allows_nul: bool = False) -> Any:
    """Strict JSON: valid UTF-8, no depth beyond `JSON_DEPTH_MAX`. NULs inside strings are refused, because no text column may hold one."""
    containers = body.count(b"{") + body.count(b"[")
    if containers > containers_max:
        bare = _JSON_STRING.sub(b"", body)
        if bare.count(b"{") + bare.count(b"[") > containers_max:
            raise bad_json(f"The JSON has more than {containers_max} lists and objects.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "memory" in error.msg:  # "Not enough memory to allocate buffer for parsing": not the client's fault
            raise MemoryError from None
        raise MatrixError(400, "M_NOT_JSON", "The body is not valid JSON.") from None
    if containers > JSON_DEPTH_MAX and _depth(value) > JSON_DEPTH_MAX:
        raise bad_json(f"The JSON is nested deeper than {JSON_DEPTH_MAX} levels.")
    if not allows_nul and b"\\u0000" in body and _contains_nul(value):
        raise bad_json("The JSON contains a NUL character.")
    return value


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, counted up to one more than may be; an empty one at the bottom does not count."""
    level, depth = [value], 0
    while level and depth <= JSON_DEPTH_MAX:
        deeper = []
        for parent in level:
            children = parent.values() if type(parent) is dict else parent if type(parent) is list else ()
            deeper += [child for child in children if child.__class__ in _NESTING and child]
        level, depth = deeper, depth + 1
    return depth


def _contains_nul(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if type(item) is str and "\0" in item:
            return True
        if type(item) is dict:
            if any("\0" in key for key in item):
                return True
            todo.extend(item.values())
        elif type(item) is list:
            todo.extend(item)
    return False


def decode_segment(segment: bytes) -> str:
    """One path segment, percent-decoded. `%2F` stays inside it; NUL and invalid UTF-8 are refused."""
    try:
        text = (unquote_to_bytes(segment) if b"%" in segment else segment).decode("utf-8")
    except UnicodeDecodeError:
        raise invalid_param("The path is not valid UTF-8.") from None
    if "\0" in text:
        raise invalid_param("The path contains a NUL character.")
    return text
