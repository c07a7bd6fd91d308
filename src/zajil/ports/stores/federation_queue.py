"""What waits to be sent to other servers, and how they have answered lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event of ours that has not been given to the queues yet."""

    position: int
    event_nid: int


@dataclass(frozen=True, slots=True)
class QueuedPdu:
    """An event that a server is to get."""

    position: int
    event_nid: int
    room_nid: int


@dataclass(frozen=True, slots=True)
class QueuedEdu:
    """Ephemeral news that a server is to get all the same. `content` is JSON."""

    edu_nid: int
    edu_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """How a server has answered lately."""

    server_name: str
    failures: int
    since_ts: int
    retry_ts: int
    cause: str


@dataclass(frozen=True, slots=True)
class QueueLength:
    """What waits for a server."""

    server_name: str
    pdus: int
    edus: int


class FederationQueueStore(Protocol):
    """Queues by server name, each in the order of the log."""

    async def insert_outbox(self, tx: Transaction, position: int, event_nid: int) -> None: ...

    async def load_outbox(self, tx: Read, limit: int) -> list[OutboxRow]: ...

    async def delete_outbox(self, tx: Transaction, positions: Sequence[int]) -> None:
        """Just these: a join that is passed on is put down later than its place in the log says."""

    async def load_moves(self, tx: Read) -> int:
        """How often something was moved from the outbox to the queues."""

    async def count_move(self, tx: Transaction, moves: int) -> bool:
        """Count one more, if there have been `moves`."""

    async def load_senders(self, tx: Read) -> dict[str, int]:
        """The processes that send, and how far each has moved its number on."""

    async def store_sender(self, tx: Transaction, instance: str, beat: int) -> None: ...

    async def delete_sender(self, tx: Transaction, instance: str) -> None:
        """With all its turns."""

    async def load_turn(self, tx: Read, server_name: str) -> str | None:
        """The process that sends to a server."""

    async def take_turn(self, tx: Transaction, server_name: str, instance: str, former: str | None) -> bool:
        """Make another process send to a server; False if it is not the turn of `former` (None: nobody's)."""

    async def insert_pdus(self, tx: Transaction, rows: Sequence[tuple[str, QueuedPdu]]) -> None: ...

    async def load_pdus(self, tx: Read, server_name: str, limit: int) -> list[QueuedPdu]: ...

    async def delete_pdus(self, tx: Transaction, server_name: str, rows: Sequence[QueuedPdu]) -> None: ...

    async def insert_edu(self, tx: Transaction, server_name: str, edu: QueuedEdu) -> None: ...

    async def load_edus(self, tx: Read, server_name: str, limit: int) -> list[QueuedEdu]: ...

    async def delete_edus(self, tx: Transaction, server_name: str, rows: Sequence[QueuedEdu]) -> None: ...

    async def load_waiting_servers(self, tx: Read) -> list[str]:
        """Servers for whom something waits."""

    async def count_waiting(self, tx: Read) -> list[QueueLength]: ...

    async def load_rules(self, tx: Read) -> list[tuple[str, bool]]:
        """Patterns of server names, and whether they are allowed."""

    async def store_rule(self, tx: Transaction, pattern: str, is_allowed: bool) -> None: ...

    async def delete_rule(self, tx: Transaction, pattern: str) -> None: ...

    async def load_destination(self, tx: Read, server_name: str) -> DestinationRow | None: ...

    async def load_destinations(self, tx: Read) -> list[DestinationRow]: ...

    async def store_destination(self, tx: Transaction, row: DestinationRow) -> None: ...

    async def has_remote_members(self, tx: Read, room_nid: int, own_name: str) -> bool:
        """Whether anybody of another server is in a room, or invited to it."""

    async def has_members_of(self, tx: Read, room_nid: int, server_name: str, memberships: Sequence[str]) -> bool:
        """Whether users of a server have one of `memberships` in a room."""

    async def load_servers_sharing_rooms(self, tx: Read, user_id: str, limit: int) -> list[str]:
        """Servers with members in rooms that a user is in."""

    async def load_joined_servers(self, tx: Read, room_nid: int) -> dict[str, int]:
        """Servers with members in a room, ours included, and how many."""
