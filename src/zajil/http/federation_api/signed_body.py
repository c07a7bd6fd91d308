"""The body of another server's request, parsed and brought into canonical form without holding up the event loop.

What is small is done at once. Of ten megabytes that would take a fifth of a second; so a large body is cut into its parts first (the events and EDUs of a
transaction), which costs little, and these are done in slices.
"""

import asyncio
import re
import time
from typing import Any, Final

import msgspec

from zajil.core.canonical_json import encode_canonical
from zajil.http.request import JSON_DEPTH_MAX, parse_json
from zajil.services.errors import MatrixError, bad_json, too_large

CONTAINERS_MAX: Final = 250_000
"""Lists and objects in what a server sends: fifty events may hold many."""
SMALL_BYTES_MAX: Final = 16 * 1024
PART_BYTES_MAX: Final = 1024 * 1024
"""Of one event or EDU as it is written in the request. An event's own bound is 64 KiB, in canonical form."""
VALUES_MAX: Final = 300_000
SLICE_S_MAX: Final = 0.0005
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_JSON_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


async def parse_signed_body(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The body, and its canonical form. Raises 400 M_NOT_JSON, 400 M_BAD_JSON, 413 M_TOO_LARGE, CanonicalJsonError."""
    if len(body) <= SMALL_BYTES_MAX:
        content = _parse(body)
        if type(content) is not dict:
            raise bad_json("The body must be a JSON object.")
        return content, encode_canonical(content, strict=False)
    if body.count(b",") > VALUES_MAX and await _count_values(body) > VALUES_MAX:
        raise bad_json(f"The JSON has more than {VALUES_MAX} values.")
    slices = _Slices()
    parsed: dict[str, Any] = {}
    canonical: dict[str, bytes] = {}
    for name, raw in _cut(body, _OBJECT).items():
        await slices.go_on()
        if len(raw) > SMALL_BYTES_MAX and bytes(memoryview(raw)[:1]) == b"[":
            parts = [await slices.parse(part) for part in _cut(raw, _LIST)]
            parsed[name] = [value for value, _ in parts]
            canonical[name] = b"[" + b",".join(text for _, text in parts) + b"]"
        else:
            parsed[name], canonical[name] = await slices.parse(raw)
    names = sorted(canonical, key=lambda name: name.encode())
    return parsed, b"{" + b",".join(encode_canonical(name) + b":" + canonical[name] for name in names) + b"}"


class _Slices:
    """Lets others go on once in a while."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()

    async def go_on(self) -> None:
        if time.perf_counter() - self._began_s > SLICE_S_MAX:
            await asyncio.sleep(0)
            self._began_s = time.perf_counter()

    async def parse(self, raw: msgspec.Raw) -> tuple[Any, bytes]:
        if len(raw) > PART_BYTES_MAX:
            raise too_large(f"A part of the body is longer than {PART_BYTES_MAX} bytes.")
        await self.go_on()
        value = _parse(bytes(raw))
        await self.go_on()
        return value, encode_canonical(value, strict=False)


def _parse(text: bytes) -> Any:
    return parse_json(text, containers_max=CONTAINERS_MAX, allows_nul=True)


def _cut(text: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise bad_json("The body must be a JSON object.") from None
    except RecursionError:
        raise bad_json(f"The JSON is nested deeper than {JSON_DEPTH_MAX} levels.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MatrixError(400, "M_NOT_JSON", "The body is not valid JSON.") from None


async def _count_values(body: bytes) -> int:
    """Commas outside of texts."""
    slices, count, end = _Slices(), 0, 0
    for text in _JSON_STRING.finditer(body):
        count += body.count(b",", end, text.start())
        end = text.end()
        if count > VALUES_MAX:
            break
        await slices.go_on()
    return count + body.count(b",", end)
