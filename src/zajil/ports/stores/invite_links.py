"""Links into rooms."""

from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class InviteLink:
    """Whoever shows the token is invited in the maker's name."""

    link_id: str
    room_id: str
    maker: str
    token_hash: bytes
    created_ts_ms: int
    expires_ts_ms: int | None
    uses_max: int | None
    uses: int

    def is_expired(self, now_ms: int) -> bool:
        return self.expires_ts_ms is not None and now_ms >= self.expires_ts_ms

    def is_used_up(self) -> bool:
        return self.uses_max is not None and self.uses >= self.uses_max


class InviteLinkStore(Protocol):
    """Links, by room."""

    async def store(self, tx: Transaction, link: InviteLink) -> None: ...

    async def load(self, tx: Read, room_id: str) -> list[InviteLink]:
        """The room's links, the newest first."""

    async def delete(self, tx: Transaction, room_id: str, link_id: str) -> None: ...

    async def delete_expired(self, tx: Transaction, room_id: str, now_ms: int) -> None: ...

    async def move(self, tx: Transaction, room_id: str, to_room_id: str, maker: str) -> None:
        """The maker's links lead into another room from now on."""

    async def count_use(self, tx: Transaction, link_id: str) -> None: ...
