"""Policy servers: a server that a room has chosen to look at every event, and whose signature recommends it (server-server API, "Policy Servers")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.events import Event
from zajil.core.identifiers import is_server_name
from zajil.core.signing import build_signed_bytes, find_signatures, parse_base64, verify_signature
from zajil.core.state_map import StateKey

POLICY_KEY: Final[StateKey] = ("m.room.policy", "")
KEY_ID: Final = "ed25519:policy_server"
PUBLIC_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Policy:
    """A room's policy server, and the key with which it recommends. It counts only while one of its users is in the room."""

    server_name: str
    public_key: bytes


def parse_policy(content: Mapping[str, Any]) -> Policy | None:
    """What `m.room.policy` says; None where it names no policy server, or none as it should."""
    via, keys = content.get("via"), content.get("public_keys")
    key = parse_base64(keys.get("ed25519")) if isinstance(keys, dict) else None
    if not isinstance(via, str) or not is_server_name(via) or key is None or len(key) != PUBLIC_KEY_BYTES:
        return None
    return Policy(via, key)


def is_exempt(event: Event) -> bool:
    """Whether the event needs no recommendation: with the one that names the policy server a room can always get rid of it."""
    return event.is_state and event.key == POLICY_KEY


def is_recommended(event: Event, policy: Policy) -> bool:
    """Whether the policy server has signed the event."""
    signature = find_signatures(event.pdu, policy.server_name).get(KEY_ID)
    return signature is not None and verify_signature(
        build_signed_bytes(event.pdu, event.rules), signature, policy.public_key
    )


def find_same(candidates: list[Event], event: Event) -> Event:
    """Of some events the one that says the same in the same place, only perhaps at another time; the event itself if there is none."""
    wanted = _without_time(event)
    return next((each for each in candidates if _without_time(each) == wanted), event)


def _without_time(event: Event) -> dict[str, Any]:
    changing = ("origin_server_ts", "hashes", "signatures", "event_id")
    return {key: value for key, value in event.pdu.items() if key not in changing}
