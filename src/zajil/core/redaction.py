"""The redaction algorithm (room version specification, "Redactions")."""

from typing import Any

from zajil.core.room_rules import RoomRules


def redact(pdu: dict[str, Any], rules: RoomRules) -> dict[str, Any]:
    """The redacted copy of a PDU. Shares the values that it keeps; `unsigned` and unknown keys are dropped."""
    redaction = rules.redaction
    top_level_keys = redaction.top_level_keys
    redacted = {key: value for key, value in pdu.items() if key in top_level_keys}
    content = pdu.get("content")
    redacted["content"] = redact_content(pdu.get("type"), content, rules) if isinstance(content, dict) else {}
    return redacted


def redact_content(event_type: object, content: dict[str, Any], rules: RoomRules) -> dict[str, Any]:
    """What a redaction leaves of the content of an event of this type."""
    redaction = rules.redaction
    if event_type == "m.room.create" and redaction.keeps_create_content:
        return content
    kept = redaction.content_keys.get(event_type) if isinstance(event_type, str) else None
    if kept is None:
        return {}
    redacted = {key: value for key, value in content.items() if key in kept}
    if event_type == "m.room.member" and redaction.keeps_third_party_invite_signed:
        invite = content.get("third_party_invite")
        if isinstance(invite, dict):  # stays an object, even an empty one: the event ID depends on it
            redacted["third_party_invite"] = {key: value for key, value in invite.items() if key == "signed"}
    return redacted
