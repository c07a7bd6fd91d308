"""Identifiers: the grammar of the appendices, its limits, and text that tries to break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.identifiers import (
    MxcUri,
    RoomAlias,
    UserId,
    is_device_id,
    is_event_id,
    is_namespaced_id,
    is_opaque_id,
    is_room_alias,
    is_room_id,
    is_server_name,
    is_user_id,
    is_valid_localpart_for_registration,
    parse_mxc,
    parse_room_alias,
    parse_user_id,
    server_name_of,
)

HASH = "A" * 43


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("matrix.org", True),
        ("matrix.org:8888", True),
        ("1.2.3.4", True),
        ("1.2.3.4:1234", True),
        ("[1234:5678::abcd]", True),
        ("[1234:5678::abcd]:5678", True),
        ("localhost", True),
        ("EXAMPLE.org", True),
        ("", False),
        (":8008", False),
        ("a b", False),
        ("a_b", False),
        ("example.org:", False),
        ("example.org:123456", False),
        ("example.org:８０", False),
        ("example.org\n", False),
        ("[::1", False),
        ("[1234::5678::abcd]", False),
        ("[12345::]", False),
        ("münchen.de", False),
        ("a" * 255, True),
        ("a" * 256, False),
        ("a/b", False),
        ("a\0b", False),
    ],
)
def test_server_names(name: str, valid: bool) -> None:
    assert is_server_name(name) is valid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@alice:example.org", UserId("alice", "example.org")),
        ("@alice:example.org:8448", UserId("alice", "example.org:8448")),
        ("@alice:[::1]:8448", UserId("alice", "[::1]:8448")),
        ("@:example.org", UserId("", "example.org")),
        ("@Älice Smith\t:example.org", UserId("Älice Smith\t", "example.org")),
        ("@" + "a" * 242 + ":example.org", UserId("a" * 242, "example.org")),
        ("@" + "a" * 243 + ":example.org", None),
        ("@" + "ä" * 122 + ":example.org", None),
        ("@a\0b:example.org", None),
        ("@\ud800:example.org", None),
        ("alice:example.org", None),
        ("@alice", None),
        ("@alice:", None),
        ("@alice:exa mple", None),
        ("", None),
    ],
)
def test_user_ids(text: str, expected: UserId | None) -> None:
    assert parse_user_id(text) == expected
    assert is_user_id(text) is (expected is not None)
    if expected is not None:
        assert str(expected) == text


@pytest.mark.parametrize(
    ("localpart", "valid"),
    [("alice", True), ("a.b_c=d-e/f+1", True), ("", False), ("Alice", False), ("a:b", False), ("ä", False)],
)
def test_registration_is_strict(localpart: str, valid: bool) -> None:
    assert is_valid_localpart_for_registration(localpart, "example.org") is valid


def test_registration_keeps_the_user_id_within_255_bytes() -> None:
    assert is_valid_localpart_for_registration("a" * 242, "example.org")
    assert not is_valid_localpart_for_registration("a" * 243, "example.org")


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("!opaque:example.org", True),
        ("!" + HASH, True),
        ("!" + "-_" + "A" * 41, True),
        ("!" + "A" * 42, False),
        ("!" + "A" * 44, False),
        ("!" + "A" * 42 + "/", False),
        ("!" + HASH + "\n", False),
        ("!a\0:example.org", False),
        ("!a:", False),
        ("#a:example.org", False),
        ("!" + "a" * 243 + ":example.org", False),
    ],
)
def test_room_ids(text: str, valid: bool) -> None:
    assert is_room_id(text) is valid


def test_room_aliases() -> None:
    assert parse_room_alias("#الغرفة:example.org:80") == RoomAlias("الغرفة", "example.org:80")
    for text in ("#:example.org", "#a", "#a\0:example.org", "a:example.org", "#" + "a" * 243 + ":example.org"):
        assert not is_room_alias(text)


def test_event_ids() -> None:
    for text in ("$a:example.org", "$" + HASH, "$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk", "$" + "a" * 254):
        assert is_event_id(text)
    for text in ("", "$", "a", "$a\0", "$" + "a" * 255, "$\ud800"):
        assert not is_event_id(text)


def test_device_ids() -> None:
    for text in ("ABCDEFG", "my phone", "هاتف", "a" * 255):
        assert is_device_id(text)
    for text in ("", "a\nb", "a\0", "a\x7f", "a" * 256, "\udfff"):
        assert not is_device_id(text)


def test_opaque_and_namespaced_ids() -> None:
    assert is_opaque_id("aZ09-._~")
    assert is_opaque_id("a" * 255)
    assert is_namespaced_id("m.room.message")
    for text in ("", "a" * 256, "a b", "a/b", "a\n"):
        assert not is_opaque_id(text)
        assert not is_namespaced_id(text)
    assert not is_namespaced_id("M.room")
    assert not is_namespaced_id("1a")


def test_content_uris() -> None:
    assert parse_mxc("mxc://example.org:80/aZ_-09") == MxcUri("example.org:80", "aZ_-09")
    assert str(MxcUri("example.org", "abc")) == "mxc://example.org/abc"
    for text in (
        "mxc://example.org/",
        "mxc://example.org",
        "mxc:///abc",
        "mxc://example.org/../x",
        "mxc://example.org/a/b",
        "mxc://example.org/a%2Fb",
        "https://example.org/abc",
        "mxc://example.org/" + "a" * 256,
        "mxc://exa mple/abc",
    ):
        assert parse_mxc(text) is None


def test_server_name_of() -> None:
    assert server_name_of("@alice:example.org:80") == "example.org:80"
    assert server_name_of("$hash") is None


@given(st.text() | st.from_regex(r"[@!#$].*:.*"))
def test_no_text_raises(text: str) -> None:
    checks = (is_user_id, is_room_id, is_room_alias, is_event_id, is_server_name, is_device_id, is_opaque_id)
    for check in checks:
        if check(text):
            assert "\0" not in text
            assert len(text.encode()) <= 261
    mxc = parse_mxc(text)
    assert mxc is None or str(mxc) == text
