"""What counts as a server's published keys."""

from typing import Any

import pytest

from zajil.core.server_keys import (
    VALID_MS_MAX,
    OwnOldKey,
    build_server_keys,
    can_sign,
    find_notary_signature,
    parse_server_keys,
)
from zajil.core.signing import SigningKey, encode_base64, sign_json

NAME = "one.example"
KEY = SigningKey(b"k" * 32, "ed25519:a_1")
OLD = SigningKey(b"o" * 32, "ed25519:a_0")
NOTARY = SigningKey(b"n" * 32, "ed25519:n")
NOW = 1_000_000_000


def published(**changes: Any) -> dict[str, Any]:
    value = build_server_keys(NAME, KEY, [OwnOldKey(OLD.key_id, OLD.public_key, 500)], NOW + 1000)
    value.update(changes)
    del value["signatures"]
    return sign_json(value, NAME, KEY)


def test_what_one_server_publishes_another_reads() -> None:
    keys = parse_server_keys(published(), NAME, NOW)
    assert not isinstance(keys, str)
    current, old = keys
    assert (current.key_id, current.public_key, current.valid_until_ts) == (KEY.key_id, KEY.public_key, NOW + 1000)
    assert (old.key_id, old.public_key, old.valid_until_ts, old.is_retired) == (OLD.key_id, OLD.public_key, 500, True)


def test_a_promise_for_years_is_believed_for_a_week() -> None:
    keys = parse_server_keys(published(valid_until_ts=NOW * 1000), NAME, NOW)
    assert not isinstance(keys, str)
    assert keys[0].valid_until_ts == NOW + VALID_MS_MAX


def test_a_key_that_did_not_sign_is_not_taken() -> None:
    stolen = {"key": encode_base64(OLD.public_key)}
    value = published(verify_keys={KEY.key_id: {"key": encode_base64(KEY.public_key)}, "ed25519:x": stolen})
    keys = parse_server_keys(value, NAME, NOW)
    assert not isinstance(keys, str)
    assert [key.key_id for key in keys] == [KEY.key_id, OLD.key_id]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        published(server_name="two.example"),
        published(valid_until_ts="soon"),
        published(valid_until_ts=True),
        published(verify_keys={}),
        published(verify_keys={KEY.key_id: {"key": "AAAA"}}),
        published(verify_keys={"rsa:1": {"key": encode_base64(KEY.public_key)}}),
        published(verify_keys=[KEY.key_id]),
        {**published(), "valid_until_ts": NOW + 5},
    ],
)
def test_anything_else_is_refused_with_a_reason(value: object) -> None:
    assert isinstance(parse_server_keys(value, NAME, NOW), str)


def test_a_notary_vouches_with_a_key_that_is_known() -> None:
    value = sign_json(published(), "notary.example", NOTARY)
    assert find_notary_signature(value, "notary.example", {NOTARY.key_id: NOTARY.public_key})
    assert not find_notary_signature(value, "notary.example", {NOTARY.key_id: KEY.public_key})
    assert not find_notary_signature(published(), "notary.example", {NOTARY.key_id: NOTARY.public_key})
    assert not isinstance(parse_server_keys(value, NAME, NOW), str)


def test_old_room_versions_do_not_ask_for_the_time() -> None:
    keys = parse_server_keys(published(), NAME, NOW)
    assert not isinstance(keys, str)
    assert can_sign(keys[1], 500, enforces_validity=True)
    assert not can_sign(keys[1], 501, enforces_validity=True)
    assert can_sign(keys[1], 501, enforces_validity=False)
