"""Property paths: parsing, and cutting events down to some properties."""

import pytest

from zajil.core.property_path import ABSENT, get_property, parse_path, project


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("content.body", ("content", "body")),
        (r"content.m\.mentions.room", ("content", "m.mentions", "room")),
        (r"a\\.b", ("a\\", "b")),
        (r"a\b.", (r"a\b", "")),
        ("a\\", ("a\\",)),
    ],
)
def test_paths(key: str, path: tuple[str, ...]) -> None:
    assert parse_path(key) == path


EVENT = {
    "type": "m.room.message",
    "content": {"body": "hi", "m.mentions": {"room": True}, "a": {"b": {"c": 1}, "d": 2}},
}


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ([], {}),
        (["type"], {"type": "m.room.message"}),
        (["content.body", "absent", "content.absent", "type.x"], {"content": {"body": "hi"}}),
        ([r"content.m\.mentions.room"], {"content": {"m.mentions": {"room": True}}}),
        (["content.a.b", "content.a", "content.a.d"], {"content": {"a": {"b": {"c": 1}, "d": 2}}}),
        (["content.a.d", "content.a.b.c"], {"content": {"a": {"b": {"c": 1}, "d": 2}}}),
        (["content.a.b.c", "content"], {"content": EVENT["content"]}),
    ],
)
def test_projection(fields: list[str], left: dict[str, object]) -> None:
    before = repr(EVENT)
    assert project(EVENT, [parse_path(field) for field in fields]) == left
    assert repr(EVENT) == before


def test_absent_properties() -> None:
    assert get_property(EVENT, ("content", "x", "y")) is ABSENT
    assert get_property(EVENT, ("type", "y")) is ABSENT
