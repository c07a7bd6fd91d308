"""Events of every room version: building, parsing, loading, redacting, limits."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.room_builder import ALICE, ALL_VERSIONS, BOB, KEY, RoomBuilder, versions

from zajil.core.canonical_json import CANONICAL_INTEGER_MAX, CanonicalJsonError, encode_canonical
from zajil.core.events import (
    EVENT_BYTES_MAX,
    Event,
    InvalidEvent,
    build_client_json,
    build_event,
    check_event_size,
    load_event,
    parse_pdu,
    redact_event,
    sign_event,
)
from zajil.core.redaction import redact
from zajil.core.room_rules import CREATABLE_VERSIONS, DEFAULT_VERSION, ROOM_RULES
from zajil.core.signing import SigningKey, verify_content_hash, verify_event_signature

# Member and create event of one content in every version; another implementation computes the same IDs.
KNOWN_IDS = {
    "1": ("$0:domain", "$1:domain"),
    "2": ("$0:domain", "$1:domain"),
    "3": ("$NFSlcpKHTG3kYb8WQ8UpOZyezsgOJqFh2zUdp232WXU", "$h7UfM9PVOVpjI8hO/JauyK0tnZd8Q+Z01SbRm4Bng7o"),
    "4": ("$NFSlcpKHTG3kYb8WQ8UpOZyezsgOJqFh2zUdp232WXU", "$RupGGDsn01m0SaapHuKBg6gzvndNocRtTdF6U4zIwGs"),
    "5": ("$NFSlcpKHTG3kYb8WQ8UpOZyezsgOJqFh2zUdp232WXU", "$Ef9au2LodwPtxx4o1PijZcbwRmzfYrlkxSNCVbO2EMs"),
    "6": ("$NFSlcpKHTG3kYb8WQ8UpOZyezsgOJqFh2zUdp232WXU", "$rEF-lf6OLFLNkCotX8I7cUU7gCaeb5SguFlo1oaqiv8"),
    "7": ("$NFSlcpKHTG3kYb8WQ8UpOZyezsgOJqFh2zUdp232WXU", "$Sq5PGyq5-qLtygX7YIbpE4ShuIFOK_fBxXPrl90Halg"),
    "8": ("$NFSlcpKHTG3kYb8WQ8UpOZyezsgOJqFh2zUdp232WXU", "$jMugk1tSLxzPLRheqLwjCW8zM6hjXJ8c74FkAxpfM78"),
    "9": ("$3za9t2xP6LYpidtqTlDt5dp5ObHgd7lJvJqe0Cjm1-g", "$ipdB9i3oMJnihHGkH5bgjucBegOHx7aABAVgzZv0TBc"),
    "10": ("$3za9t2xP6LYpidtqTlDt5dp5ObHgd7lJvJqe0Cjm1-g", "$Ky5FvaSGZnYGIlOorMj3e225kLGJgzO5mpkGQT3_e-s"),
    "11": ("$FNVjM7OXGxCO66KcX1BfiwwLT2OvfyF_UMA5J_-P6YM", "$OaSXOteZP74LD2Twd8WSJFseIO5RaajlA-6hC-DgR1M"),
    "12": ("$8Rno_XcvXsNJbSRUXYYPq9EZMqPzM5hnlCgCtAuxaRw", "$e9ON8t8yj38C8vhuamBIAiwBpNlruSAjCxvNtGnfxKY"),
}


def test_versions() -> None:
    assert list(ROOM_RULES) == versions()
    assert all(version == rules.version for version, rules in ROOM_RULES.items())
    assert DEFAULT_VERSION in CREATABLE_VERSIONS
    assert set(CREATABLE_VERSIONS) <= set(ROOM_RULES)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_event_ids_are_everybody_elses(version: str) -> None:
    rules = ROOM_RULES[version]
    content = {
        "membership": "invite",
        "displayname": "زاجل",
        "third_party_invite": {"display_name": "t", "signed": {"mxid": "@t:domain", "token": "k"}},
        "join_authorised_via_users_server": "@u:domain",
    }
    member = build_event(
        rules,
        room_id="!" + "r" * 43 if rules.room_id_is_create_hash else "!r:domain",
        type="m.room.member",
        sender="@u:domain",
        state_key="@t:domain",
        content=content,
        prev_events=["$p:domain" if rules.event_id_in_pdu else "$" + "p" * 43],
        auth_events=[],
        depth=3,
        origin_server_ts=1000000,
        event_id_v1="$0:domain" if rules.event_id_in_pdu else None,
    )
    create = build_event(
        rules,
        room_id=None if rules.room_id_is_create_hash else "!r:domain",
        type="m.room.create",
        sender="@u:domain",
        state_key="",
        content={"creator": "@u:domain", "room_version": version, "m.federate": True},
        prev_events=[],
        auth_events=[],
        depth=1,
        origin_server_ts=1000000,
        event_id_v1="$1:domain" if rules.event_id_in_pdu else None,
    )
    assert (member.event_id, create.event_id) == KNOWN_IDS[version]
    assert create.room_id == ("!" + create.event_id[1:] if version == "12" else "!r:domain")


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_an_event_is_the_same_built_parsed_and_loaded(version: str) -> None:
    room = RoomBuilder(version)
    auth = [room.create.event_id]
    for built in (
        room.create,
        room.event("m.room.message", ALICE, {"body": "مرحبا"}, auth_events=auth),
        room.event("m.room.member", ALICE, {"membership": "join"}, ALICE),
        room.event("m.room.redaction", ALICE, {"reason": "x"}, redacts=room.reference("e")),
    ):
        pdu = copy.deepcopy(built.pdu)
        parsed = parse_pdu({**pdu, "unsigned": {"age": 5}}, room.rules)
        assert isinstance(parsed, Event)
        loaded = load_event(room.rules, built.event_id, built.json)
        for event in (parsed, loaded):
            for name in Event.__slots__:
                assert getattr(event, name) == getattr(built, name), name
        assert verify_content_hash(pdu, room.rules)
        assert verify_event_signature(pdu, "here", "ed25519:1", KEY.public_key, room.rules)
        assert built.json == encode_canonical(pdu)
        assert check_event_size(built) is None
        assert built.pdu == pdu


def test_fields() -> None:
    room = RoomBuilder("12")
    member = room.event("m.room.member", ALICE, {"membership": "join"}, BOB)
    assert (member.is_state, member.key, member.membership) == (True, ("m.room.member", BOB), "join")
    message = room.event("m.room.message", ALICE, {"membership": "join"})
    assert (message.is_state, message.key, message.membership) == (False, ("m.room.message", ""), None)
    assert room.event("m.room.member", ALICE, {"membership": 1}, BOB).membership is None
    assert message.redacts is None
    with pytest.raises(AttributeError):
        message.no_such_field  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(ValueError, match="PDU"):
        Event(room.rules, "$x")


@pytest.mark.parametrize("version", versions(last=2))
def test_old_events_carry_their_id_and_reference_hashes(version: str) -> None:
    room = RoomBuilder(version)
    event = build_event(
        room.rules,
        room_id="!r:here",
        type="x",
        sender=ALICE,
        content={"f": 0.5, "big": 2**70},
        prev_events=[("$a:here", {"sha256": "h"}), "$b:here"],
        auth_events=["$c:here"],
        depth=2,
        origin_server_ts=5,
        event_id_v1="$d:here",
    )
    assert event.prev_event_ids == ("$a:here", "$b:here")
    assert event.auth_event_ids == ("$c:here",)
    assert event.pdu["prev_events"] == [["$a:here", {"sha256": "h"}], ["$b:here", {}]]
    assert load_event(room.rules, "$d:here", event.json).content == {"f": 0.5, "big": 2**70}
    with pytest.raises(ValueError, match="event ID"):
        build_event(
            room.rules,
            room_id="!r:here",
            type="x",
            sender=ALICE,
            content={},
            prev_events=[],
            auth_events=[],
            depth=1,
            origin_server_ts=1,
        )


def test_signatures_can_come_later() -> None:
    room = RoomBuilder("11")
    event = room.event("m.room.message", ALICE, {"body": "x"}, sign=lambda message: {})
    assert event.pdu["signatures"] == {}
    signed = sign_event(event, KEY.build_signer("here"))
    other = SigningKey(b"\x07" * 32, "ed25519:o")
    both = sign_event(signed, other.build_signer("there"))
    assert event.event_id == signed.event_id == both.event_id
    assert verify_event_signature(both.pdu, "here", "ed25519:1", KEY.public_key, room.rules)
    assert verify_event_signature(both.pdu, "there", "ed25519:o", other.public_key, room.rules)
    assert both.json == encode_canonical(both.pdu)
    assert event.pdu["signatures"] == {}


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_redaction_keeps_the_id_and_the_signature(version: str) -> None:
    room = RoomBuilder(version)
    event = room.event("m.room.message", ALICE, {"body": "secret"})
    redacted = redact_event(event)
    assert redacted.content == {}
    assert redacted.event_id == event.event_id
    parsed = parse_pdu(redacted.pdu, room.rules)
    assert isinstance(parsed, Event)
    assert parsed.event_id == event.event_id
    assert verify_event_signature(redacted.pdu, "here", "ed25519:1", KEY.public_key, room.rules)
    assert not verify_content_hash(redacted.pdu, room.rules)
    assert event.content == {"body": "secret"}


def test_uncanonical_content_is_refused() -> None:
    for content in ({"f": 0.5}, {"i": 2**53}, {"s": "\ud800"}):
        with pytest.raises(CanonicalJsonError):
            RoomBuilder("12").event("x", ALICE, content)


def test_size_limit_is_65536_bytes() -> None:
    room = RoomBuilder("12")
    spare = EVENT_BYTES_MAX - len(room.event("x", ALICE, {"body": ""}).json)
    largest = room.event("x", ALICE, {"body": "a" * spare})
    room.count -= 1
    assert len(largest.json) == EVENT_BYTES_MAX
    assert check_event_size(largest) is None
    assert isinstance(parse_pdu(largest.pdu, room.rules), Event)
    failure = check_event_size(room.event("x", ALICE, {"body": "a" * spare + "é"}))
    assert failure is not None
    assert failure.too_large


@pytest.mark.parametrize(("type", "state_key"), [("t" * 256, None), ("é" * 128, None), ("t", "k" * 256)])
def test_field_limit_is_255_bytes(type: str, state_key: str | None) -> None:
    room = RoomBuilder("12")
    failure = check_event_size(room.event(type, ALICE, {}, state_key))
    assert failure is not None
    assert failure.too_large
    shorter = room.event(type[:127], ALICE, {}, state_key and state_key[:255])
    assert check_event_size(shorter) is None


MISSING = object()
BAD_FIELDS: list[tuple[str, Any]] = [
    ("type", MISSING),
    ("type", 5),
    ("type", "t" * 256),
    ("sender", MISSING),
    ("sender", "alice"),
    ("sender", None),
    ("room_id", 5),
    ("room_id", "!a b"),
    ("room_id", "!\0:here"),
    ("state_key", None),
    ("state_key", 5),
    ("content", MISSING),
    ("content", []),
    ("depth", True),
    ("depth", -1),
    ("depth", 1.0),
    ("depth", "1"),
    ("depth", 2**63),
    ("origin_server_ts", MISSING),
    ("origin_server_ts", 1.5),
    ("origin_server_ts", -(2**63) - 1),
    ("hashes", MISSING),
    ("hashes", {}),
    ("hashes", {"sha256": 5}),
    ("signatures", MISSING),
    ("signatures", {"here": "x"}),
    ("signatures", {"here": {"ed25519:1": 5}}),
    ("prev_events", MISSING),
    ("prev_events", {}),
    ("prev_events", [5]),
    ("prev_events", ["x"]),
    ("auth_events", [None]),
    ("auth_events", [["$a:here"]]),
    ("auth_events", [["$a:here", []]]),
    ("auth_events", [[5, {}]]),
    ("content", {"s": "\ud800"}),
]


@pytest.mark.parametrize("version", ["1", "3", "6", "11", "12"])
@pytest.mark.parametrize(("name", "value"), BAD_FIELDS)
def test_malformed_pdus_are_refused(version: str, name: str, value: object) -> None:
    room = RoomBuilder(version)
    pdu = {**room.event("x", ALICE, {}).pdu, name: value}
    if value is MISSING:
        del pdu[name]
    failure = parse_pdu(pdu, room.rules)
    assert isinstance(failure, InvalidEvent)
    assert failure.reason.endswith(".")


@pytest.mark.parametrize("version", versions(first=6))
@pytest.mark.parametrize("content", [{"f": 0.5}, {"i": CANONICAL_INTEGER_MAX + 1}])
def test_strict_versions_refuse_uncanonical_pdus(version: str, content: dict[str, Any]) -> None:
    room = RoomBuilder(version)
    pdu = room.event("x", ALICE, {}).pdu
    assert isinstance(parse_pdu({**pdu, "content": content}, room.rules), InvalidEvent)
    assert isinstance(parse_pdu({**pdu, "depth": 2**53}, room.rules), InvalidEvent)


@pytest.mark.parametrize("version", versions(last=5))
def test_old_versions_accept_uncanonical_pdus(version: str) -> None:
    room = RoomBuilder(version)
    pdu = room.event("x", ALICE, {}).pdu
    assert isinstance(parse_pdu({**pdu, "content": {"f": 0.5, "i": 2**60}, "depth": 2**60}, room.rules), Event)


def test_room_ids_belong_to_their_version() -> None:
    new, old = RoomBuilder("12"), RoomBuilder("11")
    assert isinstance(parse_pdu({**new.event("x", ALICE, {}).pdu, "room_id": "!r:here"}, new.rules), InvalidEvent)
    assert isinstance(parse_pdu({**old.event("x", ALICE, {}).pdu, "room_id": "!" + "r" * 43}, old.rules), InvalidEvent)
    assert isinstance(parse_pdu({**new.create.pdu, "room_id": "!r:here"}, new.rules), InvalidEvent)
    without = {key: value for key, value in old.create.pdu.items() if key != "room_id"}
    assert isinstance(parse_pdu(without, old.rules), InvalidEvent)


@pytest.mark.parametrize(("name", "count_max"), [("prev_events", 20), ("auth_events", 10)])
@pytest.mark.parametrize("version", ["2", "12"])
def test_references_are_limited(version: str, name: str, count_max: int) -> None:
    room = RoomBuilder(version)
    pdu = room.event("x", ALICE, {}).pdu
    reference: Any = room.reference()
    if room.rules.event_id_in_pdu:
        reference = [reference, {}]
    assert isinstance(parse_pdu({**pdu, name: [reference] * count_max}, room.rules), Event)
    assert isinstance(parse_pdu({**pdu, name: [reference] * (count_max + 1)}, room.rules), InvalidEvent)


@pytest.mark.parametrize("event_id", [MISSING, None, "$x", "x:here", "$" + "x" * 255 + ":here"])
def test_old_event_ids_are_checked(event_id: object) -> None:
    room = RoomBuilder("1")
    pdu = {**room.event("x", ALICE, {}).pdu, "event_id": event_id}
    if event_id is MISSING:
        del pdu["event_id"]
    assert isinstance(parse_pdu(pdu, room.rules), InvalidEvent)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_client_json(version: str) -> None:
    room = RoomBuilder(version)
    redacts = room.reference("e")
    redaction = build_client_json(room.event("m.room.redaction", ALICE, {"reason": "x"}, redacts=redacts))
    assert redaction["redacts"] == redacts
    assert redaction["content"] == {"reason": "x", "redacts": redacts}
    topic = room.event("m.room.topic", ALICE, {"topic": "t"}, "")
    assert build_client_json(topic) == {
        "content": {"topic": "t"},
        "event_id": topic.event_id,
        "origin_server_ts": topic.origin_server_ts,
        "room_id": room.create.room_id,
        "sender": ALICE,
        "state_key": "",
        "type": "m.room.topic",
    }
    assert build_client_json(room.create)["room_id"] == room.create.room_id
    assert "state_key" not in build_client_json(room.event("x", ALICE, {}))


@pytest.mark.parametrize("redacts", [None, 5, ["$x"]])
def test_malformed_redacts_redact_nothing(redacts: object) -> None:
    event = RoomBuilder("11").event("m.room.redaction", ALICE, {"redacts": redacts})
    assert event.redacts is None
    assert "redacts" not in build_client_json(event)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abm.", max_size=3), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(
    [
        "m.room.aliases",
        "m.room.create",
        "m.room.history_visibility",
        "m.room.join_rules",
        "m.room.member",
        "m.room.message",
        "m.room.power_levels",
        "m.room.redaction",
        "x",
    ]
)
KEYS = ["membership", "creator", "join_rule", "allow", "users", "invite", "aliases", "redacts", "third_party_invite"]
CONTENTS = st.dictionaries(st.sampled_from(KEYS) | st.text("abc", max_size=2), JSON, max_size=6)
SIGNED = st.fixed_dictionaries({"third_party_invite": st.dictionaries(st.sampled_from(["signed", "x"]), JSON)})


@settings(max_examples=150)
@given(st.sampled_from(ALL_VERSIONS), TYPES, CONTENTS | SIGNED)
def test_redaction_is_idempotent_and_preserves_the_event_id(version: str, type: str, content: dict[str, Any]) -> None:
    room = RoomBuilder(version)
    event = room.event(type, ALICE, content, "", room_id=room.create.room_id, sign=lambda message: {})
    pdu = {**event.pdu, "extra": 1, "origin": "here", "prev_state": [], "unsigned": {"age": 1}}
    if room.rules.room_id_is_create_hash and type == "m.room.create":
        del pdu["room_id"]
    before = copy.deepcopy(pdu)
    once = redact(pdu, room.rules)
    assert pdu == before
    assert redact(once, room.rules) == once
    assert set(once) <= set(pdu)
    parsed, again = parse_pdu(pdu, room.rules), parse_pdu(once, room.rules)
    assert isinstance(parsed, Event)
    assert isinstance(again, Event)
    assert parsed.event_id == again.event_id


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from([*RoomBuilder("1").create.pdu, "state_key", "redacts"]), JSON))
def test_no_pdu_raises(changes: dict[str, Any]) -> None:
    for version in ("1", "12"):
        room = RoomBuilder(version)
        pdu = {**room.event("x", ALICE, {}).pdu, **changes}
        assert isinstance(parse_pdu(pdu, room.rules), Event | InvalidEvent)
