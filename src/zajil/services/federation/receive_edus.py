"""Ephemeral news of other servers: typing, presence, receipts, device lists, messages to devices (server-server API, "EDUs")."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog

from zajil.services.app import App
from zajil.services.errors import MatrixError

log = structlog.get_logger(__name__)

Receiver = Callable[[App, str, dict[str, Any]], Awaitable[None]]
RECEIVERS: Final[dict[str, Receiver]] = {}


async def receive_edus(app: App, origin: str, edus: Sequence[Any]) -> None:
    """Take in each EDU of a known type that is well-formed; the others are left out."""
    for edu in edus:
        if not isinstance(edu, dict):
            continue
        edu_type, content = edu.get("edu_type"), edu.get("content")
        receiver = RECEIVERS.get(edu_type) if isinstance(edu_type, str) else None
        if receiver is None or not isinstance(content, dict):
            continue
        try:
            await receiver(app, origin, content)
        except MatrixError as error:
            log.info("an EDU of another server is left out", origin=origin, edu_type=edu_type, cause=str(error))
