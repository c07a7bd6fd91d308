"""Signatures of requests between servers (server-server API, "Request Authentication")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.canonical_json import encode_canonical
from zajil.core.identifiers import is_server_name
from zajil.core.signing import SigningKey, verify_signature

SCHEME: Final = "x-matrix"
HEADER_CHARACTERS_MAX: Final = 2_048
_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 9110: name = token / quoted string. Older servers put colons into unquoted values.
_PARAMETER: Final = re.compile(rf'({_NAME})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SEPARATOR: Final = re.compile(r"[ \t]*(?:,[ \t]*)+")


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """What an `Authorization: X-Matrix` header says. `destination` is None when an old server left it out."""

    origin: str
    destination: str | None
    key_id: str
    signature: str


def parse_request_signature(header: str) -> RequestSignature | None:
    """Parse the header; None for anything that is not of the form of the spec."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != SCHEME or len(header) > HEADER_CHARACTERS_MAX:
        return None
    fields = _parse_parameters(rest.strip())
    if fields is None:
        return None
    origin, key_id, signature = fields.get("origin", ""), fields.get("key", ""), fields.get("sig", "")
    destination = fields.get("destination")
    if not is_server_name(origin) or not key_id.startswith("ed25519:") or not signature:
        return None
    if destination is not None and not is_server_name(destination):
        return None
    return RequestSignature(origin, destination, key_id, signature)


def _parse_parameters(text: str) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    index = 0
    while index < len(text):
        match = _PARAMETER.match(text, index)
        if match is None:
            return None
        name = match[1].lower()
        if name in fields:
            return None
        fields[name] = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        index = match.end()
        if index < len(text):
            separator = _SEPARATOR.match(text, index)
            if separator is None:
                return None
            index = separator.end()
    return fields


def build_signed_request(
    method: str, uri: str, origin: str, destination: str, content: Mapping[str, Any] | None
) -> bytes:
    """The canonical bytes that the signature covers. `uri` is the path with its query, as it is sent. Raises CanonicalJsonError."""
    request: dict[str, Any] = {"method": method, "uri": uri, "origin": origin, "destination": destination}
    if content is not None:
        request["content"] = content
    return encode_canonical(request, strict=False)


def build_signed_around(method: str, uri: str, origin: str, destination: str, content: bytes) -> bytes:
    """The same of a content that is in its canonical form already."""
    rest = build_signed_request(method, uri, origin, destination, None)
    return b'{"content":' + content + b"," + rest[1:]


def build_request_header(
    method: str, uri: str, origin: str, destination: str, content: Mapping[str, Any] | None, key: SigningKey
) -> str:
    """The value of the `Authorization` header. Raises CanonicalJsonError."""
    signature = key.sign(build_signed_request(method, uri, origin, destination, content))
    return f'X-Matrix origin="{origin}",destination="{destination}",key="{key.key_id}",sig="{signature}"'


def verify_request(
    signature: RequestSignature,
    method: str,
    uri: str,
    own_name: str,
    content: bytes | None,
    public_key: bytes,
) -> bool:
    """Whether the origin's key made this signature of this request to us. `content` is the body in its canonical form."""
    destination = signature.destination or own_name
    if content is None:
        message = build_signed_request(method, uri, signature.origin, destination, None)
    else:
        message = build_signed_around(method, uri, signature.origin, destination, content)
    return verify_signature(message, signature.signature, public_key)
