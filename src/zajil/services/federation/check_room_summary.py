"""What other servers say of rooms, with all left out that is not as it should be."""

from typing import Any, Final

from zajil.core.canonical_json import parse_canonical_integer
from zajil.core.identifiers import is_room_alias, is_room_id, is_server_name, parse_mxc

TEXT_CHARACTERS_MAX: Final = 65_536
WORD_CHARACTERS_MAX: Final = 255
ALLOWED_ROOMS_MAX: Final = 100
CHILDREN_MAX: Final = 1_000
VIA_MAX: Final = 20
TEXTS: Final = ("name", "topic")
WORDS: Final = ("room_type", "room_version", "encryption")


def build_checked_entry(value: object) -> dict[str, Any] | None:
    """A room as lists of rooms show it; None when it is none."""
    if not isinstance(value, dict):
        return None
    room_id, members = value.get("room_id"), parse_canonical_integer(value.get("num_joined_members"))
    if not isinstance(room_id, str) or not is_room_id(room_id) or members is None:
        return None
    rule = value.get("join_rule")
    entry: dict[str, Any] = {
        "room_id": room_id,
        "num_joined_members": max(members, 0),
        "world_readable": value.get("world_readable") is True,
        "guest_can_join": value.get("guest_can_join") is True,
        # "The default, when it is not given, is public": client-server API, GET /publicRooms.
        "join_rule": rule if is_word(rule) else "public" if rule is None else "invite",
    }
    for key in TEXTS:
        text = value.get(key)
        if isinstance(text, str) and 0 < len(text) <= TEXT_CHARACTERS_MAX:
            entry[key] = text
    for key in WORDS:
        if is_word(value.get(key)):
            entry[key] = value[key]
    alias, avatar = value.get("canonical_alias"), value.get("avatar_url")
    if isinstance(alias, str) and is_room_alias(alias):
        entry["canonical_alias"] = alias
    if isinstance(avatar, str) and parse_mxc(avatar) is not None:
        entry["avatar_url"] = avatar
    return entry


def build_checked_summary(value: object) -> dict[str, Any] | None:
    """A room as hierarchies and summaries show it; None when it is none."""
    entry = build_checked_entry(value)
    allowed = value.get("allowed_room_ids") if isinstance(value, dict) else None
    if entry is not None and isinstance(allowed, list):
        entry["allowed_room_ids"] = [
            each for each in allowed[:ALLOWED_ROOMS_MAX] if isinstance(each, str) and is_room_id(each)
        ]
    return entry


def build_checked_children(value: object) -> list[dict[str, Any]]:
    """The m.space.child events of a space, as they are shown."""
    listed = value if isinstance(value, list) else []
    return [child for each in listed[:CHILDREN_MAX] if (child := _build_child(each)) is not None]


def _build_child(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or value.get("type") != "m.space.child":
        return None
    room_id, sender, content = value.get("state_key"), value.get("sender"), value.get("content")
    sent = parse_canonical_integer(value.get("origin_server_ts"))
    if not isinstance(room_id, str) or not is_room_id(room_id) or not isinstance(sender, str) or sent is None:
        return None
    via = content.get("via") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(via, list):
        return None
    servers = [each for each in via[:VIA_MAX] if isinstance(each, str) and is_server_name(each)]
    if not servers:
        return None
    shown: dict[str, Any] = {"via": servers}
    if isinstance(order := content.get("order"), str) and len(order) <= WORD_CHARACTERS_MAX:
        shown["order"] = order
    if isinstance(suggested := content.get("suggested"), bool):
        shown["suggested"] = suggested
    return {
        "type": "m.space.child",
        "state_key": room_id,
        "sender": sender[:WORD_CHARACTERS_MAX],
        "origin_server_ts": sent,
        "content": shown,
    }


def is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= WORD_CHARACTERS_MAX and value.isprintable()
