"""multipart/mixed in pieces of any size, good and bad."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.multipart_mixed import (
    HEADER_BYTES_MAX,
    PADDING_BYTES_MAX,
    PREAMBLE_BYTES_MAX,
    MalformedMultipart,
    MultipartParser,
    PartEnd,
    PartStart,
    parse_boundary,
    parse_disposition_file_name,
)

Parts = list[tuple[dict[str, str], bytes]]


def split(body: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(places)]


def read(pieces: list[bytes]) -> tuple[Parts, bool]:
    """Parts that are complete, and whether the closing delimiter came."""
    parser = MultipartParser(b"frontier")
    done: Parts = []
    headers: dict[str, str] = {}
    content = b""
    for piece in pieces:
        for found in parser.feed(piece):
            if isinstance(found, PartStart):
                headers, content = dict(found.headers), b""
            elif isinstance(found, PartEnd):
                done.append((headers, content))
            else:
                content += found
    return done, parser.is_complete


def build(parts: list[bytes]) -> bytes:
    body = b"".join(b"--frontier\r\nContent-Type: text/plain\r\n\r\n" + part + b"\r\n" for part in parts)
    return body + b"--frontier--\r\n"


NEAR_MISSES = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n", b"frontie", b"x", b"\r\n--frontie"])).map(
    b"".join
)


@given(st.lists(NEAR_MISSES | st.binary(max_size=200), max_size=4), st.lists(st.integers(0, 10_000), max_size=30))
def test_any_split_gives_the_same_parts(parts: list[bytes], cuts: list[int]) -> None:
    if any(b"\r\n--frontier" in b"\r\n" + part for part in parts):
        return
    expected = [({"content-type": "text/plain"}, part) for part in parts]
    assert read(split(build(parts), cuts)) == (expected, True)


@given(st.binary(max_size=500), st.lists(st.integers(0, 10_000), max_size=10))
def test_any_bytes_are_parts_or_refused(body: bytes, cuts: list[int]) -> None:
    def outcome(pieces: list[bytes]) -> object:
        try:
            return read(pieces)
        except MalformedMultipart:
            return "refused"

    body = body.replace(b"\x00", b"\r\n--frontier")
    assert outcome([body]) == outcome(split(body, cuts))


def test_a_part_may_have_no_headers_and_lines_before_the_first_are_skipped() -> None:
    body = b"hello\r\n--frontier  \r\n\r\n{}\r\n--frontier\r\nA: b\r\na: c\r\n\r\n--frontier--more"
    assert read([body]) == ([({}, b"{}"), ({"a": "b"}, b"")], True)


def test_a_part_that_does_not_end_is_not_given() -> None:
    assert read([build([b"one"])[:-20]]) == ([], False)


@pytest.mark.parametrize(
    "body",
    [
        b"x" * (PREAMBLE_BYTES_MAX + 100),
        b"--frontier" + b" " * (PADDING_BYTES_MAX + 1),
        b"--frontier\r\nA: " + b"x" * HEADER_BYTES_MAX,
        b"--frontier\r\nno colon\r\n\r\n",
        b"--frontierx\r\n\r\n",
    ],
)
def test_what_is_too_long_or_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMultipart):
        read([body])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/mixed; boundary=abc", b"abc"),
        ('Multipart/Mixed; charset=x; boundary="a b"', b"a b"),
        ("multipart/mixed", None),
        ("multipart/mixed; boundary=", None),
        ("multipart/form-data; boundary=abc", None),
        ("multipart/mixed; boundary=" + "a" * 71, None),
        ("application/json", None),
        ("", None),
    ],
)
def test_boundaries(content_type: str, boundary: bytes | None) -> None:
    assert parse_boundary(content_type) == boundary


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("inline; filename*=utf-8''%D8%AA%20x.txt", "ت x.txt"),
        ("attachment", None),
        ("", None),
        ('inline; filename="a\r\nb"', None),
    ],
)
def test_file_names(disposition: str, name: str | None) -> None:
    assert parse_disposition_file_name(disposition) == name


@given(st.text(max_size=100))
def test_any_disposition_has_a_name_or_none(text: str) -> None:
    name = parse_disposition_file_name(text)
    assert name is None or name.isprintable() or "%" in text
