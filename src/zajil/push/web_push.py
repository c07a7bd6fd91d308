"""One Web Push message: encrypted for a browser (RFC 8291), sent to its push service (RFC 8030)."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from zajil.core.signing import encode_base64_url_safe
from zajil.ports.outbound_http import OutboundFailed, OutboundRequest
from zajil.push.vapid import Vapid
from zajil.services.app import App

ENDPOINT_CHARACTERS_MAX: Final = 2_048
KEY_CHARACTERS_MAX: Final = 128
POINT_BYTES: Final = 65
AUTH_BYTES: Final = 16
TTL_S: Final = 24 * 3600
TOPIC_CHARACTERS: Final = 32
TIMEOUT_MS: Final = 20_000
ANSWER_BYTES_MAX: Final = 16 * 1024
GONE: Final = (404, 410)
TRY_AGAIN: Final = (408, 425, 429)


class Outcome(Enum):
    """What became of a message."""

    DONE = "done"  # taken, or refused in a way that trying again does not mend
    GONE = "gone"  # the subscription is no more
    LATER = "later"  # the push service cannot take it now


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser that wants to be told."""

    endpoint: str
    public_key: bytes
    auth: bytes


def parse_subscription(pushkey: object, data: object, *, insecure: bool = False) -> Subscription | None:
    """From a device of a notification: `pushkey` is the browser's p256dh, `data` has `endpoint` and `auth`. None when it is none.

    `insecure` lets plain HTTP pass, for tests.
    """
    if not isinstance(data, dict):
        return None
    endpoint = data.get("endpoint")
    public_key, auth = _decode(pushkey), _decode(data.get("auth"))
    if public_key is None or len(public_key) != POINT_BYTES or not _is_on_curve(public_key):
        return None
    if auth is None or len(auth) != AUTH_BYTES or not isinstance(endpoint, str):
        return None
    if len(endpoint) > ENDPOINT_CHARACTERS_MAX or not endpoint.isascii():
        return None
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return None
    schemes = ("https", "http") if insecure else ("https",)
    return Subscription(endpoint, public_key, auth) if parts.scheme in schemes and parts.hostname else None


def _decode(text: object) -> bytes | None:
    """Base64url or base64, with or without padding."""
    if not isinstance(text, str) or len(text) > KEY_CHARACTERS_MAX or not text.isascii():
        return None
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return None


def _is_on_curve(point: bytes) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return True


def encrypt_payload(subscription: Subscription, payload: bytes) -> bytes:
    """The body of the request: a key of its own, and one record (aes128gcm)."""
    import http_ece
    from cryptography.hazmat.primitives.asymmetric import ec

    body: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=subscription.public_key,
        auth_secret=subscription.auth,
        version="aes128gcm",
    )
    return body


def build_headers(authorization: str, topic: str, *, urgent: bool) -> dict[str, str]:
    """`topic` names what a later message takes the place of, if the browser has not had this one yet."""
    digest = encode_base64_url_safe(hashlib.sha256(topic.encode()).digest())
    return {
        "Authorization": authorization,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_S),
        "Urgency": "high" if urgent else "low",
        "Topic": digest[:TOPIC_CHARACTERS],
    }


async def send_web_push(
    app: App, vapid: Vapid, subscription: Subscription, payload: bytes, *, topic: str, urgent: bool
) -> Outcome:
    """Hand a message to the push service."""
    authorization = await vapid.build_authorization(subscription.endpoint)
    request = OutboundRequest(
        subscription.endpoint,
        method="POST",
        headers=build_headers(authorization, topic, urgent=urgent),
        body=encrypt_payload(subscription, payload),
        timeout_ms=TIMEOUT_MS,
        body_bytes_max=ANSWER_BYTES_MAX,
        truncates=True,
    )
    try:
        response = await app.push_http.fetch(request)
    except OutboundFailed:
        return Outcome.LATER
    if response.status in GONE:
        return Outcome.GONE
    return Outcome.LATER if response.status in TRY_AGAIN or response.status >= 500 else Outcome.DONE


def build_payload(notification: dict[str, Any]) -> dict[str, Any]:
    """What the browser learns: which event, where, and how many are unread. Never what it says, nor who says it."""
    payload: dict[str, Any] = {"event_id": notification["event_id"], "room_id": notification["room_id"]}
    counts = notification.get("counts")
    unread = counts.get("unread") if isinstance(counts, dict) else None
    payload["unread"] = unread if type(unread) is int and 0 <= unread < 2**53 else 0
    return payload
