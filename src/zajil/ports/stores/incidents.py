"""Incidents, what was announced of them, and the history of how the server did."""

from collections.abc import Sequence
from typing import Protocol

from zajil.core.incidents import Incident
from zajil.core.status_history import Cell
from zajil.ports.database import Read, Transaction


class IncidentStore(Protocol):
    """What the status of the server is made of, shared by all nodes."""

    async def store(self, tx: Transaction, incident: Incident) -> None:
        """Store an incident, or what is new of one: entries that are stored already stay."""

    async def load(self, tx: Read, incident_id: str) -> Incident | None: ...

    async def load_recent(self, tx: Read, since_ts_ms: int, count_max: int) -> list[Incident]:
        """Those changed since then, the newest first."""

    async def load_open(self, tx: Read) -> list[Incident]:
        """Those that go on, the oldest first."""

    async def delete_before(self, tx: Transaction, ts_ms: int) -> None:
        """Forget incidents that were closed, and announcements that were made, before then."""

    async def claim_announcement(
        self, tx: Transaction, incident_id: str, change: str, channel: str, ts_ms: int
    ) -> bool:
        """Whether this caller is the one to announce the change through the channel."""

    async def has_announcement(self, tx: Read, incident_id: str, change: str, channel: str) -> bool:
        """Whether somebody has claimed to announce this."""

    async def load_undone(self, tx: Read, channel: str, since_ts_ms: int) -> list[tuple[str, str, str]]:
        """(incident, change, last user told) of the channel's announcements that are under way."""

    async def store_progress(
        self, tx: Transaction, announcement: tuple[str, str, str], expected: str, reached: str, *, is_done: bool
    ) -> bool:
        """Note how far (incident, change, channel) has been told; False when it was not at `expected`: another process goes on with it."""

    async def store_cells(self, tx: Transaction, node: str, length_ms: int, cells: Sequence[Cell]) -> None: ...

    async def load_cells(self, tx: Read, node: str, length_ms: int, since_ts_ms: int) -> list[Cell]: ...

    async def delete_cells(self, tx: Transaction, length_ms: int, before_ts_ms: int) -> None: ...

    async def store_node(self, tx: Transaction, node: str, seen_ts_ms: int) -> None: ...

    async def load_nodes(self, tx: Read) -> dict[str, int]:
        """When each node was last seen."""

    async def forget_transactions(self, tx: Transaction, user_id: str, now_ms: int) -> None:
        """Forget the transaction IDs of a user who repeats nothing: the canary."""

    async def trim_room(self, tx: Transaction, room_nid: int, before: int, count_max: int) -> int:
        """Delete messages (not state) of the canary's room before a place in its history; returns how many went."""
