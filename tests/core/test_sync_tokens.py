"""Tokens: every value survives the journey, everything else is None."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.sync_tokens import (
    NUMBER_MAX,
    ListToken,
    RoomToken,
    SyncToken,
    parse_list_token,
    parse_room_token,
    parse_sync_token,
)

NATURALS = st.integers(0, NUMBER_MAX)
INTEGERS = st.integers(-NUMBER_MAX, NUMBER_MAX)
INSTANCES = st.text(string.digits + string.ascii_lowercase, min_size=1, max_size=16)
URL_SAFE = set(string.ascii_letters + string.digits + "-_.~")


@given(st.builds(SyncToken, NATURALS, NATURALS, INSTANCES, NATURALS))
def test_sync_tokens_survive(token: SyncToken) -> None:
    assert parse_sync_token(str(token)) == token
    assert set(str(token)) <= URL_SAFE
    assert parse_room_token(str(token)) is None


@given(st.builds(RoomToken, INTEGERS, INTEGERS))
def test_room_tokens_survive(token: RoomToken) -> None:
    assert parse_room_token(str(token)) == token
    assert set(str(token)) <= URL_SAFE
    assert parse_sync_token(str(token)) is None


@given(st.lists(st.one_of(INTEGERS, st.text(max_size=20)), max_size=4))
def test_list_tokens_survive(key: list[int | str]) -> None:
    token = ListToken("rooms", tuple(key))
    assert parse_list_token(str(token), "rooms") == token
    assert parse_list_token(str(token), "members") is None
    assert set(str(token)) <= URL_SAFE


@given(st.text(alphabet="stl0123456789_-.~abz=+ ١", max_size=24))
def test_what_parses_is_spelled_the_only_way(text: str) -> None:
    for token in (parse_sync_token(text), parse_room_token(text), parse_list_token(text, "a")):
        assert token is None or str(token) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "s1_2_a",
        "s1_2__3",
        "s01_2_a_3",
        "s1_-2_a_3",
        "s1_2_A_3",
        "s1_2_a_3\n",
        "s1_2_" + "a" * 17 + "_3",
        "s1_9223372036854775808_a_3",
        "s1_99999999999999999999_a_3",
        "s1_١_a_3",
        "t1_-0",
        "t1_1_000",
        "t9223372036854775808_0",
        "lrooms.~=",
        "lrooms.~gA",
        "lrooms.~QR",
        "lrooms.",
        "lrooms." + "1" * 2000,
        "lrooms" + ".1" * 2000,
    ],
)
def test_garbage_is_none(text: str) -> None:
    assert parse_sync_token(text) is None
    assert parse_room_token(text) is None
    assert parse_list_token(text, "rooms") is None
