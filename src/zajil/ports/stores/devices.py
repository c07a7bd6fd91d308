"""Devices and the tokens they are logged in with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class Device:
    """A device of an account. When and where it was last seen is coarse on purpose."""

    user_id: str
    device_id: str
    display_name: str | None
    created_ts_ms: int
    last_seen_ts_ms: int | None = None
    last_seen_ip: str | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token as stored, with the standing of its account."""

    token_id: int
    user_id: str
    device_id: str
    expires_ts_ms: int | None
    refreshed_from: bytes | None
    is_guest: bool
    is_admin: bool
    is_locked: bool
    is_suspended: bool
    created_ts_ms: int
    """When the account was made."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as stored."""

    user_id: str
    device_id: str
    refreshed_from: bytes | None
    is_locked: bool


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device made a request."""

    user_id: str
    device_id: str
    ts_ms: int
    ip: str


class DeviceStore(Protocol):
    """Devices, access tokens, refresh tokens and log-in tokens."""

    async def load_device(self, tx: Read, user_id: str, device_id: str) -> Device | None: ...

    async def load_devices(self, tx: Read, user_id: str, count_max: int) -> list[Device]: ...

    async def count_devices(self, tx: Read, user_id: str) -> int: ...

    async def store_device(self, tx: Transaction, device: Device) -> bool:
        """Add a device; False (and nothing changed) when it exists."""

    async def store_display_name(self, tx: Transaction, user_id: str, device_id: str, name: str | None) -> None: ...

    async def store_sightings(self, tx: Transaction, sightings: Sequence[Sighting]) -> None: ...

    async def delete_device(self, tx: Transaction, user_id: str, device_id: str) -> None:
        """Delete the device and every token of it."""

    async def load_access_token(self, tx: Read, token_hash: bytes) -> AccessToken | None: ...

    async def store_access_token(
        self,
        tx: Transaction,
        token_hash: bytes,
        user_id: str,
        device_id: str,
        created_ts_ms: int,
        expires_ts_ms: int | None,
        refreshed_from: bytes | None,
    ) -> None: ...

    async def delete_tokens(self, tx: Transaction, user_id: str, device_id: str) -> None:
        """Delete the access and refresh tokens of one device."""

    async def load_refresh_token(self, tx: Read, token_hash: bytes) -> RefreshToken | None: ...

    async def store_refresh_token(
        self,
        tx: Transaction,
        token_hash: bytes,
        user_id: str,
        device_id: str,
        created_ts_ms: int,
        refreshed_from: bytes | None,
    ) -> None: ...

    async def delete_successors(self, tx: Transaction, user_id: str, device_id: str, token_hash: bytes) -> None:
        """Delete what an earlier use of this refresh token gave out; its client never got it."""

    async def delete_predecessor(self, tx: Transaction, user_id: str, device_id: str, token_hash: bytes) -> None:
        """Revoke a refresh token whose successor is in use, and the device's access tokens that did not come from it."""

    async def store_login_token(
        self, tx: Transaction, token_hash: bytes, user_id: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        """Add a one-time token, and delete the expired ones."""

    async def use_login_token(self, tx: Transaction, token_hash: bytes, now_ms: int) -> str | None:
        """Take the token away and return its user ID; None when it is unknown or expired."""
