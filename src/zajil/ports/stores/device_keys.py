"""Device keys, one-time keys, cross-signing keys and signatures (client-server API, "End-to-End Encryption")."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class OneTimeKey:
    """A one-time or fallback key as uploaded."""

    algorithm: str
    key_id: str
    json: bytes
    digest: bytes
    """Of the key without its signatures: two uploads of the same key have the same."""


@dataclass(frozen=True, slots=True)
class StoredDeviceKeys:
    """A device's identity keys, with the name its owner gave it."""

    user_id: str
    device_id: str
    json: bytes
    display_name: str | None


@dataclass(frozen=True, slots=True)
class CrossSigningKey:
    """A cross-signing key as uploaded."""

    user_id: str
    usage: str
    public_key: str
    json: bytes


@dataclass(frozen=True, slots=True)
class KeySignature:
    """A signature added to a key after its upload."""

    target_user_id: str
    target_key_id: str
    signer_user_id: str
    signer_key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """What /sync tells a device about its keys."""

    one_time_keys: dict[str, int]
    """By algorithm; `signed_curve25519` is always there, because some clients do not take its absence for zero."""
    unused_fallback_types: list[str]
    position: int
    """Of the last change in the log; 0 when there never was one."""
    json: bytes
    """The two members of the answer to /sync that say this."""


class DeviceKeyStore(Protocol):
    """Keys of devices and users."""

    async def load_device_keys(self, tx: Read, user_ids: Sequence[str]) -> list[StoredDeviceKeys]:
        """Every device of these users that has published keys."""

    async def load_device_key(self, tx: Read, user_id: str, device_id: str) -> bytes | None: ...

    async def store_device_key(self, tx: Transaction, user_id: str, device_id: str, json: bytes) -> None:
        """Publish a device's keys; signatures that were made of its former keys are dropped."""

    async def load_device_ids(self, tx: Read, user_ids: Sequence[str]) -> dict[str, list[str]]:
        """All devices of these local users, those without keys too."""

    async def load_one_time_keys(self, tx: Read, user_id: str, device_id: str) -> dict[tuple[str, str], bytes]:
        """JSON by (algorithm, key ID)."""

    async def load_claimed_keys(self, tx: Read, user_id: str, device_id: str) -> dict[tuple[str, str], bytes]:
        """Digests of the keys handed out last, by (algorithm, key ID)."""

    async def insert_one_time_keys(
        self, tx: Transaction, user_id: str, device_id: str, keys: Sequence[OneTimeKey], claimed_max: int
    ) -> None:
        """Add keys in their order, and forget all but the last `claimed_max` that were handed out."""

    async def take_one_time_key(
        self, tx: Transaction, user_id: str, device_id: str, algorithm: str
    ) -> tuple[str, bytes] | None:
        """Remove the oldest key and return its ID and JSON."""

    async def remember_claimed(self, tx: Transaction, user_id: str, device_id: str, key: OneTimeKey) -> None: ...

    async def load_fallback_key(
        self, tx: Read, user_id: str, device_id: str, algorithm: str
    ) -> tuple[OneTimeKey, bool] | None:
        """The key, and whether it was handed out already. Its digest is empty."""

    async def store_fallback_key(self, tx: Transaction, user_id: str, device_id: str, key: OneTimeKey) -> None: ...

    async def mark_fallback_key_used(self, tx: Transaction, user_id: str, device_id: str, algorithm: str) -> None: ...

    async def store_key_count_change(self, tx: Transaction, user_id: str, device_id: str, position: int) -> None: ...

    async def load_key_counts(self, tx: Read, user_id: str, device_id: str) -> KeyCounts: ...

    async def load_cross_signing_keys(self, tx: Read, user_ids: Sequence[str]) -> list[CrossSigningKey]: ...

    async def store_cross_signing_key(self, tx: Transaction, key: CrossSigningKey) -> None: ...

    async def delete_cross_signing_key(self, tx: Transaction, key: CrossSigningKey) -> None:
        """Delete the key, the signatures on it and those made with it."""

    async def load_signatures(self, tx: Read, user_ids: Sequence[str], reader_id: str) -> list[KeySignature]:
        """Signatures on these users' keys that `reader_id` may see: the reader's own and those of the keys' owners."""

    async def store_signatures(self, tx: Transaction, signatures: Sequence[KeySignature]) -> None: ...

    async def delete_device_keys(self, tx: Transaction, user_id: str, device_id: str) -> bool:
        """Delete everything a device has published; says whether it had identity keys."""

    async def delete_user_keys(self, tx: Transaction, user_id: str) -> None:
        """Delete the keys of all of a user's devices, the cross-signing keys, and all signatures by and on them."""

    async def delete_all_one_time_keys(self, tx: Transaction) -> None:
        """Delete everybody's one-time keys and mark all fallback keys as used: a restored backup may have given them out before."""
