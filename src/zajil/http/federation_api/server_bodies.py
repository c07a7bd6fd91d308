"""Reading the bodies of other servers' requests. Who sends is known only when the body is whole, since the signature covers it; until then it may be anybody.

So a body must come at some speed (a slow-loris transaction is given up), one sender has few under way, and large ones are few in all.
"""

import asyncio
from collections import Counter
from typing import Final

from zajil.http.request import Request
from zajil.services.errors import MatrixError, limit_exceeded
from zajil.services.rate_limits import network_of

LEAST_S: Final = 20.0
BYTES_PER_S_LEAST: Final = 64 * 1024
SENDER_BODIES_MAX: Final = 20
"""Of one network that says to be one server."""
LARGE_BYTES: Final = 256 * 1024
LARGE_BODIES_MAX: Final = 64
RETRY_MS: Final = 1_000


class ServerBodies:
    """What is being read in this process."""

    def __init__(self, least_s: float = LEAST_S) -> None:
        self._least_s = least_s
        self._of_senders: Counter[tuple[str, str]] = Counter()
        self._large = 0

    async def read(self, request: Request, origin: str, bytes_max: int) -> None:
        """Read the body. Raises 408 M_UNKNOWN when it comes too slowly, 429 M_LIMIT_EXCEEDED, 413 M_TOO_LARGE."""
        declared = request.header(b"content-length") or ""
        size = min(int(declared), bytes_max) if declared.isdecimal() and len(declared) < 16 else bytes_max
        sender, is_large = (origin, network_of(request.client_ip)), size > LARGE_BYTES
        if self._of_senders[sender] >= SENDER_BODIES_MAX or (is_large and self._large >= LARGE_BODIES_MAX):
            raise limit_exceeded(RETRY_MS, "Too many requests are being read. Try again in a second.")
        self._of_senders[sender] += 1
        self._large += is_large
        try:
            async with asyncio.timeout(self._least_s + size / BYTES_PER_S_LEAST):
                await request.read_body(bytes_max)
        except TimeoutError:
            raise MatrixError(408, "M_UNKNOWN", "The request's body came too slowly.") from None
        finally:
            self._large -= is_large
            self._of_senders[sender] -= 1
            if not self._of_senders[sender]:
                del self._of_senders[sender]
