"""What else must happen when a device or its account changes. Parts that keep something per device add themselves when they are composed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from zajil.ports.database import Transaction

DeviceHook = Callable[[Transaction, str, str], Awaitable[None]]
"""Runs for (user ID, device ID) in the transaction that changes the device."""


@dataclass(slots=True)
class DeviceHooks:
    """Called in order of registration."""

    deleted: list[DeviceHook] = field(default_factory=list)
    """Delete what is kept of a device that goes."""
    renamed: list[DeviceHook] = field(default_factory=list)
    """Tell whom it concerns that a device has another display name."""
    account_deactivated: list[Callable[[Transaction, str], Awaitable[None]]] = field(default_factory=list)
    """Delete what is kept of a user (by ID) besides devices, in the transaction that ends the account."""
    is_cross_signing_key: Callable[[Transaction, str, str], Awaitable[bool]] | None = None
    """Whether (user ID, device ID) would be the name of a cross-signing key."""
