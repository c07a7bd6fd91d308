"""m.room.server_acl: which servers take part in a room (client-server API, "Server ACLs")."""

from zajil.core.globs import compile_glob
from zajil.core.server_discovery import parse_server_name
from zajil.services.rooms.room_heads import RoomHead

ENTRIES_MAX = 5_000


def is_banned_from_room(head: RoomHead, server_name: str) -> bool:
    """Whether the room keeps a server out."""
    return not is_allowed_by(head.content("m.room.server_acl"), server_name) if _has_acl(head) else False


def _has_acl(head: RoomHead) -> bool:
    return ("m.room.server_acl", "") in head.rest


def is_allowed_by(content: dict[str, object], server_name: str) -> bool:
    """Judge a server by the content of the event. The port does not count, nor does the case."""
    parts = parse_server_name(server_name)
    if parts is None:
        return False
    if content.get("allow_ip_literals", True) is False and parts.is_address:
        return False
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    if _matches(content.get("deny", []), host):
        return False
    return _matches(content.get("allow", []), host)


def _matches(patterns: object, host: str) -> bool:
    if not isinstance(patterns, list):
        return False
    return any(
        isinstance(pattern, str) and compile_glob(pattern.lower())(host.lower()) for pattern in patterns[:ENTRIES_MAX]
    )
