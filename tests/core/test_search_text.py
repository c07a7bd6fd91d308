"""Search finds a word however it was typed, in Arabic as in English."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.search_text import TOKEN_CHARACTERS_MAX, TOKENS_MAX, normalise, tokenise


@pytest.mark.parametrize(
    ("written", "searched"),
    [
        ("السَّلَامُ عَلَيْكُمْ", "السلام عليكم"),
        ("أحمد", "احمد"),
        ("إسلام آخر", "اسلام اخر"),
        ("مدرسة", "مدرسه"),
        ("على", "علي"),
        ("مسؤول", "مسوول"),
        ("قارئ", "قاري"),
        ("ســـلام", "سلام"),
        ("١٢٣ ۴۵۶", "123 456"),
        ("ﻻ ﷲ", "لا الله"),
        ("\u200fمرحبا\u200f", "مرحبا"),
        ("CAFÉ", "cafe"),
        ("straße", "STRASSE"),
        ("Ｆｕｌｌ", "full"),
        ("İstanbul", "istanbul"),
        ("Ёлка", "елка"),
        ("e\u0301t\u00e9", "ete"),
    ],
)
def test_spellings_of_one_word_meet(written: str, searched: str) -> None:
    assert tokenise(written) == tokenise(searched)


def test_words_are_cut_at_everything_else() -> None:
    assert tokenise("Hello, world! foo_bar x-1 «نعم»، لا؟") == ["hello", "world", "foo", "bar", "x", "1", "نعم", "لا"]
    assert tokenise("  \n…") == []


def test_marks_that_are_letters_stay() -> None:
    assert normalise("हिन्दी") == "हिन्दी"
    assert tokenise("हिन्दी, भाषा") == ["हिन्दी", "भाषा"]


def test_ideographs_are_words() -> None:
    assert tokenise("東京tower、かな") == ["東", "京", "tower", "か", "な"]


def test_bounds() -> None:
    assert tokenise("a" * 1000) == ["a" * TOKEN_CHARACTERS_MAX]
    assert len(tokenise("a " * 30_000)) == TOKENS_MAX


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text())
def test_a_token_finds_itself(text: str) -> None:
    for token in tokenise(text):
        assert tokenise(token) == [token]
