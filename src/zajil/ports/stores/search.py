"""The full-text index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import StoredEvent

SearchKey = Literal["content.body", "content.name", "content.topic"]


@dataclass(frozen=True, slots=True)
class IndexedText:
    """The words of one event, as `core.search_text.tokenise` gives them."""

    event_nid: int
    room_nid: int
    key: SearchKey
    words: list[str]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """All of `words` in one event of these rooms."""

    words: list[str]
    room_nids: list[int]
    keys: list[SearchKey]


@dataclass(frozen=True, slots=True)
class Hit:
    """An event that matches."""

    event_nid: int
    rank: float
    """The higher the closer; 0 in a search by time."""


class SearchStore(Protocol):
    """Each engine's own kind of index behind one interface."""

    async def load_progress(self, tx: Read) -> int:
        """How far the index has followed what was stored; what the number counts is the store's affair."""

    async def store_progress(self, tx: Transaction, expected: int, reached: int) -> bool:
        """Go on to `reached`; False when another process did so meanwhile."""

    async def load_step(self, tx: Read, reached: int, types: Sequence[str]) -> tuple[int, list[StoredEvent]]:
        """The events of these types in the next short stretch, in order, and its end; the same number when there is nothing more."""

    async def store_texts(self, tx: Transaction, texts: Sequence[IndexedText]) -> None:
        """Put events into the index, in place of what was there of them."""

    async def delete_texts(self, tx: Transaction, event_nids: Sequence[int]) -> None: ...

    async def store_edits(self, tx: Transaction, edits: Sequence[tuple[int, int]]) -> None:
        """Remember (edit, original) by their numbers."""

    async def load_original(self, tx: Read, edit_nid: int) -> int | None: ...

    async def find_newest(self, tx: Read, query: SearchQuery, before: int | None, limit: int) -> list[Hit]:
        """Matches by number, the newest first, those before the event `before`."""

    async def find_closest(self, tx: Read, query: SearchQuery, offset: int, limit: int) -> list[Hit]:
        """Matches by rank, the closest first."""

    async def count(self, tx: Read, query: SearchQuery, count_max: int) -> int:
        """How many match, counted up to `count_max`."""
