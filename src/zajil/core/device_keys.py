"""The forms of the public keys that devices and users publish (client-server API, "Key algorithms" and "Cross-signing")."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from zajil.core.canonical_json import CanonicalJsonError, check_canonical, encode_canonical, encode_checked
from zajil.core.identifiers import is_within_bytes
from zajil.core.signing import parse_base64

DEVICE_KEYS_BYTES_MAX: Final = 32 * 1024
ONE_TIME_KEY_BYTES_MAX: Final = 8 * 1024
CROSS_SIGNING_KEY_BYTES_MAX: Final = 8 * 1024
KEY_NAME_BYTES_MAX: Final = 255
ALGORITHM_CHARACTERS_MAX: Final = 64
ED25519_KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16


def split_key_name(name: str) -> tuple[str, str] | None:
    """The algorithm and ID of `algorithm:id`; None when it does not have that form."""
    algorithm, colon, key_id = name.partition(":")
    if not colon or not algorithm or not key_id or len(algorithm) > ALGORITHM_CHARACTERS_MAX:
        return None
    return (algorithm, key_id) if is_within_bytes(name, KEY_NAME_BYTES_MAX) else None


def _is_map_of_text(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _has_valid_signatures(value: Mapping[str, Any]) -> bool:
    signatures = value.get("signatures", {})
    return isinstance(signatures, dict) and all(_is_map_of_text(item) for item in signatures.values())


def check_device_keys(value: Mapping[str, Any], user_id: str, device_id: str) -> str | None:
    """Why these are not the identity keys of that device, or None. Signatures are for other clients to verify."""
    if (reason := check_canonical(value)) is not None:
        return reason
    if value.get("user_id") != user_id:
        return "its user_id is not the one that is logged in"
    if value.get("device_id") != device_id:
        return "its device_id is not the one that is logged in"
    algorithms = value.get("algorithms")
    if not isinstance(algorithms, list) or not all(isinstance(each, str) for each in algorithms):
        return "its algorithms must be a list of strings"
    keys = value.get("keys")
    if not isinstance(keys, dict) or not _is_map_of_text(keys) or any(split_key_name(name) is None for name in keys):
        return "its keys must be an object of strings, under names of the form algorithm:device_id"
    if not _has_valid_signatures(value):
        return "its signatures are not in the form of signed JSON"
    if len(encode_checked(value)) > DEVICE_KEYS_BYTES_MAX:
        return f"it is longer than {DEVICE_KEYS_BYTES_MAX} bytes"
    return None


def check_one_time_key(name: str, value: object) -> str | None:
    """Why this is not a one-time or fallback key, or None."""
    if split_key_name(name) is None:
        return "its name must be of the form algorithm:id"
    if (reason := check_canonical(value)) is not None:
        return reason
    if isinstance(value, dict):
        if not isinstance(value.get("key"), str):
            return "it has no key"
        if not _has_valid_signatures(value):
            return "its signatures are not in the form of signed JSON"
    elif not isinstance(value, str):
        return "it must be a string or an object"
    if len(encode_checked(value)) > ONE_TIME_KEY_BYTES_MAX:
        return f"it is longer than {ONE_TIME_KEY_BYTES_MAX} bytes"
    return None


def without_signatures(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a signature of the object covers."""
    return {key: item for key, item in value.items() if key not in ("signatures", "unsigned")}


def is_same_key(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two signed objects are the same but for their signatures."""
    try:
        return encode_canonical(without_signatures(one)) == encode_canonical(without_signatures(other))
    except CanonicalJsonError:
        return False


def compute_key_digest(value: object) -> bytes:
    """Names a checked one-time key whatever its signatures are."""
    covered = without_signatures(value) if isinstance(value, dict) else value
    return hashlib.sha256(encode_checked(covered)).digest()[:DIGEST_BYTES]


def check_cross_signing_key(value: Mapping[str, Any], user_id: str, usage: str) -> str | None:
    """Why this is not a cross-signing key of that user for that usage, or None. Says nothing about its signatures."""
    if (reason := check_canonical(value)) is not None:
        return reason
    if value.get("user_id") != user_id:
        return "its user_id is not the one that is logged in"
    usages = value.get("usage")
    if not isinstance(usages, list) or not all(isinstance(each, str) for each in usages) or usage not in usages:
        return f"its usage does not name {usage}"
    if parse_cross_signing_key(value) is None:
        return "its keys must hold exactly one Ed25519 key, under its own name"
    if not _has_valid_signatures(value):
        return "its signatures are not in the form of signed JSON"
    if len(encode_checked(value)) > CROSS_SIGNING_KEY_BYTES_MAX:
        return f"it is longer than {CROSS_SIGNING_KEY_BYTES_MAX} bytes"
    return None


def parse_cross_signing_key(value: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """The one public key of a cross-signing key, in base64 and in bytes."""
    keys = value.get("keys")
    if not isinstance(keys, dict) or len(keys) != 1:
        return None
    [(name, text)] = keys.items()
    if not isinstance(text, str) or name != f"ed25519:{text}":
        return None
    public_key = parse_ed25519_key(text)
    return None if public_key is None else (text, public_key)


def parse_ed25519_key(text: object) -> bytes | None:
    """The bytes of a public key in base64; None when it is none."""
    public_key = parse_base64(text)
    return public_key if public_key is not None and len(public_key) == ED25519_KEY_BYTES else None
