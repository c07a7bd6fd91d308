"""multipart/mixed as it arrives, in pieces of any size (RFC 2046 §5.1; server-server API, "Content Repository")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from enum import Enum
from typing import Final

HEADER_BYTES_MAX: Final = 16 * 1024
"""The headers of one part, all together."""
PREAMBLE_BYTES_MAX: Final = 16 * 1024
PADDING_BYTES_MAX: Final = 256
BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


class MalformedMultipart(ValueError):
    """The bytes are not what their type says."""


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins. Header names are in lower case; of a repeated header the first counts."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartEnd:
    """A part is complete."""


Piece = PartStart | bytes | PartEnd


class _Place(Enum):
    PREAMBLE = "preamble"
    DELIMITER = "delimiter"
    HEADERS = "headers"
    CONTENT = "content"
    END = "end"


class MultipartParser:
    """`feed` bytes, and get what they complete. It holds no more than one header block."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # the first delimiter may be the first line
        self._place = _Place.PREAMBLE
        self._preamble_bytes = 0

    @property
    def is_complete(self) -> bool:
        """Whether the closing delimiter has come."""
        return self._place is _Place.END

    def feed(self, data: bytes) -> list[Piece]:
        """Raises MalformedMultipart."""
        self._buffer += data
        found: list[Piece] = []
        steps = {
            _Place.PREAMBLE: self._read_content,
            _Place.DELIMITER: self._read_delimiter,
            _Place.HEADERS: self._read_headers,
            _Place.CONTENT: self._read_content,
            _Place.END: self._skip,
        }
        while steps[self._place](found):
            pass
        return found

    def _read_content(self, found: list[Piece]) -> bool:
        buffer, is_part = self._buffer, self._place is _Place.CONTENT
        at = buffer.find(self._delimiter)
        # Without a delimiter, the last bytes may be the beginning of one.
        ready = at if at >= 0 else max(len(buffer) - len(self._delimiter) + 1, 0)
        if is_part and ready:
            found.append(bytes(buffer[:ready]))
        elif not is_part:
            self._preamble_bytes += ready
            if self._preamble_bytes > PREAMBLE_BYTES_MAX:
                raise MalformedMultipart("there is no boundary at the beginning")
        if at < 0:
            del buffer[:ready]
            return False
        del buffer[: at + len(self._delimiter)]
        if is_part:
            found.append(PartEnd())
        self._place = _Place.DELIMITER
        return True

    def _read_delimiter(self, found: list[Piece]) -> bool:
        buffer = self._buffer
        if buffer.startswith(b"--"):
            self._place = _Place.END
            return True
        end = buffer.find(b"\r\n")
        if end < 0:
            if len(buffer) > PADDING_BYTES_MAX:
                raise MalformedMultipart("a boundary's line does not end")
            return False
        if buffer[:end].strip(b" \t"):
            raise MalformedMultipart("a boundary's line goes on")
        del buffer[:end]  # the line's end stays: a part without headers has an empty line right after it
        self._place = _Place.HEADERS
        return True

    def _read_headers(self, found: list[Piece]) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if (len(buffer) if end < 0 else end) > HEADER_BYTES_MAX:
            raise MalformedMultipart("the headers of a part are too long")
        if end < 0:
            return False
        found.append(PartStart(_parse_headers(bytes(buffer[2:end]))))
        del buffer[: end + 4]
        self._place = _Place.CONTENT
        # An empty part may leave out the line's end before its delimiter.
        if buffer.startswith(self._delimiter[2:]):
            buffer[:0] = b"\r\n"
        return True

    def _skip(self, found: list[Piece]) -> bool:
        self._buffer.clear()
        return False


def _parse_headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n") if block else ():
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise MalformedMultipart("a header of a part has no name")
        headers.setdefault(name.strip().lower(), value.strip())
    return headers


def parse_boundary(content_type: str) -> bytes | None:
    """The boundary of a multipart/mixed type; None for any other type."""
    if content_type.partition(";")[0].strip().lower() != "multipart/mixed":
        return None
    boundary = _parameter(content_type, "boundary")
    return boundary.encode() if boundary is not None and BOUNDARY.fullmatch(boundary) else None


def parse_disposition_file_name(disposition: str) -> str | None:
    """The file name in a Content-Disposition, in either notation."""
    if not disposition or len(disposition) > HEADER_BYTES_MAX or not disposition.isprintable():
        return None
    message = Message()
    message["Content-Disposition"] = disposition
    try:
        return message.get_filename()
    except (ValueError, LookupError):
        return None


def _parameter(value: str, name: str) -> str | None:
    message = Message()
    if not value.isprintable():
        return None
    message["Content-Type"] = value
    found = message.get_param(name)
    return found if isinstance(found, str) else None
