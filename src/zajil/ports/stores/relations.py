"""Events that relate to others: edits, reactions, threads, references."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint, StoredEvent


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread: its root, its newest reply, how many replies it has, and whether one user takes part."""

    root_id: str
    latest_nid: int
    count: int
    participated: bool


class RelationStore(Protocol):
    """Reading what `EventStore.insert_relation` has written."""

    async def load_kinds(self, tx: Read, room_nid: int, parent_id: str) -> list[tuple[str, str]]:
        """(sender, rel_type) of everything that relates to an event; distinct."""

    async def load_children(
        self,
        tx: Read,
        room_nid: int,
        parent_ids: Sequence[str],
        *,
        rel_type: str | None,
        event_type: str | None,
        start: HistoryPoint,
        backwards: bool,
        limit: int,
        end: HistoryPoint | None,
    ) -> list[StoredEvent]:
        """Events that relate to one of `parent_ids`, in walking order from `start`."""

    async def load_child_ids(self, tx: Read, room_nid: int, parent_ids: Sequence[str], limit: int) -> list[str]:
        """IDs of the events that relate to one of `parent_ids`."""

    async def load_replacements(self, tx: Read, room_nid: int, parent_ids: Sequence[str]) -> list[StoredEvent]:
        """All `m.replace` events of these events."""

    async def load_references(self, tx: Read, room_nid: int, parent_ids: Sequence[str]) -> list[tuple[str, str]]:
        """(parent, child) event IDs of `m.reference` relations."""

    async def load_threads(self, tx: Read, room_nid: int, root_ids: Sequence[str], user_id: str) -> list[ThreadRow]: ...

    async def load_thread_list(
        self, tx: Read, room_nid: int, user_id: str, *, participated_only: bool, before: int, limit: int
    ) -> list[ThreadRow]:
        """Threads of a room by their newest reply, newest first, those whose newest reply's number is less than `before`."""

    async def has_annotation(
        self, tx: Read, room_nid: int, parent_id: str, event_type: str, sender: str, key: str
    ) -> bool: ...
