"""Events as storage has them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zajil.core.events import Event
from zajil.core.room_rules import RoomRules
from zajil.ports.database import Read, Transaction

OUTLIER = 1
REJECTED = 2
SOFT_FAILED = 4
HAS_RELATIONS = 8
"""Some other event relates to this one, so it may carry bundled aggregations."""
FORKED = 16
"""The room's state changed otherwise at this event than the event itself says."""
RETURNED = 32
"""With this join our server came back into the room: what happened there meanwhile is not in the log, and state from before it tells nothing of it."""


class StoredEvent:
    """An event with its place here. Replaced, never changed, but for `client_prefix` and `notice`, which are memos."""

    __slots__ = (
        "client_prefix",
        "device_id",
        "event",
        "flags",
        "history",
        "history_minor",
        "nid",
        "notice",
        "position",
        "redacted_by",
        "replaces_nid",
        "room_nid",
        "txn_id",
    )

    def __init__(
        self,
        event: Event,
        *,
        nid: int,
        room_nid: int,
        position: int | None,
        history: int | None,
        history_minor: int = 0,
        flags: int = 0,
        redacted_by: str | None = None,
        replaces_nid: int | None = None,
        device_id: str | None = None,
        txn_id: str | None = None,
    ) -> None:
        self.event = event
        self.nid = nid
        self.room_nid = room_nid
        self.position = position
        self.history = history
        self.history_minor = history_minor
        self.flags = flags
        self.redacted_by = redacted_by
        self.replaces_nid = replaces_nid
        self.device_id = device_id
        self.txn_id = txn_id
        self.client_prefix: bytes | None = None
        self.notice: Any = None  # an EventNotice: what push rules say of the event

    def with_changes(
        self, *, event: Event | None = None, flags: int | None = None, redacted_by: str | None = None
    ) -> "StoredEvent":
        """A copy that differs in these fields."""
        return StoredEvent(
            event or self.event,
            nid=self.nid,
            room_nid=self.room_nid,
            position=self.position,
            history=self.history,
            history_minor=self.history_minor,
            flags=self.flags if flags is None else flags,
            redacted_by=redacted_by or self.redacted_by,
            replaces_nid=self.replaces_nid,
            device_id=self.device_id,
            txn_id=self.txn_id,
        )


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A place between events in a room's history order: after every event that is not later than it."""

    major: int
    minor: int = 0


@dataclass(frozen=True, slots=True)
class Relation:
    """One `m.relates_to`."""

    parent_id: str
    rel_type: str
    event_nid: int
    type: str
    sender: str
    reaction_key: str | None


@dataclass(frozen=True, slots=True)
class Written:
    """That somebody has sent something."""

    nid: int
    room_id: str
    sender: str
    sent_ts_ms: int
    is_message: bool
    """Neither state nor something that was never announced."""


class EventStore(Protocol):
    """Events, their order in rooms, their relations, and what a device sent under which transaction ID."""

    async def insert(self, tx: Transaction, stored: StoredEvent, rejection: str | None = None) -> None: ...

    async def load_by_ids(self, tx: Read, event_ids: Sequence[str]) -> list[StoredEvent]:
        """In no particular order; unknown IDs are left out."""

    async def load_by_nids(self, tx: Read, nids: Sequence[int]) -> list[StoredEvent]:
        """In no particular order; unknown numbers are left out."""

    async def load_timeline(self, tx: Read, room_nid: int, after: int, up_to: int, limit: int) -> list[StoredEvent]:
        """The newest `limit` announced events with a position in (after, up_to], oldest first."""

    async def load_history(
        self,
        tx: Read,
        room_nid: int,
        start: HistoryPoint,
        *,
        backwards: bool,
        limit: int,
        end: HistoryPoint | None = None,
    ) -> list[StoredEvent]:
        """Up to `limit` events on one side of `start`, in walking order: backwards those not later than it, forwards those later."""

    async def load_nearest(
        self,
        tx: Read,
        room_nid: int,
        timestamp_ms: int,
        *,
        backwards: bool,
        limit: int,
        after: StoredEvent | None = None,
    ) -> list[StoredEvent]:
        """The events of a room nearest to a time on one side of it, the nearest first; only those beyond `after`, if it is given."""

    async def load_latest_written(self, tx: Read, before: int | None, limit: int) -> list[Written]:
        """Of the newest events, those with a number below `before`: who sent them where; the newest first."""

    async def redact(self, tx: Transaction, nid: int, json: bytes, redacted_by: str) -> None: ...

    async def set_flags(self, tx: Transaction, nid: int, flags: int) -> None: ...

    async def insert_auth(self, tx: Transaction, nid: int, auth_nids: Iterable[int]) -> None: ...

    async def load_event_ids(self, tx: Read, nids: Sequence[int]) -> dict[int, str]:
        """Event IDs by number."""

    async def load_of_room(
        self, tx: Read, room_nid: int, rules: RoomRules, event_ids: Sequence[str]
    ) -> list[StoredEvent]:
        """Events by their IDs, in a room whose row may not exist yet; those of other rooms and unknown ones are left out."""

    async def load_auth_chain(self, tx: Read, nids: Sequence[int], limit: int = 100_000) -> list[StoredEvent]:
        """The auth events of some events, theirs, and so on; without the events themselves unless they are among them."""

    async def load_links(self, tx: Read, nids: Sequence[int]) -> dict[int, tuple[tuple[str, str], tuple[int, ...]]]:
        """(type, state key) and the numbers of the auth events of state events and of their whole auth chains."""

    async def load_citing(self, tx: Read, nids: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """The numbers of the state events that name each event among their auth events."""

    async def find_room_of_event(self, tx: Read, event_id: str) -> int | None:
        """The number under which the room of an event is kept, even if the room itself is not known (yet)."""

    async def announce(self, tx: Transaction, stored: StoredEvent) -> None:
        """Give an event that is stored already its position, its place in history, its flags and what it replaces."""

    async def insert_backward_extremities(self, tx: Transaction, room_nid: int, successor: int, event_ids: Iterable[str]) -> None:
        """An event's predecessors that this server does not have."""

    async def delete_backward_extremity(self, tx: Transaction, room_nid: int, event_id: str) -> int:
        """The event is here now. Returns how many events named it as missing."""

    async def load_backward_extremities(self, tx: Read, room_nid: int) -> dict[str, list[int]]:
        """Missing events, and the numbers of the events they come before."""

    async def insert_relation(self, tx: Transaction, room_nid: int, relation: Relation) -> None: ...

    async def delete_relation(self, tx: Transaction, nid: int) -> None: ...

    async def load_transaction(
        self, tx: Read, user_id: str, device_id: str, scope: str, txn_id: str, now_ms: int
    ) -> str | None:
        """The event ID that answered this transaction ID before, within the last 30 to 60 days."""

    async def insert_transaction(
        self, tx: Transaction, user_id: str, device_id: str, scope: str, txn_id: str, event_id: str, now_ms: int
    ) -> None: ...

    async def delete_old_transactions(self, tx: Transaction, now_ms: int, limit: int) -> int:
        """Delete up to `limit` that `load_transaction` finds no more; returns how many."""
