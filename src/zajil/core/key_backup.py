"""Which of two backups of the same session is kept (client-server API, "Server-side key backups")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackedUpSession:
    """A Megolm session in a backup."""

    first_message_index: int
    forwarded_count: int
    is_verified: bool
    session_data: bytes
    """JSON, encrypted for the owner of the backup."""


def is_better(new: BackedUpSession, old: BackedUpSession) -> bool:
    """Whether the new backup of a session replaces the old one; of two that rank the same, the old one stays."""
    if new.is_verified != old.is_verified:
        return new.is_verified
    if new.first_message_index != old.first_message_index:
        return new.first_message_index < old.first_message_index
    return new.forwarded_count < old.forwarded_count
