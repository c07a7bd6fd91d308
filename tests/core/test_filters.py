"""Filters: strict parsing with bounds, and what passes."""

import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.core.filters import (
    ENTRY_CHARACTERS_MAX,
    LIMIT_MAX,
    LIST_ENTRIES_MAX,
    EventFilter,
    FilterFailure,
    SyncFilter,
    parse_room_event_filter,
    parse_sync_filter,
)

ALICE, BOB, ROOM = "@alice:example.org", "@bob:example.org", "!room:example.org"


def room_filter(**data: Any) -> EventFilter:
    parsed = parse_room_event_filter(data)
    assert isinstance(parsed, EventFilter), parsed
    return parsed


def sync_filter(**data: Any) -> SyncFilter:
    parsed = parse_sync_filter(data)
    assert isinstance(parsed, SyncFilter), parsed
    return parsed


@pytest.mark.parametrize(
    ("data", "passes"),
    [
        ({}, True),
        ({"types": ["m.room.message"]}, True),
        ({"types": ["m.room.*"]}, True),
        ({"types": ["*.mess*age"]}, True),
        ({"types": ["m?room?message"]}, False),
        ({"types": []}, False),
        ({"types": ["M.room.message"]}, False),
        ({"types": ["m.room.*"], "not_types": ["*.message"]}, False),
        ({"not_types": ["m.room.member"]}, True),
        ({"senders": [ALICE]}, True),
        ({"senders": [BOB]}, False),
        ({"senders": []}, False),
        ({"senders": [ALICE], "not_senders": [ALICE]}, False),
        ({"rooms": [ROOM]}, True),
        ({"rooms": []}, False),
        ({"not_rooms": [ROOM]}, False),
        ({"contains_url": True}, True),
        ({"contains_url": False}, False),
        ({"types": None, "unknown": 3}, True),
    ],
)
def test_what_passes(data: dict[str, Any], passes: bool) -> None:
    parsed = room_filter(**data)
    assert parsed.matches("m.room.message", ALICE, {"url": "mxc://x/y"}, ROOM) == passes
    assert not parsed.passes_everything or passes


def test_passing_everything() -> None:
    assert room_filter(limit=3, lazy_load_members=True).passes_everything
    for data in ({"types": ["*"]}, {"not_senders": [ALICE]}, {"contains_url": False}, {"related_by_senders": [ALICE]}):
        assert not room_filter(**data).passes_everything


def test_what_has_no_sender() -> None:
    assert room_filter(not_senders=[ALICE]).matches("m.typing", None, {})
    assert not room_filter(senders=[ALICE]).matches("m.typing", None, {})


def test_relations() -> None:
    both = room_filter(related_by_senders=[ALICE], related_by_rel_types=["m.thread"])
    assert both.asks_for_relations
    assert both.matches_relations([(BOB, "m.thread"), (ALICE, "m.thread")])
    assert not both.matches_relations([(BOB, "m.thread"), (ALICE, "m.reference")])
    assert room_filter(related_by_senders=[ALICE]).matches_relations([(ALICE, "m.reference")])
    assert room_filter().matches_relations([])


def test_sync_filters() -> None:
    parsed = sync_filter(
        event_fields=["type", r"content.m\.body"],
        event_format="federation",
        presence={"not_types": ["*"], "rooms": "ignored here"},
        account_data={"types": ["m.push_rules"]},
        room={
            "rooms": [ROOM, "!12"],
            "not_rooms": ["!12"],
            "include_leave": True,
            "state": {"lazy_load_members": True, "include_redundant_members": True},
            "timeline": {"limit": 0, "unread_thread_notifications": True},
            "ephemeral": {"types": []},
            "account_data": {"limit": 10**9},
        },
    )
    assert parsed.event_format == "federation"
    assert parsed.include_leave
    assert parsed.lazy_load_members
    assert parsed.state.include_redundant_members
    assert parsed.unread_thread_notifications
    assert parsed.timeline_limit == 0
    assert parsed.room_account_data.limit == LIMIT_MAX
    assert [parsed.matches_room(room) for room in (ROOM, "!12", "!other")] == [True, False, False]
    assert not parsed.presence.matches("m.presence", ALICE, {})
    assert parsed.account_data.matches("m.push_rules", None, {})
    assert parsed.project({"type": "t", "content": {"m.body": 1, "x": 2}, "sender": ALICE}) == {
        "type": "t",
        "content": {"m.body": 1},
    }
    assert sync_filter() == SyncFilter()
    assert sync_filter().timeline_limit == 10
    event = {"type": "t"}
    assert sync_filter().project(event) is event


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "The filter must be a JSON object."),
        ({"room": []}, "room in the filter must be a JSON object."),
        ({"room": {"timeline": "x"}}, "timeline in room in the filter must be a JSON object."),
        ({"event_format": "other"}, "event_format in the filter must be one of client, federation."),
        ({"event_format": ["client"]}, "event_format in the filter must be one of client, federation."),
        ({"room": {"include_leave": 1}}, "include_leave in room in the filter must be true or false."),
        ({"presence": {"limit": True}}, "limit in presence in the filter must be a whole number that is not negative."),
        ({"presence": {"limit": 1.0}}, "limit in presence in the filter must be a whole number that is not negative."),
        ({"presence": {"limit": -1}}, "limit in presence in the filter must be a whole number that is not negative."),
        ({"presence": {"senders": ["bob"]}}, "senders in presence in the filter must have only user IDs."),
        ({"room": {"not_rooms": ["#a:b"]}}, "not_rooms in room in the filter must have only room IDs."),
        ({"event_fields": "type"}, "event_fields in the filter must be a list of at most 100 strings."),
        ({"event_fields": ["a"] * 101}, "event_fields in the filter must be a list of at most 100 strings."),
        (
            {"presence": {"types": ["a"] * (LIST_ENTRIES_MAX + 1)}},
            f"types in presence in the filter must be a list of at most {LIST_ENTRIES_MAX} strings.",
        ),
        (
            {"presence": {"types": ["a" * (ENTRY_CHARACTERS_MAX + 1)]}},
            f"types in presence in the filter must have only strings of at most {ENTRY_CHARACTERS_MAX} characters.",
        ),
        (
            {"presence": {"not_types": [1]}},
            f"not_types in presence in the filter must have only strings of at most {ENTRY_CHARACTERS_MAX} characters.",
        ),
    ],
)
def test_refused_filters(data: object, message: str) -> None:
    assert parse_sync_filter(data) == FilterFailure(message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "room",
                    "state",
                    "timeline",
                    "types",
                    "senders",
                    "rooms",
                    "limit",
                    "event_fields",
                    "event_format",
                    "contains_url",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_breaks_the_parsers(data: object) -> None:
    for parsed in (parse_sync_filter(data), parse_room_event_filter(data)):
        if isinstance(parsed, FilterFailure):
            assert parsed.message.endswith(".")


def test_hostile_patterns_take_no_time() -> None:
    parsed = room_filter(types=["*a" * 127] * LIST_ENTRIES_MAX)
    assert timeit.timeit(lambda: parsed.matches_type("a" * 100 + "b" * 155), number=1) < 0.5
