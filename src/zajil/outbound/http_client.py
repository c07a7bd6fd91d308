"""OutboundHttp on aiohttp. An address is judged when its socket is made, so no DNS answer can change in between."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from zajil.core.address_guard import AddressRefused, IpNetwork, check_address
from zajil.ports.outbound_http import Failure, OutboundFailed, OutboundRequest, OutboundResponse

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult
    from yarl import URL

Resolve = Callable[[str], Awaitable[Sequence[str]]]

USER_AGENT = "Zajil (Matrix homeserver)"
CONNECTIONS_MAX = 100
CONNECTIONS_PER_HOST_MAX = 10
URL_LENGTH_MAX = 4096
READ_CHUNK_BYTES = 64 * 1024
# Ports below 1024 other than these belong to protocols that could be made to obey what looks like HTTP.
WELL_KNOWN_PORTS = (80, 443)
REDIRECTS = (301, 302, 303, 307, 308)


class HttpClient:
    """`allowed_networks` are reachable although they are not public; `resolve` replaces the system's resolver, `tls` what certificates are good."""

    def __init__(
        self,
        allowed_networks: Sequence[IpNetwork] = (),
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._allowed_networks = tuple(allowed_networks)
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, request: OutboundRequest) -> OutboundResponse:
        import aiohttp

        try:
            async with asyncio.timeout(request.timeout_ms / 1000):
                return await self._follow(request)
        except TimeoutError:
            raise OutboundFailed(Failure.TIMEOUT, request.url) from None
        except aiohttp.InvalidURL as error:
            raise OutboundFailed(Failure.REFUSED, f"{error} is not a URL we fetch") from error
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, AddressRefused)
            raise OutboundFailed(Failure.REFUSED if refused else Failure.UNREACHABLE, str(error)) from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise OutboundFailed(Failure.UNREACHABLE, str(error)) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise OutboundFailed(Failure.BAD_RESPONSE, str(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _follow(self, request: OutboundRequest) -> OutboundResponse:
        url = self._check_url(request.url, request)
        for _ in range(request.redirects_max + 1):
            async with self._open_session().request(
                request.method, url, headers=request.headers, data=request.body or None, allow_redirects=False
            ) as response:
                target = response.headers.get("Location")
                follows = response.status in REDIRECTS and request.redirects_max and request.method == "GET"
                if not (follows and target):
                    return await read_response(response, str(url), request)
            url = self._check_url(target, request, url)
        raise OutboundFailed(Failure.BAD_RESPONSE, f"more than {request.redirects_max} redirects from {request.url}")

    def _check_url(self, text: str, request: OutboundRequest, base: "URL | None" = None) -> "URL":
        """Parse a URL, relative to `base`; raise `OutboundFailed` for one we do not go to."""
        url = parse_url(text, base)
        if url is None:
            raise OutboundFailed(Failure.REFUSED, f"{text!r} is not a URL we fetch")
        host = (url.raw_host or "").lower().rstrip(".")
        if request.is_host_allowed is not None and not request.is_host_allowed(host):
            raise OutboundFailed(Failure.REFUSED, f"{host} is not an allowed host")
        return url

    def _open_session(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=build_resolver(self._resolve),
                socket_factory=self._make_socket,
                use_dns_cache=False,
                ssl=self._tls or True,
                limit=CONNECTIONS_MAX,
                limit_per_host=CONNECTIONS_PER_HOST_MAX,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=None),
            )
        return self._session

    def _make_socket(self, address: Any) -> socket.socket:
        """Called by aiohttp with each address right before it connects to it."""
        family, kind, protocol, _, target = address
        check_address(target[0], self._allowed_networks)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def parse_url(text: str, base: "URL | None" = None) -> "URL | None":
    """The URL as the client will use it, so that what is checked is what is fetched; None for one we do not fetch."""
    from yarl import URL

    if len(text) > URL_LENGTH_MAX or any(character <= " " or character in "\x7f\\" for character in text):
        return None
    try:
        url = URL(text) if base is None else base.join(URL(text))
        port = url.port
    except ValueError:
        return None
    if (
        url.scheme not in ("http", "https")
        or not url.raw_host
        or url.raw_user is not None
        or url.raw_password is not None
    ):
        return None
    if port is None or (port < 1024 and port not in WELL_KNOWN_PORTS):
        return None
    return url.with_fragment(None)


async def read_response(response: "aiohttp.ClientResponse", url: str, request: OutboundRequest) -> OutboundResponse:
    """Read a body up to its bound. Raises `OutboundFailed`."""
    # A compressed body we did not ask for could unpack to anything.
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise OutboundFailed(Failure.BAD_RESPONSE, f"{url} answers with an encoding nobody asked for")
    body = bytearray()
    async for chunk in response.content.iter_chunked(READ_CHUNK_BYTES):
        body += chunk
        if len(body) > request.body_bytes_max:
            if not request.truncates:
                raise OutboundFailed(Failure.TOO_LARGE, f"{url} answers more than {request.body_bytes_max} bytes")
            del body[request.body_bytes_max :]
            break
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), value)
    return OutboundResponse(response.status, url, headers, bytes(body))


def build_resolver(resolve: Resolve | None) -> "AbstractResolver":
    """aiohttp's resolver over c-ares (no threads that a slow name server could use up), or over `resolve`."""
    import aiohttp
    from aiohttp.abc import AbstractResolver

    class GivenResolver(AbstractResolver):
        def __init__(self, resolve: Resolve) -> None:
            self._resolve = resolve

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> "list[ResolveResult]":
            return [build_resolve_result(host, port, address) for address in await self._resolve(host)]

        async def close(self) -> None:
            return None

    return aiohttp.AsyncResolver() if resolve is None else GivenResolver(resolve)


def build_resolve_result(host: str, port: int, address: str) -> "ResolveResult":
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": family,
        "proto": socket.IPPROTO_TCP,
        "flags": socket.AI_NUMERICHOST,
    }
