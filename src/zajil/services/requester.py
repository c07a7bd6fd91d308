"""Who makes a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requester:
    """The account and device behind an access token."""

    user_id: str
    device_id: str
    token_id: int
    is_guest: bool = False
    is_admin: bool = False
    is_locked: bool = False
    is_suspended: bool = False
    created_ts_ms: int = 0
    """When the account was made."""
