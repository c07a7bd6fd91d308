"""Bodies of other servers' requests: whatever their size, what comes out is what parsing and encoding them whole would give."""

import asyncio
import random
import time
from typing import Any

import orjson
import pytest

from zajil.core.canonical_json import encode_canonical
from zajil.http.federation_api import signed_body
from zajil.http.federation_api.signed_body import PART_BYTES_MAX, VALUES_MAX, parse_signed_body
from zajil.services.errors import MatrixError

LARGE = {
    "pdus": [{"content": {"é\u0001": "x" * 3000, "b": number, "a": [1.5, None, "\U0001f600"]}} for number in range(40)],
    "edus": [{"edu_type": "m.typing"}, "no object", 2**60, [[]]],
    "z": {"k": "y" * 70_000},
    "\uffff": 1,
    "\U00010000": 2,
    "origin": "one.test",
}


@pytest.mark.parametrize("content", [{}, {"a": 1}, LARGE])
async def test_the_parts_make_up_the_whole(content: dict[str, Any]) -> None:
    for body in (orjson.dumps(content), orjson.dumps(content, option=orjson.OPT_INDENT_2)):
        parsed, canonical = await parse_signed_body(body)
        assert parsed == orjson.loads(body)
        assert canonical == encode_canonical(content, strict=False)


async def test_any_split_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small bodies, cut as large ones are."""
    seed = 7
    chance = random.Random(seed)
    monkeypatch.setattr(signed_body, "SMALL_BYTES_MAX", 1)

    def build(depth: int) -> Any:
        kind = chance.randrange(8 if depth else 6)
        if kind < 6:
            return [None, True, chance.randrange(-(2**53), 2**53), chance.random(), "", '",[]{}\\ü\n'][kind]
        if kind == 6:
            return [build(depth - 1) for _ in range(chance.randrange(4))]
        return {chance.choice(["a", "b", "ü", '"', ""]): build(depth - 1) for _ in range(chance.randrange(4))}

    for _ in range(500):
        content = {chance.choice(["pdus", "edus", "ü", "x"]): build(4) for _ in range(3)}
        parsed, canonical = await parse_signed_body(orjson.dumps(content))
        assert parsed == content, seed
        assert canonical == encode_canonical(content, strict=False), seed


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"[" + b" " * 20_000 + b"]", "M_BAD_JSON"),
        (b'{"a":[' + b"1," * 10_000 + b"]}", "M_NOT_JSON"),
        (b'{"a":"' + b"\xff" * 20_000 + b'"}', "M_NOT_JSON"),
        (b'{"a":"' + b"x" * 20_000, "M_NOT_JSON"),
        (b'{"pdus":[' + b"1," * VALUES_MAX + b"1,1]}", "M_BAD_JSON"),
        (b'{"pdus":["' + b"x" * PART_BYTES_MAX + b'"]}', "M_TOO_LARGE"),
        (b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "M_BAD_JSON"),
    ],
)
async def test_what_is_malformed_or_too_much_is_refused(body: bytes, errcode: str) -> None:
    with pytest.raises(MatrixError) as caught:
        await parse_signed_body(body)
    assert caught.value.errcode == errcode


async def test_commas_in_texts_are_no_values() -> None:
    content = {"pdus": [{"body": "," * 50_000} for _ in range(20)]}
    parsed, _ = await parse_signed_body(orjson.dumps(content))
    assert parsed == content


async def test_ten_megabytes_leave_the_event_loop_to_others() -> None:
    """In the time that the thread of the loop computes; the machine may have other things to do."""
    content = {
        "pdus": [{"content": {f"k{n}_{m}": m for m in range(2_000)}} for n in range(140)],
        "edus": [{"content": "x" * 90_000} for _ in range(60)],
    }
    body = orjson.dumps(content)
    assert len(body) > 8 * 1024 * 1024
    longest_s = 0.0
    task = asyncio.create_task(parse_signed_body(body))
    while not task.done():
        began_s = time.thread_time()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.thread_time() - began_s)
    await task
    assert longest_s < 0.05
