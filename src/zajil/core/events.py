"""Events: the federation format (PDU) of every room version, its identifiers and its limits."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zajil.core.canonical_json import (
    ENCODE_DEPTH_MAX,
    CanonicalJsonError,
    check_canonical,
    encode_canonical,
    encode_checked,
    parse_json,
)
from zajil.core.identifiers import IDENTIFIER_BYTES_MAX, is_event_id, is_room_id, is_user_id, is_within_bytes
from zajil.core.redaction import redact, redact_content
from zajil.core.room_rules import RoomRules
from zajil.core.signing import Signatures, Signer, encode_base64, encode_base64_url_safe

EVENT_BYTES_MAX: Final = 65_536
PREV_EVENTS_MAX: Final = 20
AUTH_EVENTS_MAX: Final = 10
LEGACY_INTEGER_MAX: Final = 2**63 - 1  # what depth and origin_server_ts may reach in room versions 1 to 5

EventReference = str | tuple[str, Mapping[str, str]]
StateKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class InvalidEvent:
    """Why a PDU is not an event of its room version. Such PDUs are dropped, not stored."""

    reason: str
    too_large: bool = False


class Event:
    """One event, immutable by convention. Fields of an event that came from storage are parsed when first read."""

    __slots__ = (
        "auth_event_ids",
        "content",
        "depth",
        "derived",
        "event_id",
        "is_state",
        "json",
        "key",
        "membership",
        "origin_server_ts",
        "pdu",
        "prev_event_ids",
        "redacts",
        "room_id",
        "rules",
        "sender",
        "state_key",
        "type",
    )

    rules: RoomRules
    event_id: str
    pdu: dict[str, Any]
    """The federation format, hashes and signatures included, `unsigned` not."""
    json: bytes
    """The canonical bytes of `pdu`."""
    room_id: str
    type: str
    sender: str
    state_key: str | None
    content: dict[str, Any]
    depth: int
    origin_server_ts: int
    prev_event_ids: tuple[str, ...]
    auth_event_ids: tuple[str, ...]
    redacts: str | None
    membership: str | None
    is_state: bool
    key: StateKey
    """(type, state_key); the state key is "" for events that are not state events."""
    derived: Any
    """What power_levels has computed from this event; nobody else's business."""

    def __init__(
        self, rules: RoomRules, event_id: str, *, pdu: dict[str, Any] | None = None, json: bytes | None = None
    ) -> None:
        """From a PDU that is known to be well-formed, or its canonical bytes, or both."""
        if pdu is None and json is None:
            raise ValueError("An event needs its PDU or its bytes.")
        self.rules = rules
        self.event_id = event_id
        self.derived = None
        if json is not None:
            self.json = json
        if pdu is not None:
            self.pdu = pdu

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            """Called for slots that are not filled yet: parse the bytes, or fill the fields from the PDU."""
            if name == "json":
                self.json = encode_canonical(self.pdu, strict=self.rules.strict_canonical_json)
            elif name == "pdu":
                self.pdu = parse_json(self.json, strict=self.rules.strict_canonical_json)
            elif name in _PARSED_SLOTS:
                self._fill()
            else:
                raise AttributeError(name)
            return getattr(self, name)

    def _fill(self) -> None:
        pdu = self.pdu
        rules = self.rules
        event_type = self.type = pdu["type"]
        self.sender = pdu["sender"]
        content = self.content = pdu["content"]
        self.depth = pdu["depth"]
        self.origin_server_ts = pdu["origin_server_ts"]
        state_key = self.state_key = pdu.get("state_key")
        self.is_state = state_key is not None
        self.key = (event_type, state_key or "")
        if rules.event_id_in_pdu:
            self.prev_event_ids = tuple(reference[0] for reference in pdu["prev_events"])
            self.auth_event_ids = tuple(reference[0] for reference in pdu["auth_events"])
        else:
            self.prev_event_ids = tuple(pdu["prev_events"])
            self.auth_event_ids = tuple(pdu["auth_events"])
        if rules.room_id_is_create_hash and event_type == "m.room.create":
            self.room_id = "!" + self.event_id[1:]
        else:
            self.room_id = pdu["room_id"]
        membership = content.get("membership") if event_type == "m.room.member" else None
        self.membership = membership if isinstance(membership, str) else None
        redacts = None
        if event_type == "m.room.redaction":
            redacts = content.get("redacts") if rules.redacts_in_content else pdu.get("redacts")
        self.redacts = redacts if isinstance(redacts, str) else None

    def __repr__(self) -> str:
        return f"<Event {self.event_id}>"


_PARSED_SLOTS: Final = frozenset(Event.__slots__) - {"rules", "event_id", "pdu", "json", "derived"}


def build_event_id(digest: bytes, rules: RoomRules) -> str:
    """The event ID that belongs to a reference hash, in room versions 3 and later."""
    return "$" + (encode_base64_url_safe(digest) if rules.event_id_url_safe else encode_base64(digest))


def build_event(
    rules: RoomRules,
    *,
    room_id: str | None,
    type: str,
    sender: str,
    content: dict[str, Any],
    state_key: str | None = None,
    prev_events: Iterable[EventReference],
    auth_events: Iterable[EventReference],
    depth: int,
    origin_server_ts: int,
    redacts: str | None = None,
    event_id_v1: str | None = None,
    sign: Signer | None = None,
) -> Event:
    """Build an event: content hash, signature if a signer is given, event ID.

    `room_id` is None for the create event of a room version whose room ID is the create event's hash. Where event
    references carry hashes (`rules.event_id_in_pdu`), plain IDs get an empty hash object and `event_id_v1` is required.
    Raises CanonicalJsonError for content without a canonical form, which callers check first with `check_canonical`.
    The size is for the caller to check, with `check_event_size`.
    """
    pdu: dict[str, Any] = {
        "auth_events": _build_references(auth_events, rules),
        "content": content,
        "depth": depth,
        "origin_server_ts": origin_server_ts,
        "prev_events": _build_references(prev_events, rules),
        "sender": sender,
        "type": type,
    }
    if room_id is not None:
        pdu["room_id"] = room_id
    if state_key is not None:
        pdu["state_key"] = state_key
    if redacts is not None:
        if rules.redacts_in_content:
            pdu["content"] = {**content, "redacts": redacts}
        else:
            pdu["redacts"] = redacts
    if rules.event_id_in_pdu:
        if event_id_v1 is None:
            raise ValueError("Events of this room version carry an event ID of the caller's making.")
        pdu["event_id"] = event_id_v1
    encode = _encode_legacy
    if rules.strict_canonical_json:
        # Looked through once here, then encoded three times.
        reason = check_canonical([content, depth, origin_server_ts], depth_max=ENCODE_DEPTH_MAX)
        if reason is not None:
            raise CanonicalJsonError(f"This event has no canonical JSON form: {reason}.")
        encode = encode_checked
    pdu["hashes"] = {"sha256": encode_base64(hashlib.sha256(encode(pdu)).digest())}
    # The redacted form; of the fields set above, redaction drops only `redacts`.
    redacted = {**pdu, "content": redact_content(type, pdu["content"], rules)}
    redacted.pop("redacts", None)
    signed_bytes = encode(redacted)
    pdu["signatures"] = {} if sign is None else sign(signed_bytes)
    event_id = event_id_v1 or build_event_id(hashlib.sha256(signed_bytes).digest(), rules)
    return Event(rules, event_id, pdu=pdu, json=encode(pdu))


def _encode_legacy(value: object) -> bytes:
    return encode_canonical(value, strict=False)


def _build_references(references: Iterable[EventReference], rules: RoomRules) -> list[Any]:
    if not rules.event_id_in_pdu:
        return list(references)
    return [[item, {}] if isinstance(item, str) else [item[0], dict(item[1])] for item in references]


def sign_event(event: Event, sign: Signer) -> Event:
    """The same event with one more signature, for events that were built without one or that need a second."""
    unsigned = redact(event.pdu, event.rules)
    unsigned.pop("signatures", None)
    signatures: Signatures = {entity: dict(keys) for entity, keys in event.pdu.get("signatures", {}).items()}
    for entity, keys in sign(encode_canonical(unsigned, strict=event.rules.strict_canonical_json)).items():
        signatures[entity] = {**signatures.get(entity, {}), **keys}
    return Event(event.rules, event.event_id, pdu={**event.pdu, "signatures": signatures})


def redact_event(event: Event) -> Event:
    """The redacted form of an event; its ID stays the same."""
    return Event(event.rules, event.event_id, pdu=redact(event.pdu, event.rules))


def load_event(rules: RoomRules, event_id: str, json_bytes: bytes) -> Event:
    """An event as storage has it. Nothing is parsed before a field is read; the bytes are trusted."""
    return Event(rules, event_id, json=json_bytes)


def check_event_size(event: Event) -> InvalidEvent | None:
    """The limits of client-server API, "Size limits": 65,536 bytes in all, 255 for each identifying field."""
    if len(event.json) > EVENT_BYTES_MAX:
        return InvalidEvent(f"The event is larger than {EVENT_BYTES_MAX} bytes.", too_large=True)
    for name, value in (
        ("sender", event.sender),
        ("room ID", event.room_id),
        ("type", event.type),
        ("state key", event.state_key),
        ("event ID", event.event_id),
    ):
        if value is not None and not is_within_bytes(value, IDENTIFIER_BYTES_MAX):
            return InvalidEvent(f"The event's {name} is longer than {IDENTIFIER_BYTES_MAX} bytes.", too_large=True)
    return None


def parse_pdu(pdu: dict[str, Any], rules: RoomRules) -> Event | InvalidEvent:
    """Check the format of a PDU from another server (server-server API, "Checks performed on receipt", step 1).

    `unsigned` is dropped. Signatures (step 2) and the content hash (step 3) are checked by the caller, with
    `signing.verify_event_signature` and `signing.verify_content_hash`.
    """
    pdu = {key: value for key, value in pdu.items() if key != "unsigned"}
    reason = _check_fields(pdu, rules) or _check_references(pdu, rules)
    if reason is not None:
        return InvalidEvent(reason)
    strict = rules.strict_canonical_json
    if strict:
        reason = check_canonical(pdu, depth_max=ENCODE_DEPTH_MAX)
        if reason is not None:
            return InvalidEvent(f"The event is not canonical JSON: {reason}.")
    try:
        event_id = pdu["event_id"] if rules.event_id_in_pdu else _compute_event_id(pdu, rules)
        event = Event(rules, event_id, pdu=pdu, json=encode_canonical(pdu, strict=strict))
    except CanonicalJsonError as error:
        return InvalidEvent(str(error))
    return check_event_size(event) or event


def _compute_event_id(pdu: dict[str, Any], rules: RoomRules) -> str:
    covered = redact(pdu, rules)
    covered.pop("signatures", None)
    digest = hashlib.sha256(encode_canonical(covered, strict=rules.strict_canonical_json)).digest()
    return build_event_id(digest, rules)


def _check_fields(pdu: dict[str, Any], rules: RoomRules) -> str | None:
    """The types of the fields, as the PDU schema of the room version has them."""
    event_type, sender, room_id = pdu.get("type"), pdu.get("sender"), pdu.get("room_id")
    if not isinstance(event_type, str):
        return "The event has no type."
    if not isinstance(sender, str) or not is_user_id(sender):
        return "The event's sender is not a user ID."
    if rules.room_id_is_create_hash and event_type == "m.room.create":
        if room_id is not None:
            return "A create event of this room version must not have a room ID."
    elif not isinstance(room_id, str) or not is_room_id(room_id) or (":" in room_id) == rules.room_id_is_create_hash:
        return "The event's room ID is not one of this room version."
    if not isinstance(pdu.get("state_key", ""), str):
        return "The event's state key is not a string."
    if not isinstance(pdu.get("content"), dict):
        return "The event's content is not an object."
    for name in ("depth", "origin_server_ts"):
        value = pdu.get(name)
        if type(value) is not int or not -LEGACY_INTEGER_MAX <= value <= LEGACY_INTEGER_MAX:
            return f"The event's {name} is not an integer."
    if pdu["depth"] < 0:
        return "The event's depth is negative."
    hashes = pdu.get("hashes")
    if not isinstance(hashes, dict) or not isinstance(hashes.get("sha256"), str):
        return "The event has no content hash."
    if not _are_signatures(pdu.get("signatures")):
        return "The event's signatures are malformed."
    event_id = pdu.get("event_id")
    if rules.event_id_in_pdu and (not isinstance(event_id, str) or not is_event_id(event_id) or ":" not in event_id):
        return "The event's ID is not one of this room version."
    return None


def _are_signatures(signatures: object) -> bool:
    return isinstance(signatures, dict) and all(
        isinstance(keys, dict) and all(isinstance(signature, str) for signature in keys.values())
        for keys in signatures.values()
    )


def _check_references(pdu: dict[str, Any], rules: RoomRules) -> str | None:
    for name, count_max in (("prev_events", PREV_EVENTS_MAX), ("auth_events", AUTH_EVENTS_MAX)):
        references = pdu.get(name)
        if not isinstance(references, list):
            return f"The event's {name} is not an array."
        if len(references) > count_max:
            return f"The event has more than {count_max} {name}."
        for reference in references:
            target = reference
            if rules.event_id_in_pdu:
                if not isinstance(reference, list) or len(reference) != 2 or not isinstance(reference[1], dict):
                    return f"The event's {name} are not pairs of event ID and hashes."
                target = reference[0]
            if not isinstance(target, str) or not is_event_id(target):
                return f"The event's {name} contain something that is not an event ID."
    return None


def build_client_json(event: Event) -> dict[str, Any]:
    """The event as clients see it, without `unsigned`. Shares the content; do not modify.

    `redacts` stands at the top level and in the content, for clients of before and after room version 11.
    """
    client_json: dict[str, Any] = {
        "content": event.content,
        "event_id": event.event_id,
        "origin_server_ts": event.origin_server_ts,
        "room_id": event.room_id,
        "sender": event.sender,
        "type": event.type,
    }
    if event.state_key is not None:
        client_json["state_key"] = event.state_key
    if event.redacts is not None:
        client_json["redacts"] = event.redacts
        if "redacts" not in event.content:
            client_json["content"] = {**event.content, "redacts": event.redacts}
    return client_json
