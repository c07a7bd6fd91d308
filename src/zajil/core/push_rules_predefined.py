"""The push rules every user starts with: spec v1.19, Push Notifications, "Predefined Rules".

`OWN_USER_ID` stands where a rule names the user's own ID, so one set of rules serves everybody.
"""

from typing import Any, Final

JsonObject = dict[str, Any]

OWN_USER_ID: Final = "\x00user_id"
"""No user can write it: rules with a NUL are refused."""

KINDS: Final = ("override", "content", "room", "sender", "underride")
"""The kinds of rules in the order in which they are checked."""
MASTER: Final = ".m.rule.master"
"""The only predefined rule that comes before a user's own."""

_SOUND: Final[JsonObject] = {"set_tweak": "sound", "value": "default"}
_RING: Final[JsonObject] = {"set_tweak": "sound", "value": "ring"}
_HIGHLIGHT: Final[JsonObject] = {"set_tweak": "highlight"}


def _match(key: str, pattern: str) -> JsonObject:
    return {"kind": "event_match", "key": key, "pattern": pattern}


def _rule(name: str, conditions: list[JsonObject], actions: list[str | JsonObject], enabled: bool = True) -> JsonObject:
    rule_id = ".m.rule." + name
    return {"rule_id": rule_id, "default": True, "enabled": enabled, "conditions": conditions, "actions": actions}


_MEMBERS_2: Final[JsonObject] = {"kind": "room_member_count", "is": "2"}

PREDEFINED: Final[dict[str, tuple[JsonObject, ...]]] = {
    "override": (
        _rule("master", [], [], enabled=False),
        _rule("suppress_notices", [_match("content.msgtype", "m.notice")], []),
        _rule(
            "invite_for_me",
            [
                _match("type", "m.room.member"),
                _match("content.membership", "invite"),
                _match("state_key", OWN_USER_ID),
            ],
            ["notify", _SOUND],
        ),
        _rule("member_event", [_match("type", "m.room.member")], []),
        _rule(
            "is_user_mention",
            [{"kind": "event_property_contains", "key": r"content.m\.mentions.user_ids", "value": OWN_USER_ID}],
            ["notify", _SOUND, _HIGHLIGHT],
        ),
        _rule(
            "is_room_mention",
            [
                {"kind": "event_property_is", "key": r"content.m\.mentions.room", "value": True},
                {"kind": "sender_notification_permission", "key": "room"},
            ],
            ["notify", _HIGHLIGHT],
        ),
        _rule("tombstone", [_match("type", "m.room.tombstone"), _match("state_key", "")], ["notify", _HIGHLIGHT]),
        _rule("reaction", [_match("type", "m.reaction")], []),
        _rule("room.server_acl", [_match("type", "m.room.server_acl"), _match("state_key", "")], []),
        _rule(
            "suppress_edits",
            [{"kind": "event_property_is", "key": r"content.m\.relates_to.rel_type", "value": "m.replace"}],
            [],
        ),
    ),
    "content": (),
    "room": (),
    "sender": (),
    "underride": (
        _rule("call", [_match("type", "m.call.invite")], ["notify", _RING]),
        _rule("encrypted_room_one_to_one", [_MEMBERS_2, _match("type", "m.room.encrypted")], ["notify", _SOUND]),
        _rule("room_one_to_one", [_MEMBERS_2, _match("type", "m.room.message")], ["notify", _SOUND]),
        _rule("message", [_match("type", "m.room.message")], ["notify"]),
        _rule("encrypted", [_match("type", "m.room.encrypted")], ["notify"]),
    ),
}
