"""`ports.stores.invite_links.InviteLinkStore` in SQL."""

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.invite_links import InviteLink

_COLUMNS = "link_id, room_id, maker, token_hash, created_ts_ms, expires_ts_ms, uses_max, uses"


class SqlInviteLinkStore:
    """Links in the table of 12_invite_links.sql."""

    async def store(self, tx: Transaction, link: InviteLink) -> None:
        await tx.execute(
            f"INSERT INTO invite_links ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            link.link_id,
            link.room_id,
            link.maker,
            link.token_hash,
            link.created_ts_ms,
            link.expires_ts_ms,
            link.uses_max,
            link.uses,
        )

    async def load(self, tx: Read, room_id: str) -> list[InviteLink]:
        sql = f"SELECT {_COLUMNS} FROM invite_links WHERE room_id = ? ORDER BY created_ts_ms DESC, link_id"
        return [
            InviteLink(link_id, of_room, maker, bytes(token_hash), *rest)
            for link_id, of_room, maker, token_hash, *rest in await tx.fetch(sql, room_id)
        ]

    async def delete(self, tx: Transaction, room_id: str, link_id: str) -> None:
        await tx.execute("DELETE FROM invite_links WHERE room_id = ? AND link_id = ?", room_id, link_id)

    async def delete_expired(self, tx: Transaction, room_id: str, now_ms: int) -> None:
        await tx.execute("DELETE FROM invite_links WHERE room_id = ? AND expires_ts_ms <= ?", room_id, now_ms)

    async def move(self, tx: Transaction, room_id: str, to_room_id: str, maker: str) -> None:
        sql = "UPDATE invite_links SET room_id = ? WHERE room_id = ? AND maker = ?"
        await tx.execute(sql, to_room_id, room_id, maker)

    async def count_use(self, tx: Transaction, link_id: str) -> None:
        await tx.execute("UPDATE invite_links SET uses = uses + 1 WHERE link_id = ?", link_id)
