"""Randomness, as a parameter."""

from typing import Protocol


class Randomness(Protocol):
    """Unpredictable bytes and numbers."""

    def bytes(self, count: int) -> bytes:
        """`count` bytes fit for keys and tokens."""

    def below(self, limit: int) -> int:
        """A uniform integer in [0, limit)."""

    def letters(self, count: int, alphabet: str) -> str:
        """`count` characters drawn from `alphabet`."""
