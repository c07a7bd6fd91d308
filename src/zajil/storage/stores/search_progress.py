"""The part of the search store that is the same for all engines."""

from collections.abc import Sequence

from zajil.ports.database import Read, Transaction


class SqlSearchProgress:
    """How far the index is, and which events were edits."""

    async def load_progress(self, tx: Read) -> int:
        reached: int = await tx.fetch_value("SELECT reached FROM search_progress WHERE only_row = 1")
        return reached

    async def store_progress(self, tx: Transaction, expected: int, reached: int) -> bool:
        return bool(
            await tx.execute_counting(
                "UPDATE search_progress SET reached = ? WHERE only_row = 1 AND reached = ?", reached, expected
            )
        )

    async def store_edits(self, tx: Transaction, edits: Sequence[tuple[int, int]]) -> None:
        await tx.execute_many(
            "INSERT INTO search_edits (edit_nid, original_nid) VALUES (?, ?) ON CONFLICT DO NOTHING", edits
        )

    async def load_original(self, tx: Read, edit_nid: int) -> int | None:
        nid: int | None = await tx.fetch_value("SELECT original_nid FROM search_edits WHERE edit_nid = ?", edit_nid)
        return nid
