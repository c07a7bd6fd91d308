"""Ed25519 signatures and the hashes of events (appendices, "Signing JSON"; server-server API, "Signing Events")."""

import binascii
import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_open, crypto_sign_PUBLICKEYBYTES
from nacl.bindings import crypto_sign_seed_keypair as build_keypair
from nacl.exceptions import BadSignatureError

from zajil.core.canonical_json import CanonicalJsonError, encode_canonical
from zajil.core.redaction import redact
from zajil.core.room_rules import RoomRules

SEED_BYTES: Final = 32
BASE64_CHARACTERS_MAX: Final = 8192
_KEY_ID: Final = re.compile(r"ed25519:[A-Za-z0-9_]{1,64}")

Signatures = dict[str, dict[str, str]]
Signer = Callable[[bytes], Signatures]
"""Signs the canonical bytes of a redacted event and returns {server_name: {key_id: signature}}."""


def encode_base64(data: bytes) -> str:
    """Unpadded base64 (appendices)."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").decode("ascii")


def encode_base64_url_safe(data: bytes) -> str:
    """Unpadded URL-safe base64, as in event IDs of room versions 4 and later."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def parse_base64(text: object) -> bytes | None:
    """Decode base64 with or without padding; None for anything else."""
    if not isinstance(text, str) or not text.isascii() or len(text) > BASE64_CHARACTERS_MAX:
        return None
    unpadded = text.rstrip("=")
    try:
        return binascii.a2b_base64(unpadded + "=" * (-len(unpadded) % 4), strict_mode=True) if unpadded else b""
    except binascii.Error:
        return None


class SigningKey:
    """A server's signing key. Never printed, never compared."""

    __slots__ = ("_secret", "key_id", "public_key")

    def __init__(self, seed: bytes, key_id: str) -> None:
        """`seed` is 32 random bytes from the caller, `key_id` is of the form `ed25519:name`."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"The seed of a signing key has {SEED_BYTES} bytes.")
        if _KEY_ID.fullmatch(key_id) is None:
            raise ValueError("A key ID is of the form ed25519:name, the name of letters, digits and underscores.")
        self.public_key, self._secret = build_keypair(seed)
        self.key_id = key_id

    def sign(self, message: bytes) -> str:
        """The signature of the message, in unpadded base64."""
        return encode_base64(crypto_sign(message, self._secret)[:crypto_sign_BYTES])

    def build_signer(self, server_name: str) -> Signer:
        """A function that signs events in the name of a server."""
        key_id, sign = self.key_id, self.sign

        def sign_event(message: bytes) -> Signatures:
            return {server_name: {key_id: sign(message)}}

        return sign_event


def verify_signature(message: bytes, signature: object, public_key: bytes) -> bool:
    """Whether `signature` (base64) is the key's signature of the message."""
    signature_bytes = parse_base64(signature)
    if signature_bytes is None or len(signature_bytes) != crypto_sign_BYTES:
        return False
    if len(public_key) != crypto_sign_PUBLICKEYBYTES:
        return False
    try:
        crypto_sign_open(signature_bytes + message, public_key)
    except BadSignatureError:
        return False
    return True


def _without_signatures(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in ("signatures", "unsigned")}


def sign_json(value: Mapping[str, Any], server_name: str, key: SigningKey, *, strict: bool = True) -> dict[str, Any]:
    """A copy of a JSON object with this server's signature added; other signatures and `unsigned` stay."""
    signature = key.sign(encode_canonical(_without_signatures(value), strict=strict))
    signatures = dict(value.get("signatures") or {})
    signatures[server_name] = {**signatures.get(server_name, {}), key.key_id: signature}
    return {**value, "signatures": signatures}


def find_signatures(value: Mapping[str, Any], entity: str) -> dict[str, str]:
    """The Ed25519 signatures of an entity (a server or user ID) on a JSON object: {key ID: signature}."""
    signatures = value.get("signatures")
    found = signatures.get(entity) if isinstance(signatures, dict) else None
    if not isinstance(found, dict):
        return {}
    return {
        key_id: signature
        for key_id, signature in found.items()
        if isinstance(key_id, str) and key_id.startswith("ed25519:") and isinstance(signature, str)
    }


def verify_json_signature(
    value: Mapping[str, Any], entity: str, key_id: str, public_key: bytes, *, strict: bool = True
) -> bool:
    """Appendices, "Checking for a Signature": whether `entity` signed the object with this key."""
    signature = find_signatures(value, entity).get(key_id)
    if signature is None:
        return False
    try:
        message = encode_canonical(_without_signatures(value), strict=strict)
    except CanonicalJsonError:
        return False
    return verify_signature(message, signature, public_key)


def compute_content_hash(pdu: Mapping[str, Any], rules: RoomRules) -> bytes:
    """SHA-256 of the event without `unsigned`, `signatures` and `hashes`. Raises CanonicalJsonError."""
    covered = {key: value for key, value in pdu.items() if key not in ("unsigned", "signatures", "hashes")}
    return hashlib.sha256(encode_canonical(covered, strict=rules.strict_canonical_json)).digest()


def verify_content_hash(pdu: Mapping[str, Any], rules: RoomRules) -> bool:
    """Whether the event's `hashes.sha256` is its content hash. If not, only its redacted form may be used."""
    hashes = pdu.get("hashes")
    claimed = parse_base64(hashes.get("sha256")) if isinstance(hashes, dict) else None
    return claimed is not None and claimed == compute_content_hash(pdu, rules)


def build_signed_bytes(pdu: dict[str, Any], rules: RoomRules) -> bytes:
    """The bytes that an event's signatures and its reference hash cover. Raises CanonicalJsonError."""
    redacted = redact(pdu, rules)
    redacted.pop("signatures", None)
    return encode_canonical(redacted, strict=rules.strict_canonical_json)


def compute_reference_hash(pdu: dict[str, Any], rules: RoomRules) -> bytes:
    """SHA-256 of the redacted event without signatures. Raises CanonicalJsonError."""
    return hashlib.sha256(build_signed_bytes(pdu, rules)).digest()


def verify_event_signature(
    pdu: dict[str, Any], server_name: str, key_id: str, public_key: bytes, rules: RoomRules
) -> bool:
    """Whether the server signed the (redacted form of the) event with this key."""
    signature = find_signatures(pdu, server_name).get(key_id)
    if signature is None:
        return False
    try:
        message = build_signed_bytes(pdu, rules)
    except CanonicalJsonError:
        return False
    return verify_signature(message, signature, public_key)
