"""Profiles, the user directory, and OpenID tokens."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class Profile:
    """What a local user says of themselves."""

    user_id: str
    display_name: str | None = None
    avatar_url: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Everything but the display name and the avatar."""


class ProfileStore(Protocol):
    """Profiles of local users."""

    async def load(self, tx: Read, user_id: str) -> Profile | None:
        """None when the user has never set anything."""

    async def load_many(self, tx: Read, user_ids: Sequence[str]) -> dict[str, Profile]: ...

    async def store(self, tx: Transaction, profile: Profile, position: int) -> None: ...

    async def delete(self, tx: Transaction, user_id: str) -> None: ...

    async def store_words(self, tx: Transaction, user_id: str, words: Iterable[str]) -> None:
        """Replace the words by which the user directory finds this user."""

    async def load_users_by_word(self, tx: Read, word: str, users_max: int) -> list[str]:
        """Users with a word that begins like this."""

    async def load_visible(self, tx: Read, user_id: str, candidates: Sequence[str]) -> set[str]:
        """The candidates that share a room with `user_id`, or are in a room of the public directory."""

    async def load_mutual_rooms(self, tx: Read, user_id: str, other_id: str, after: str, rooms_max: int) -> list[str]:
        """Room IDs both are joined to, in order, those after `after`."""

    async def count_mutual_rooms(self, tx: Read, user_id: str, other_id: str) -> int: ...

    async def store_openid_token(
        self, tx: Transaction, token_hash: bytes, user_id: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        """Add a token, and delete the expired ones."""

    async def load_openid_user(self, tx: Read, token_hash: bytes, now_ms: int) -> str | None:
        """Whose token this is."""
