"""HTTP to hosts that users name. Whoever implements it never connects to a private address and bounds all it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One request and its bounds. Only a GET follows redirects; with `redirects_max` 0 a redirect is an answer."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_ms: int = 10_000
    body_bytes_max: int = 1024 * 1024
    redirects_max: int = 0
    # Keep the first `body_bytes_max` bytes of a longer answer instead of failing.
    truncates: bool = False
    # Asked with the host name of the URL and of every redirect.
    is_host_allowed: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """The last answer. Header names are in lower case; of a repeated header the first counts."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class Failure(StrEnum):
    """Why there is no answer."""

    REFUSED = "refused"  # the URL, its host or its address is one we do not go to
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    BAD_RESPONSE = "bad_response"  # not HTTP, too many redirects, an encoding we did not ask for


class OutboundFailed(Exception):
    """There is no answer. The text is for the log: telling it to users would let them explore our network."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(f"{failure}: {text}")
        self.failure = failure


class OutboundHttp(Protocol):
    """A client shared by the whole process."""

    async def fetch(self, request: OutboundRequest) -> OutboundResponse:
        """Raises `OutboundFailed`. Any status is an answer."""

    async def close(self) -> None: ...
