"""Relationships between events: replies, edits, annotations, threads (spec: Forming relationships between events)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.events import Event

REPLACE: Final = "m.replace"
ANNOTATION: Final = "m.annotation"
THREAD: Final = "m.thread"
REFERENCE: Final = "m.reference"

THREAD_HOPS_MAX: Final = 3
"""Relations followed to find the thread an event belongs to (spec: Marking notifications as read)."""
REL_TYPE_CHARACTERS_MAX: Final = 255
KEY_CHARACTERS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Relation:
    """What an event's `m.relates_to` says about another event."""

    rel_type: str
    event_id: str
    key: str | None
    """Of an annotation: the reaction."""


@dataclass(frozen=True, slots=True)
class RelationFailure:
    """Why an event with a relation is refused, with status 400."""

    errcode: str
    message: str


def parse_relation(content: Mapping[str, Any]) -> Relation | None:
    """The relation of an event; None without one that is well-formed. A reply alone is none (see `parse_reply`)."""
    relates_to = content.get("m.relates_to")
    if not isinstance(relates_to, Mapping):
        return None
    rel_type, event_id = relates_to.get("rel_type"), relates_to.get("event_id")
    if not isinstance(rel_type, str) or not isinstance(event_id, str) or len(rel_type) > REL_TYPE_CHARACTERS_MAX:
        return None
    key = relates_to.get("key") if rel_type == ANNOTATION else None
    if rel_type == ANNOTATION and not (isinstance(key, str) and len(key) <= KEY_CHARACTERS_MAX):
        return None
    return Relation(rel_type, event_id, key)


def parse_reply(content: Mapping[str, Any]) -> str | None:
    """The event ID that an event replies to."""
    relates_to = content.get("m.relates_to")
    reply = relates_to.get("m.in_reply_to") if isinstance(relates_to, Mapping) else None
    event_id = reply.get("event_id") if isinstance(reply, Mapping) else None
    return event_id if isinstance(event_id, str) else None


def check_relation(relation: Relation, target: Event | None, *, is_duplicate: bool = False) -> RelationFailure | None:
    """Judge a relation that a client wants to send.

    target is None when the server does not know the event in this room. is_duplicate: the sender has annotated the
    target with the same key and event type before.
    """
    if relation.rel_type == ANNOTATION and is_duplicate:
        return RelationFailure("M_DUPLICATE_ANNOTATION", "You have already reacted to this message in this way.")
    # An unknown target may be one the server has yet to receive.
    if relation.rel_type == THREAD and target is not None and parse_relation(target.content):
        return RelationFailure("M_UNKNOWN", "A thread cannot start from an event that itself relates to another one.")
    return None


def is_valid_replacement(original: Event, replacement: Event) -> bool:
    """Whether an m.replace event counts as an edit of the original (spec: Validity of replacement events)."""
    relation, earlier = parse_relation(replacement.content), parse_relation(original.content)
    return (
        relation is not None
        and relation.rel_type == REPLACE
        and relation.event_id == original.event_id
        and original.room_id == replacement.room_id
        and original.sender == replacement.sender
        and original.type == replacement.type
        and original.state_key is None
        and replacement.state_key is None
        and (earlier is None or earlier.rel_type != REPLACE)
        # Inside encrypted events only clients can see it.
        and (replacement.type == "m.room.encrypted" or isinstance(replacement.content.get("m.new_content"), dict))
    )


def find_latest_replacement(original: Event, replacements: Iterable[Event]) -> Event | None:
    """The most recent valid edit: by origin_server_ts, then by the larger event ID."""
    valid = (replacement for replacement in replacements if is_valid_replacement(original, replacement))
    return max(valid, key=lambda event: (event.origin_server_ts, event.event_id), default=None)
