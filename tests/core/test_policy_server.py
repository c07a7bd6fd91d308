"""core/policy_server.py: which server a room has chosen, and what it recommends."""

from typing import Any

import pytest
from tests.core.room_builder import ALICE, ALL_VERSIONS, KEY, RoomBuilder

from zajil.core.events import Event, build_event, redact_event, sign_event
from zajil.core.policy_server import KEY_ID, Policy, find_same, is_exempt, is_recommended, parse_policy
from zajil.core.room_rules import ROOM_RULES
from zajil.core.signing import SigningKey, encode_base64

POLICY_SIGNER = SigningKey(b"p" * 32, KEY_ID)
CONTENT = {"via": "policy.example", "public_keys": {"ed25519": encode_base64(POLICY_SIGNER.public_key)}}
POLICY = Policy("policy.example", POLICY_SIGNER.public_key)


def test_what_a_room_says() -> None:
    assert parse_policy(CONTENT) == POLICY


@pytest.mark.parametrize(
    "change",
    [
        {"via": None},
        {"via": 3},
        {"via": "no server"},
        {"public_keys": None},
        {"public_keys": []},
        {"public_keys": {}},
        {"public_keys": {"ed25519": 3}},
        {"public_keys": {"ed25519": "short"}},
        {"public_keys": {"ed25519": "?" * 43}},
        {"public_keys": {"ed448": CONTENT["public_keys"]}},
    ],
)
def test_anything_else_is_no_policy_server(change: dict[str, Any]) -> None:
    assert parse_policy({**CONTENT, **change}) is None
    assert parse_policy({}) is None


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_recommendation_is_a_signature_of_that_key(version: str) -> None:
    room = RoomBuilder(version)
    event = room.event("m.room.message", ALICE, {"body": "x"}, sign=KEY.build_signer("here"))
    assert not is_recommended(event, POLICY)
    signed = sign_event(event, POLICY_SIGNER.build_signer("policy.example"))
    assert signed.event_id == event.event_id
    assert signed.pdu["signatures"]["here"] == event.pdu["signatures"]["here"]
    assert is_recommended(signed, POLICY)
    assert is_recommended(redact_event(signed), POLICY)
    other = SigningKey(b"q" * 32, KEY_ID)
    assert not is_recommended(signed, Policy("policy.example", other.public_key))
    assert not is_recommended(signed, Policy("other.example", POLICY_SIGNER.public_key))
    # The server may be that of the sender: its own signature is no recommendation, and is not lost by one.
    assert not is_recommended(event, Policy("here", KEY.public_key))
    both = sign_event(event, POLICY_SIGNER.build_signer("here"))
    assert set(both.pdu["signatures"]["here"]) == {KEY.key_id, KEY_ID}


def test_a_room_can_always_change_its_policy_server() -> None:
    room = RoomBuilder("12")
    assert is_exempt(room.event("m.room.policy", ALICE, CONTENT, ""))
    assert not is_exempt(room.event("m.room.policy", ALICE, CONTENT, "other"))
    assert not is_exempt(room.event("m.room.policy", ALICE, CONTENT))
    assert not is_exempt(room.event("m.room.name", ALICE, {"name": "x"}, ""))


def test_the_same_event_at_another_time() -> None:
    def build(body: str, ts: int, prev: str = "p") -> Event:
        return build_event(
            ROOM_RULES["11"],
            room_id="!room:here",
            type="m.room.message",
            sender=ALICE,
            content={"body": body},
            prev_events=["$" + prev * 43],
            auth_events=[],
            depth=7,
            origin_server_ts=ts,
            sign=KEY.build_signer("here"),
        )

    first, other, later = build("a", 1), build("b", 2), build("a", 3)
    assert find_same([other, first], later) is first
    assert find_same([], later) is later
    elsewhere = build("a", 3, "e")
    assert find_same([first, other], elsewhere) is elsewhere
