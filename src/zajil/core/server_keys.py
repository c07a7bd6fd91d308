"""Published signing keys of servers (server-server API, "Retrieving server keys")."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nacl.bindings import crypto_sign_PUBLICKEYBYTES

from zajil.core.identifiers import is_server_name
from zajil.core.signing import (
    SigningKey,
    encode_base64,
    find_signatures,
    parse_base64,
    sign_json,
    verify_json_signature,
)

KEYS_MAX: Final = 64
"""Of one server, current and old together."""
VALID_MS_MAX: Final = 7 * 86_400_000
"""A server's promise is believed for a week at most (room version 5, "Signing key validity period")."""
_KEY_ID: Final = re.compile(r"ed25519:[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class ServerKey:
    """One key of a server. It signs for events until `valid_until_ts`: what was promised, or when it was retired."""

    server_name: str
    key_id: str
    public_key: bytes
    valid_until_ts: int
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class OwnOldKey:
    """A key that this server has signed with before."""

    key_id: str
    public_key: bytes
    expired_ts: int


def parse_server_keys(value: object, server_name: str, now_ms: int) -> list[ServerKey] | str:
    """The keys that a server publishes of itself, or why the answer is none.

    Every current key must have signed the answer that names it: nobody can publish a key as theirs without having it. Old keys are taken on the word of
    the current ones.
    """
    if not isinstance(value, dict):
        return "not an object"
    if value.get("server_name") != server_name or not is_server_name(server_name):
        return "names another server"
    valid_until = value.get("valid_until_ts")
    if type(valid_until) is not int:
        return "does not say how long its keys are valid"
    current = _parse_current(value, server_name, min(valid_until, now_ms + VALID_MS_MAX))
    if not current:
        return "is not signed with a key that it names"
    return [*current, *_parse_old(value, server_name, {key.key_id for key in current})][:KEYS_MAX]


def _parse_current(value: dict[str, Any], server_name: str, valid_until_ts: int) -> list[ServerKey]:
    found = []
    for key_id, public_key, _ in _parse_entries(value.get("verify_keys")):
        if verify_json_signature(value, server_name, key_id, public_key, strict=False):
            found.append(ServerKey(server_name, key_id, public_key, valid_until_ts))
    return found


def _parse_old(value: dict[str, Any], server_name: str, current: set[str]) -> Iterable[ServerKey]:
    for key_id, public_key, entry in _parse_entries(value.get("old_verify_keys")):
        expired = entry.get("expired_ts")
        if key_id not in current and type(expired) is int:
            yield ServerKey(server_name, key_id, public_key, expired, is_retired=True)


def _parse_entries(value: object) -> list[tuple[str, bytes, dict[str, Any]]]:
    if not isinstance(value, dict):
        return []
    found = []
    for key_id, entry in list(value.items())[:KEYS_MAX]:
        public_key = parse_base64(entry.get("key")) if isinstance(entry, dict) else None
        if public_key is not None and len(public_key) == crypto_sign_PUBLICKEYBYTES and _KEY_ID.fullmatch(key_id):
            found.append((key_id, public_key, entry))
    return found


def build_server_keys(
    server_name: str, key: SigningKey, old_keys: Iterable[OwnOldKey], valid_until_ts: int
) -> dict[str, Any]:
    """What GET /_matrix/key/v2/server answers."""
    value = {
        "server_name": server_name,
        "valid_until_ts": valid_until_ts,
        "verify_keys": {key.key_id: {"key": encode_base64(key.public_key)}},
        "old_verify_keys": {
            old.key_id: {"key": encode_base64(old.public_key), "expired_ts": old.expired_ts} for old in old_keys
        },
    }
    return sign_json(value, server_name, key)


def find_notary_signature(value: Mapping[str, Any], notary: str, keys: Mapping[str, bytes]) -> bool:
    """Whether a notary whose keys are known vouches for the answer."""
    return any(
        key_id in keys and verify_json_signature(value, notary, key_id, keys[key_id], strict=False)
        for key_id in find_signatures(value, notary)
    )


def can_sign(key: ServerKey, origin_server_ts: int, *, enforces_validity: bool) -> bool:
    """Whether an event of that time may bear the key's signature. Room versions before 5 did not ask for the time."""
    return not enforces_validity or origin_server_ts <= key.valid_until_ts
