"""Other servers: asking them, and knowing their keys. Whoever implements it bounds all it reads and never goes to a private address unasked."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class FederationRequest:
    """One request to another server. `path` is encoded already; `content` None means no body."""

    destination: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    content: Mapping[str, Any] | None = None
    timeout_ms: int = 30_000
    body_bytes_max: int = 8 * 1024 * 1024
    is_signed: bool = True
    splits_lists: bool = False
    """Objects in the lists of the answer may come as the bytes of each: a large answer need not be parsed in one go."""


class FederationFailed(Exception):
    """There is no good answer. The text is for the log."""

    def __init__(
        self,
        destination: str,
        text: str,
        *,
        status: int | None = None,
        errcode: str = "M_UNKNOWN",
        message: str = "",
        retry_after_ms: int | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{destination}: {text}")
        self.destination = destination
        self.status = status
        """The status of the answer; None when there was no answer."""
        self.errcode = errcode
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.body = body or {}

    @property
    def is_refusal(self) -> bool:
        """The other server is there and means it: trying again later is of no use."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 429)


@dataclass(frozen=True, slots=True)
class FederationStream:
    """A long answer as it arrives."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class FederationTransport(Protocol):
    """Signed requests to other servers."""

    async def request(self, request: FederationRequest) -> Any:
        """The JSON of a 200 answer. Raises FederationFailed for everything else."""

    async def stream(self, request: FederationRequest) -> FederationStream:
        """The body of a 200 answer in pieces; `body_bytes_max` bounds it. Raises FederationFailed, as the pieces may."""

    async def close(self) -> None: ...
