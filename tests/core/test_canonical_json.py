"""Canonical JSON: the examples of the appendices, and agreement with the reference package on everything else."""

import json
import math
from typing import Any

import canonicaljson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.canonical_json import (
    CANONICAL_INTEGER_MAX,
    CanonicalJsonError,
    check_canonical,
    encode_canonical,
    encode_checked,
    parse_canonical_integer,
    parse_integer_text,
    parse_json,
)

TEXT = st.text(st.characters(codec="utf-8"))
SCALARS = st.none() | st.booleans() | st.integers(-CANONICAL_INTEGER_MAX, CANONICAL_INTEGER_MAX) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=30)
LEGACY_SCALARS = SCALARS | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
LEGACY_VALUES = st.recursive(
    LEGACY_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=30
)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({}, "{}"),
        ({"one": 1, "two": "Two"}, '{"one":1,"two":"Two"}'),
        ({"b": "2", "a": "1"}, '{"a":"1","b":"2"}'),
        ({"a": "日本語"}, '{"a":"日本語"}'),
        ({"本": 2, "日": 1}, '{"日":1,"本":2}'),
        ({"a": "\u65e5"}, '{"a":"日"}'),
        ({"a": None}, '{"a":null}'),
        ({"\U0001f600": 1, "\uffff": 2, "z": 3}, '{"z":3,"\uffff":2,"\U0001f600":1}'),
        ('\x00\x1f\x7f\u2028"\\/\b\f\n\r\t', '"\\u0000\\u001f\x7f\u2028\\"\\\\/\\b\\f\\n\\r\\t"'),
        ([True, False, -0, 2**53 - 1, -(2**53) + 1], "[true,false,0,9007199254740991,-9007199254740991]"),
    ],
)
def test_examples(value: object, encoded: str) -> None:
    assert encode_canonical(value) == encoded.encode()
    assert encode_canonical(value, strict=False) == encoded.encode()


@given(VALUES)
def test_agrees_with_the_reference_and_survives(value: Any) -> None:
    assert check_canonical(value) is None
    encoded = encode_canonical(value)
    assert encoded == canonicaljson.encode_canonical_json(value)
    assert encoded == encode_checked(value) == encode_canonical(value, strict=False)
    assert parse_json(encoded) == value


@given(LEGACY_VALUES)
def test_old_versions_agree_with_the_reference(value: Any) -> None:
    encoded = encode_canonical(value, strict=False)
    assert encoded == canonicaljson.encode_canonical_json(value)
    assert encode_canonical(parse_json(encoded, strict=False), strict=False) == encoded


def test_old_versions_format_numbers_as_the_standard_library() -> None:
    assert encode_canonical([1e-07, 1e22, 1.5, -0.0, 2**70], strict=False) == (
        b"[1e-07,1e+22,1.5,-0.0,1180591620717411303424]"
    )
    assert parse_json(b"1180591620717411303424", strict=False) == 2**70


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        1e10,
        -0.0,
        math.nan,
        math.inf,
        2**53,
        -(2**53),
        2**70,
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        (1, 2),
        {"a": [{"b": 0.5}]},
        b"bytes",
        {1, 2},
        object(),
    ],
)
def test_refuses_what_is_not_canonical(value: object) -> None:
    assert check_canonical(value) is not None
    with pytest.raises(CanonicalJsonError):
        encode_canonical(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", object()])
def test_old_versions_refuse_what_is_not_json(value: object) -> None:
    with pytest.raises(CanonicalJsonError):
        encode_canonical(value, strict=False)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value, "é"] if level % 2 else {"b": value, "a": "\n", "ä": None}
    return value


def test_depth_is_limited() -> None:
    assert check_canonical(nested(100)) is None
    reason = check_canonical(nested(101))
    assert reason is not None
    assert "100" in reason
    assert check_canonical(nested(3), depth_max=2) is not None
    assert check_canonical(1, depth_max=0) is None


@pytest.mark.parametrize("depth", [253, 254, 255, 300, 1000])
@pytest.mark.parametrize("strict", [True, False])
def test_deep_documents_are_encoded(depth: int, strict: bool) -> None:
    expected = {"b": 1, "a": "\n", "ä": None}
    encoded = encode_canonical(nested(depth), strict=strict)
    assert encoded.startswith(b'{"a":"\\n","b":' if depth % 2 else b"[")
    shallow = parse_json(encoded)
    for _ in range(depth - 1):
        shallow = shallow[0] if isinstance(shallow, list) else shallow["b"]
    assert shallow == expected
    if depth == 300:
        dumped = json.dumps(nested(depth), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert encoded == dumped.encode()


def test_depth_beyond_all_encoders_is_an_error() -> None:
    with pytest.raises(CanonicalJsonError):
        encode_canonical(nested(1101))


def test_integers() -> None:
    assert parse_canonical_integer(2**53 - 1) == 2**53 - 1
    for value in (True, False, 1.0, "1", None, 2**53, -(2**53), [1]):
        assert parse_canonical_integer(value) is None
    assert parse_integer_text("0042") == 42
    assert parse_integer_text("-1") == -1
    for text in ("", "1_000", "+1", " 1", "1.0", "١٢", "9007199254740992", "1e3", "--1", "1" * 5000):
        assert parse_integer_text(text) is None
