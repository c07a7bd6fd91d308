"""RemoteMediaFetcher by federation: a multipart answer, the file in it or a place to get it from (server-server API, "Content Repository")."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final
from urllib.parse import quote
from weakref import WeakValueDictionary

from zajil.core.multipart_mixed import (
    MalformedMultipart,
    MultipartParser,
    PartEnd,
    PartStart,
    Piece,
    parse_boundary,
    parse_disposition_file_name,
)
from zajil.ports.clock import Clock
from zajil.ports.federation import FederationFailed, FederationRequest, FederationTransport
from zajil.ports.outbound_http import Failure, OutboundFailed, OutboundHttp, OutboundRequest
from zajil.ports.remote_media import RemoteMedia, RemoteMediaMissing, RemoteMediaNotYetUploaded, RemoteMediaUnavailable

ANSWER_TIMEOUT_MS: Final = 10_000
"""On top of the time that the other server may wait for an upload."""
PAUSE_S_MAX: Final = 30.0
TRANSFER_S_MAX: Final = 900.0
DESCRIPTION_BYTES_MAX: Final = 64 * 1024
FRAME_BYTES_MAX: Final = 256 * 1024
"""What an answer may have around the file."""
REDIRECTED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Files from elsewhere are held in memory."""
REDIRECTED_AT_ONCE_MAX: Final = 3
REDIRECTED_OF_ONE_SERVER_MAX: Final = 2
"""One that sends us to slow places leaves a turn for the others."""
REDIRECTS_MAX: Final = 5
REDIRECT_TIMEOUT_MS: Final = 60_000
LOCATION_CHARACTERS_MAX: Final = 4_096

Pieces = AsyncGenerator[Piece, None]


class FederatedMedia:
    """`bytes_max` is the longest file that is wanted."""

    def __init__(self, transport: FederationTransport, outbound: OutboundHttp, clock: Clock, bytes_max: int) -> None:
        self._transport = transport
        self._outbound = outbound
        self._clock = clock
        self._bytes_max = bytes_max
        self._redirected = asyncio.Semaphore(REDIRECTED_AT_ONCE_MAX)
        self._redirected_by = WeakValueDictionary[str, asyncio.Semaphore]()
        """By server, while anybody waits or has a turn."""

    async def fetch(self, server_name: str, media_id: str, timeout_ms: int) -> RemoteMedia:
        request = FederationRequest(
            server_name,
            "GET",
            f"/_matrix/federation/v1/media/download/{quote(media_id, safe='')}",
            query=[("timeout_ms", str(timeout_ms))],
            timeout_ms=timeout_ms + ANSWER_TIMEOUT_MS,
            body_bytes_max=self._bytes_max + FRAME_BYTES_MAX,
        )
        try:
            answer = await self._transport.stream(request)
        except FederationFailed as failure:
            raise translate(failure) from failure
        pieces = self._read(server_name, answer.headers.get("content-type", ""), answer.chunks)
        try:
            headers = await find_file(pieces)
            location = headers.get("location")
            if location is not None:
                await pieces.aclose()
                return await self._follow(server_name, location)
        except BaseException:
            await pieces.aclose()
            raise
        return RemoteMedia(
            headers.get("content-type", ""),
            parse_disposition_file_name(headers.get("content-disposition", "")),
            read_file(pieces),
        )

    async def _read(self, server_name: str, content_type: str, chunks: AsyncIterator[bytes]) -> Pieces:
        """The parts of an answer, in time. Raises RemoteMediaUnavailable."""
        try:
            boundary = parse_boundary(content_type)
            if boundary is None:
                raise RemoteMediaUnavailable(f"{server_name} does not answer with multipart/mixed")
            parser = MultipartParser(boundary)
            until_s = self._clock.monotonic_s() + TRANSFER_S_MAX
            while not parser.is_complete:
                async with asyncio.timeout(min(PAUSE_S_MAX, until_s - self._clock.monotonic_s())):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    raise RemoteMediaUnavailable(f"{server_name} ends in the middle")
                for piece in parser.feed(chunk):
                    yield piece
        except TimeoutError:
            raise RemoteMediaUnavailable(f"{server_name} is too slow") from None
        except MalformedMultipart as error:
            raise RemoteMediaUnavailable(f"{server_name}: {error}") from error
        except FederationFailed as failure:
            raise RemoteMediaUnavailable(str(failure)) from failure
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def _follow(self, server_name: str, location: str) -> RemoteMedia:
        """Get the file from where the other server sends us: anywhere that is public, without our signature."""
        if len(location) > LOCATION_CHARACTERS_MAX:
            raise RemoteMediaUnavailable(f"{server_name} sends us to a place with too long a name")
        request = OutboundRequest(
            location,
            timeout_ms=REDIRECT_TIMEOUT_MS,
            body_bytes_max=min(self._bytes_max, REDIRECTED_BYTES_MAX),
            redirects_max=REDIRECTS_MAX,
        )
        of_one = self._redirected_by.setdefault(server_name, asyncio.Semaphore(REDIRECTED_OF_ONE_SERVER_MAX))
        try:
            async with of_one, self._redirected:
                answer = await self._outbound.fetch(request)
        except OutboundFailed as failure:
            what = "too large" if failure.failure is Failure.TOO_LARGE else "not to be had"
            raise RemoteMediaUnavailable(f"{server_name} sends us to a place where the file is {what}") from failure
        if answer.status != 200:
            raise RemoteMediaUnavailable(f"{server_name} sends us to a place that answers {answer.status}")
        name = parse_disposition_file_name(answer.headers.get("content-disposition", ""))
        return RemoteMedia(answer.headers.get("content-type", ""), name, once(answer.body))


async def find_file(pieces: Pieces) -> dict[str, str]:
    """Read past the first part, which describes the file; returns the headers of the second. Raises RemoteMediaUnavailable."""
    starts, description_bytes = 0, 0
    async for piece in pieces:
        if isinstance(piece, PartStart):
            starts += 1
            if starts == 2:
                return dict(piece.headers)
        elif isinstance(piece, bytes):
            description_bytes += len(piece)
            if description_bytes > DESCRIPTION_BYTES_MAX:
                raise RemoteMediaUnavailable("the description of the file is too long")
    raise RemoteMediaUnavailable("the answer has no file")


async def read_file(pieces: Pieces) -> AsyncGenerator[bytes, None]:
    """The content of the part that has begun."""
    try:
        async for piece in pieces:
            if isinstance(piece, PartEnd):
                return
            if isinstance(piece, bytes):
                yield piece
        raise RemoteMediaUnavailable("the file ends in the middle")
    finally:
        await pieces.aclose()


async def once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def translate(failure: FederationFailed) -> Exception:
    """What the other server's refusal means for who asks."""
    if failure.errcode == "M_NOT_YET_UPLOADED":
        return RemoteMediaNotYetUploaded(str(failure))
    if failure.status == 404:
        return RemoteMediaMissing(str(failure))
    return RemoteMediaUnavailable(str(failure))
