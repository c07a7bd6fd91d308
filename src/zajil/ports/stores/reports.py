"""What users report as inappropriate."""

from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class Report:
    """A user, a room, or an event in a room that somebody has reported."""

    report_id: int
    reporter: str
    user_id: str | None
    room_id: str | None
    event_id: str | None
    reason: str
    created_ts_ms: int
    resolved_ts_ms: int | None = None


class ReportStore(Protocol):
    """Reports, for the operator."""

    async def store(self, tx: Transaction, report: Report) -> None: ...

    async def load(self, tx: Read, *, after: int, with_resolved: bool, count_max: int) -> list[Report]:
        """Reports in order of number, those after `after`."""

    async def count_since(self, tx: Read, reporter: str, since_ts_ms: int) -> int:
        """How many reports a user has made lately."""

    async def resolve(self, tx: Transaction, report_id: int, resolved_ts_ms: int) -> bool:
        """Mark a report as dealt with; False when there is none of that number that is open."""
