"""Relations between events: what is one, what is refused, which edit counts."""

from typing import Any

import pytest

from zajil.core.events import Event, build_event
from zajil.core.relations import (
    Relation,
    check_relation,
    find_latest_replacement,
    is_valid_replacement,
    parse_relation,
    parse_reply,
)
from zajil.core.room_rules import ROOM_RULES

ALICE, BOB = "@alice:example.org", "@bob:example.org"


def event(content: dict[str, Any], **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "room_id": "!room:example.org",
        "type": "m.room.message",
        "sender": ALICE,
        "prev_events": [],
        "auth_events": [],
        "depth": 1,
        "origin_server_ts": 1,
    }
    return build_event(ROOM_RULES["11"], content=content, **{**fields, **changes})


@pytest.mark.parametrize(
    ("relates_to", "relation"),
    [
        ({"rel_type": "m.thread", "event_id": "$a"}, Relation("m.thread", "$a", None)),
        ({"rel_type": "m.annotation", "event_id": "$a", "key": "👍"}, Relation("m.annotation", "$a", "👍")),
        ({"rel_type": "m.annotation", "event_id": "$a"}, None),
        ({"rel_type": "m.annotation", "event_id": "$a", "key": "k" * 256}, None),
        ({"rel_type": "m.replace", "event_id": "$a", "key": "x"}, Relation("m.replace", "$a", None)),
        ({"rel_type": "r" * 256, "event_id": "$a"}, None),
        ({"rel_type": 1, "event_id": "$a"}, None),
        ({"rel_type": "m.thread", "event_id": ["$a"]}, None),
        ({"m.in_reply_to": {"event_id": "$a"}}, None),
        ([], None),
    ],
)
def test_parsing(relates_to: object, relation: Relation | None) -> None:
    assert parse_relation({"m.relates_to": relates_to}) == relation


def test_replies() -> None:
    assert parse_reply({"m.relates_to": {"m.in_reply_to": {"event_id": "$a"}}}) == "$a"
    for content in (
        {},
        {"m.relates_to": {"m.in_reply_to": "$a"}},
        {"m.relates_to": {"m.in_reply_to": {"event_id": 1}}},
    ):
        assert parse_reply(content) is None


def test_refused_relations() -> None:
    plain, child = event({}), event({"m.relates_to": {"rel_type": "m.reference", "event_id": "$x"}})
    reply = event({"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}})
    thread, annotation = Relation("m.thread", "$t", None), Relation("m.annotation", "$t", "👍")
    assert check_relation(thread, plain) is None
    assert check_relation(thread, reply) is None
    assert check_relation(thread, None) is None
    refused = check_relation(thread, child)
    assert refused
    assert refused.errcode == "M_UNKNOWN"
    assert check_relation(annotation, child) is None
    refused = check_relation(annotation, child, is_duplicate=True)
    assert refused
    assert refused.errcode == "M_DUPLICATE_ANNOTATION"


ORIGINAL = event({"body": "a"})


def edit(**changes: Any) -> Event:
    target = changes.pop("target", ORIGINAL.event_id)
    content = {"m.new_content": {"body": "b"}, "m.relates_to": {"rel_type": "m.replace", "event_id": target}}
    return event({**content, **changes.pop("content", {})}, **changes)


@pytest.mark.parametrize(
    ("replacement", "valid"),
    [
        (edit(), True),
        (edit(content={"m.new_content": None}), False),
        (edit(sender=BOB), False),
        (edit(type="m.room.encrypted"), False),
        (edit(room_id="!other:example.org"), False),
        (edit(state_key=""), False),
        (edit(target="$other"), False),
        (edit(content={"m.relates_to": {"rel_type": "m.thread", "event_id": ORIGINAL.event_id}}), False),
    ],
)
def test_valid_replacements(replacement: Event, valid: bool) -> None:
    assert is_valid_replacement(ORIGINAL, replacement) == valid


def test_what_cannot_be_edited() -> None:
    first = edit()
    assert not is_valid_replacement(first, edit(target=first.event_id))
    state = event({}, state_key="")
    assert not is_valid_replacement(state, edit(target=state.event_id))
    encrypted = event({"ciphertext": "x"}, type="m.room.encrypted")
    assert is_valid_replacement(
        encrypted, edit(target=encrypted.event_id, type="m.room.encrypted", content={"m.new_content": None})
    )


def test_the_latest_edit() -> None:
    edits = [edit(origin_server_ts=ts, depth=depth) for ts, depth in ((5, 1), (7, 2), (7, 3), (6, 4))]
    latest = max(edits[1:3], key=lambda replacement: replacement.event_id)
    for order in (edits, edits[::-1]):
        assert find_latest_replacement(ORIGINAL, [*order, edit(origin_server_ts=9, sender=BOB)]) is latest
    assert find_latest_replacement(ORIGINAL, []) is None
