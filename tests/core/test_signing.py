"""Signatures and hashes: the test vectors of the appendices, and what must not verify."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.room_builder import KEY, SPEC_SEED

from zajil.core.room_rules import ROOM_RULES
from zajil.core.signing import (
    SigningKey,
    build_signed_bytes,
    compute_content_hash,
    compute_reference_hash,
    encode_base64,
    parse_base64,
    sign_json,
    verify_content_hash,
    verify_event_signature,
    verify_json_signature,
    verify_signature,
)

EMPTY_SIGNATURE = "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"
TWO_SIGNATURE = "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
MINIMAL_EVENT = {
    "room_id": "!x:domain",
    "sender": "@a:domain",
    "origin": "domain",
    "origin_server_ts": 1000000,
    "signatures": {},
    "hashes": {},
    "type": "X",
    "content": {},
    "prev_events": [],
    "auth_events": [],
    "depth": 3,
    "unsigned": {"age_ts": 1000000},
}
REDACTABLE_EVENT = {
    "content": {"body": "Here is the message content"},
    "event_id": "$0:domain",
    "origin": "domain",
    "origin_server_ts": 1000000,
    "type": "m.room.message",
    "room_id": "!r:domain",
    "sender": "@u:domain",
    "signatures": {},
    "unsigned": {"age_ts": 1000000},
}


@pytest.mark.parametrize(
    ("data", "encoded"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg"), (b"foobar", "Zm9vYmFy")],
)
def test_base64_vectors(data: bytes, encoded: str) -> None:
    assert encode_base64(data) == encoded
    assert parse_base64(encoded) == data


@given(st.binary())
def test_base64_survives_with_and_without_padding(data: bytes) -> None:
    encoded = encode_base64(data)
    assert parse_base64(encoded) == data
    assert parse_base64(encoded + "=" * (-len(encoded) % 4)) == data


@pytest.mark.parametrize("text", ["Z", "Zg-_", "Z g", "Zg\n", "é", None, 5, b"Zg", "A" * 8193, "Zm=v"])
def test_base64_refuses(text: object) -> None:
    assert parse_base64(text) is None


@pytest.mark.parametrize(("value", "signature"), [({}, EMPTY_SIGNATURE), ({"one": 1, "two": "Two"}, TWO_SIGNATURE)])
def test_json_signing_vectors(value: dict[str, Any], signature: str) -> None:
    signed = sign_json(value, "domain", KEY)
    assert signed == {**value, "signatures": {"domain": {"ed25519:1": signature}}}
    assert verify_json_signature(signed, "domain", "ed25519:1", KEY.public_key)


@pytest.mark.parametrize(
    ("pdu", "content_hash", "signature"),
    [
        (
            MINIMAL_EVENT,
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg",
        ),
        (
            REDACTABLE_EVENT,
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA",
        ),
    ],
)
def test_event_signing_vectors(pdu: dict[str, Any], content_hash: str, signature: str) -> None:
    rules = ROOM_RULES["1"]
    assert encode_base64(compute_content_hash(pdu, rules)) == content_hash
    hashed = {**pdu, "hashes": {"sha256": content_hash}}
    assert verify_content_hash(hashed, rules)
    assert KEY.sign(build_signed_bytes(hashed, rules)) == signature
    signed = {**hashed, "signatures": {"domain": {"ed25519:1": signature}}}
    assert verify_event_signature(signed, "domain", "ed25519:1", KEY.public_key, rules)
    redacted = {**signed, "content": {}}
    assert verify_event_signature(redacted, "domain", "ed25519:1", KEY.public_key, rules)
    assert verify_content_hash(redacted, rules) is (pdu["content"] == {})
    moved = {**signed, "room_id": "!other:domain"}
    assert not verify_event_signature(moved, "domain", "ed25519:1", KEY.public_key, rules)
    assert compute_reference_hash(moved, rules) != compute_reference_hash(signed, rules)


def test_other_signatures_and_unsigned_stay() -> None:
    value = {"a": 1, "unsigned": {"age": 5}, "signatures": {"domain": {"ed25519:0": "x"}, "other": {"k": "y"}}}
    signed = sign_json(value, "domain", KEY)
    assert signed["signatures"]["other"] == {"k": "y"}
    assert set(signed["signatures"]["domain"]) == {"ed25519:0", "ed25519:1"}
    assert value["signatures"] == {"domain": {"ed25519:0": "x"}, "other": {"k": "y"}}
    assert verify_json_signature({**signed, "unsigned": {"age": 6}}, "domain", "ed25519:1", KEY.public_key)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(-9, 9)), st.binary(min_size=32, max_size=32))
def test_only_the_signed_object_verifies(value: dict[str, Any], seed: bytes) -> None:
    value.pop("signatures", None)
    value.pop("unsigned", None)
    key = SigningKey(seed, "ed25519:k")
    signed = sign_json(value, "domain", key)
    assert verify_json_signature(signed, "domain", "ed25519:k", key.public_key)
    assert not verify_json_signature({**signed, "more": 1, "x": 2}, "domain", "ed25519:k", key.public_key)
    assert not verify_json_signature(signed, "other", "ed25519:k", key.public_key)
    assert not verify_json_signature(signed, "domain", "ed25519:other", key.public_key)
    if seed != SPEC_SEED:
        assert not verify_json_signature(signed, "domain", "ed25519:k", KEY.public_key)


@pytest.mark.parametrize(
    "signatures",
    [None, [], {"domain": None}, {"domain": {"ed25519:1": None}}, {"domain": {"ed25519:1": "!"}}, {"domain": {}}],
)
def test_malformed_signatures_do_not_verify(signatures: object) -> None:
    assert not verify_json_signature({"signatures": signatures}, "domain", "ed25519:1", KEY.public_key)


def test_what_cannot_be_encoded_does_not_verify() -> None:
    value = {"f": 0.5, "signatures": {"domain": {"ed25519:1": EMPTY_SIGNATURE}}}
    assert not verify_json_signature(value, "domain", "ed25519:1", KEY.public_key)
    assert not verify_signature(b"", EMPTY_SIGNATURE, b"short")
    assert not verify_signature(b"", "Zm9v", KEY.public_key)


@pytest.mark.parametrize(("seed", "key_id"), [(b"short", "ed25519:1"), (SPEC_SEED, "1"), (SPEC_SEED, "ed25519:a-b")])
def test_keys_are_checked(seed: bytes, key_id: str) -> None:
    with pytest.raises(ValueError, match="key"):
        SigningKey(seed, key_id)
    assert SPEC_SEED.hex() not in repr(KEY)
