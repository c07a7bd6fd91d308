"""Fetching media from the servers they were uploaded to (server-server API, "Content Repository")."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """Another server's answer: what it says about the content, and the content as it arrives. Closing `chunks` lets go of the connection."""

    content_type: str
    file_name: str | None
    chunks: AsyncGenerator[bytes, None]


class RemoteMediaFetcher(Protocol):
    """Whoever uses this bounds the size; the fetcher bounds the time."""

    async def fetch(self, server_name: str, media_id: str, timeout_ms: int) -> RemoteMedia:
        """Raises `RemoteMediaMissing`, `RemoteMediaNotYetUploaded`, `RemoteMediaUnavailable`; so may the chunks."""


class RemoteMediaMissing(Exception):
    """The other server does not have it."""


class RemoteMediaNotYetUploaded(Exception):
    """The other server waits for its upload."""


class RemoteMediaUnavailable(Exception):
    """The other server cannot be reached, or does not answer as it should."""
