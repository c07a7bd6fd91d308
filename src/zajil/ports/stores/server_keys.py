"""Signing keys of other servers."""

from collections.abc import Sequence
from typing import Protocol

from zajil.core.server_keys import ServerKey
from zajil.ports.database import Read, Transaction


class ServerKeyStore(Protocol):
    """What other servers have published, and the answers in which they did, for those who ask us as a notary."""

    async def load_keys(self, tx: Read, server_name: str) -> list[ServerKey]: ...

    async def store_keys(self, tx: Transaction, keys: Sequence[ServerKey], answer: bytes, now_ms: int) -> None:
        """Remember keys of one server. A retired key's time may only become earlier, a current one's later."""

    async def load_answers(self, tx: Read, server_name: str) -> list[tuple[str, int, bytes]]:
        """(key ID, valid until, the published answer in JSON) of every key."""
