"""What a page says about itself, and pages made to waste our time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.open_graph import VALUE_CHARACTERS_MAX, decode_html, parse_open_graph
from zajil.core.thumbnail_sizes import SIDE_MAX, build_size

PAGE = """<!DOCTYPE html><html><head>
<!-- <meta property="og:title" content="not this"> -->
<script>var x = '<meta property="og:title" content="nor this">';</script>
<title>Window &amp; title</title>
<META PROPERTY="og:title" CONTENT="Zajil &lt;3 &quot;doves&quot;">
<meta content='رسالة زاجلة' property='og:description'/>
<meta property=og:type content=article><meta property="og:image" content="/a b.png">
<meta property="og:title" content="second"><meta property="og:url" content="javascript:alert(1)">
<meta property="og:site_name" content="  many \n spaces  "><meta property="fb:app_id" content="1">
</head><body><meta property="og:locale" content="late"></body></html>"""


def test_a_page() -> None:
    assert parse_open_graph(PAGE) == {
        "og:title": 'Zajil <3 "doves"',
        "og:description": "رسالة زاجلة",
        "og:type": "article",
        "og:image": "/a b.png",
        "og:site_name": "many spaces",
    }


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<title>plain</title>", {"og:title": "plain"}),
        ("<title>plain", {"og:title": "plain"}),
        ("<title></title><meta name=twitter:title content=t>", {"og:title": "t"}),
        ("<meta name=description content=d>", {"og:description": "d"}),
        ("<link rel=image_src href=/i.png>", {"og:image": "/i.png"}),
        ("<meta property='og:title' content='unclosed", {}),
        ("<meta property='og:title' content=''><meta property=og:title content=x>", {"og:title": "x"}),
        ("<meta name='<title>' content=x>", {}),
        ("<meta property=og:title content='a\u202egpj.exe\x00'>", {"og:title": "a gpj.exe"}),
        ("<meta property=og:title content=&#0;&#xd800;x>", {"og:title": "\ufffd\ufffdx"}),
        ("", {}),
        ("<", {}),
        ("<!--", {}),
        ("<meta", {}),
        ("<meta property", {}),
        ("<meta property=", {}),
        ("<script><title>x</title>", {}),
        ("<p>no <a>head", {}),
    ],
)
def test_odd_pages(page: str, expected: dict[str, str]) -> None:
    assert parse_open_graph(page) == expected


def test_values_are_bounded() -> None:
    assert parse_open_graph(f"<title>{'x' * 100_000}</title>") == {"og:title": "x" * VALUE_CHARACTERS_MAX}


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!--",
        "<meta ",
        '<meta a="',
        "<meta '",
        "<meta =",
        "<title>",
        "<script>",
        "</script",
        "<meta" + " " * 100,
        "<a <b ",
        "a=b ",
    ],
)
def test_no_page_takes_long(piece: str) -> None:
    page = "<meta " * (piece == "a=b ") + piece * (1_000_000 // len(piece))
    started = time.process_time()
    parse_open_graph(page)
    assert time.process_time() - started < 1


@given(st.text(alphabet="<>!-/='\" \nmetacontprygl:&;#x0") | st.text())
def test_any_text_has_an_answer(text: str) -> None:
    for value in parse_open_graph("<meta property=og:title content=" + text).values():
        assert 0 < len(value) <= VALUE_CHARACTERS_MAX
        value.encode()


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("é".encode(), "text/html", "é"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        ('<meta charset="windows-1256">سلام'.encode("cp1256"), "text/html", '<meta charset="windows-1256">سلام'),
        ("日本".encode("shift_jis"), "text/html;charset=Shift_JIS", "日本"),
        (b"\xff", "text/html", "\ufffd"),
        (b"abc", "text/html; charset=rot13", "abc"),
        (b"abc-", "text/html; charset=punycode", "abc-"),
        (b"abc", "text/html; charset=nonsense", "abc"),
        (b"abc", "text/html; charset=zlib", "abc"),
    ],
)
def test_charsets(body: bytes, content_type: str, expected: str) -> None:
    assert decode_html(body, content_type) == expected


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.booleans())
def test_a_thumbnail_is_at_least_as_large_as_asked(width: int, height: int, crops: bool) -> None:
    made = build_size(width, height, crops=crops)
    assert made[0] >= min(width, SIDE_MAX)
    assert made[1] >= min(height, SIDE_MAX)


def test_thumbnail_sizes() -> None:
    assert build_size(32, 32, crops=True) == (32, 32)
    assert build_size(33, 33, crops=True) == (48, 48)
    assert build_size(30, 70, crops=True) == (30, 70)
    assert build_size(300, 225, crops=True) == (320, 240)
    assert build_size(10, 10, crops=False) == (32, 32)
    assert build_size(97, 10, crops=False) == (320, 240)
    assert build_size(9999, 1, crops=False) == (4096, 4096)
