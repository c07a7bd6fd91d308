"""What each room version's redaction keeps, key by key."""

from typing import Any

import pytest
from tests.core.room_builder import ALL_VERSIONS, versions

from zajil.core.redaction import redact
from zajil.core.room_rules import ROOM_RULES

ALWAYS = {
    "event_id",
    "type",
    "room_id",
    "sender",
    "state_key",
    "content",
    "hashes",
    "signatures",
    "depth",
    "prev_events",
    "auth_events",
    "origin_server_ts",
}
UNTIL_10 = {"prev_state", "origin", "membership"}
POWER_LEVELS = {"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"}
EVERY_KEY = POWER_LEVELS | {
    "aliases",
    "allow",
    "body",
    "creator",
    "displayname",
    "history_visibility",
    "invite",
    "join_authorised_via_users_server",
    "join_rule",
    "membership",
    "notifications",
    "predecessor",
    "redacts",
    "room_version",
}


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_top_level_keys(version: str) -> None:
    pdu: dict[str, Any] = dict.fromkeys(ALWAYS | UNTIL_10 | {"unsigned", "age_ts", "redacts", "x"}, 1)
    kept = ALWAYS | (UNTIL_10 if version in versions(last=10) else set())
    assert set(redact(pdu, ROOM_RULES[version])) == kept


@pytest.mark.parametrize(
    ("type", "keys", "first", "last"),
    [
        ("m.room.message", set(), 1, 12),
        ("m.room.member", {"membership"}, 1, 8),
        ("m.room.member", {"membership", "join_authorised_via_users_server"}, 9, 12),
        ("m.room.create", {"creator"}, 1, 10),
        ("m.room.create", EVERY_KEY, 11, 12),
        ("m.room.join_rules", {"join_rule"}, 1, 7),
        ("m.room.join_rules", {"join_rule", "allow"}, 8, 12),
        ("m.room.power_levels", POWER_LEVELS, 1, 10),
        ("m.room.power_levels", POWER_LEVELS | {"invite"}, 11, 12),
        ("m.room.aliases", {"aliases"}, 1, 5),
        ("m.room.aliases", set(), 6, 12),
        ("m.room.history_visibility", {"history_visibility"}, 1, 12),
        ("m.room.redaction", set(), 1, 10),
        ("m.room.redaction", {"redacts"}, 11, 12),
    ],
)
def test_content_keys(type: str, keys: set[str], first: int, last: int) -> None:
    for version in versions(first=first, last=last):
        pdu = {"type": type, "content": dict.fromkeys(EVERY_KEY, "v")}
        assert set(redact(pdu, ROOM_RULES[version])["content"]) == keys, version


@pytest.mark.parametrize(
    ("invite", "kept"),
    [
        ({"signed": {"token": "t"}, "display_name": "d"}, {"signed": {"token": "t"}}),
        ({"display_name": "d"}, {}),
        ("not an object", None),
    ],
)
def test_third_party_invites_keep_what_is_signed(invite: object, kept: object) -> None:
    pdu = {"type": "m.room.member", "content": {"membership": "invite", "third_party_invite": invite}}
    for version in versions(first=11):
        assert redact(pdu, ROOM_RULES[version])["content"].get("third_party_invite") == kept
    for version in versions(last=10):
        assert redact(pdu, ROOM_RULES[version])["content"] == {"membership": "invite"}


@pytest.mark.parametrize("pdu", [{}, {"content": []}, {"type": ["m.room.create"], "content": {"a": 1}}])
def test_malformed_events_lose_their_content(pdu: dict[str, Any]) -> None:
    assert redact(pdu, ROOM_RULES["12"])["content"] == {}
