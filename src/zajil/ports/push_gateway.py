"""The push gateway that is part of this server."""

from typing import Any, Protocol


class PushGateway(Protocol):
    """Turns notifications into Web Push."""

    async def notify(self, body: dict[str, Any]) -> list[str] | None:
        """The rejected pushkeys; None when it is to be tried again later. Raises MatrixError for what is no notification."""

    async def load_public_key(self) -> str:
        """The `applicationServerKey` with which browsers subscribe."""
