"""FederationTransport on aiohttp: signed requests to where a server name leads. An address is judged when its socket is made."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
import orjson

from zajil.core.address_guard import IpNetwork, check_address
from zajil.core.request_signing import build_request_header
from zajil.core.server_discovery import WELL_KNOWN_BYTES_MAX, WELL_KNOWN_PATH, Target, is_ipv6
from zajil.core.signing import SigningKey
from zajil.federation.resolver import DnsLookup, ServerResolver, SrvLookup
from zajil.ports.clock import Clock
from zajil.ports.federation import FederationFailed, FederationRequest, FederationStream
from zajil.ports.randomness import Randomness

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

T = TypeVar("T")

USER_AGENT: Final = "Zajil (Matrix homeserver)"
CONNECTIONS_MAX: Final = 1_000
CONNECTIONS_PER_HOST_MAX: Final = 32
"""More than the files that are fetched from one server at once, or messages to it would have to wait for them."""
CONNECT_TIMEOUT_S: Final = 10.0
KEEP_ALIVE_S: Final = 60.0
WELL_KNOWN_TIMEOUT_S: Final = 10.0
WELL_KNOWN_REDIRECTS_MAX: Final = 5
READ_CHUNK_BYTES: Final = 64 * 1024
ERROR_BYTES_MAX: Final = 64 * 1024
RETRY_AFTER_MS_MAX: Final = 24 * 3_600_000


class HttpTransport:
    """`hosts` replaces DNS for some names (tests); `unverified` names servers whose certificates are not looked at."""

    def __init__(
        self,
        server_name: str,
        key: SigningKey,
        clock: Clock,
        randomness: Randomness,
        *,
        allowed_networks: Sequence[IpNetwork] = (),
        ca_file: str | None = None,
        unverified: Sequence[str] = (),
        hosts: Mapping[str, Sequence[str]] | None = None,
        srv: SrvLookup | None = None,
        is_server_allowed: Callable[[str], bool] = lambda name: True,
    ) -> None:
        self._server_name = server_name
        self._key = key
        self._allowed_networks = tuple(allowed_networks)
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._no_tls_checks = ssl.create_default_context()
        self._no_tls_checks.check_hostname = False
        self._no_tls_checks.verify_mode = ssl.CERT_NONE
        self._unverified = tuple(unverified)
        self._hosts = hosts
        self._is_server_allowed = is_server_allowed
        self._session: aiohttp.ClientSession | None = None
        self.resolver = ServerResolver(self._fetch_well_known, srv or DnsLookup(), clock, randomness)

    async def request(self, request: FederationRequest) -> Any:
        body, _ = await self._bounded(request, self._request(request))
        try:
            return split_lists(body) if request.splits_lists else orjson.loads(body)
        except (orjson.JSONDecodeError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise FederationFailed(request.destination, "the answer is not JSON", status=200) from None

    async def stream(self, request: FederationRequest) -> FederationStream:
        response = await self._bounded(request, self._send(request))
        return FederationStream(
            {name.lower(): value for name, value in response.headers.items()}, self._read_chunks(request, response)
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _bounded(self, request: FederationRequest, work: Awaitable[T]) -> T:
        """Within the request's time, with every failure told in one way."""
        import aiohttp

        destination = request.destination
        try:
            async with asyncio.timeout(request.timeout_ms / 1000):
                return await work
        except TimeoutError:
            raise FederationFailed(destination, f"no answer within {request.timeout_ms} ms") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FederationFailed(destination, str(error) or type(error).__name__) from error

    async def _request(self, request: FederationRequest) -> tuple[bytes, Mapping[str, str]]:
        response = await self._send(request)
        try:
            return await read_bounded(response, request.destination, request.body_bytes_max), response.headers
        finally:
            response.release()

    async def _send(self, request: FederationRequest) -> "aiohttp.ClientResponse":
        """The 200 answer, its body not read yet."""
        import aiohttp

        destination = request.destination
        if not self._is_server_allowed(destination):
            raise FederationFailed(destination, "this server does not talk with that one")
        last: Exception | None = None
        for target in await self.resolver.find_targets(destination):
            try:
                response = await self._send_to(target, request)
            except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
                last = error
                continue
            if response.status != 200:
                raise await read_failure(response, destination)
            return response
        self.resolver.forget(destination)
        raise FederationFailed(destination, str(last or "there is no place to reach it")) from last

    async def _send_to(self, target: Target, request: FederationRequest) -> "aiohttp.ClientResponse":
        from yarl import URL

        uri = request.path + ("?" + urlencode(request.query) if request.query else "")
        headers = {"Host": target.host_header, "User-Agent": USER_AGENT}
        body = None
        if request.content is not None:
            body = orjson.dumps(request.content)
            headers["Content-Type"] = "application/json"
        if request.is_signed:
            headers["Authorization"] = build_request_header(
                request.method, uri, self._server_name, request.destination, request.content, self._key
            )
        host = f"[{target.connect_host}]" if is_ipv6(target.connect_host) else target.connect_host
        is_unverified = any(fnmatchcase(request.destination, pattern) for pattern in self._unverified)
        return await self._open_session().request(
            request.method,
            URL(f"https://{host}:{target.port}{uri}", encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            ssl=self._no_tls_checks if is_unverified else self._tls,
            server_hostname=target.tls_name,
        )

    async def _fetch_well_known(self, host: str) -> tuple[Any, dict[str, str]] | None:
        """The document of a host, or None. Raises OSError when the host cannot be asked."""
        import aiohttp

        url = f"https://{host}{WELL_KNOWN_PATH}"
        is_unverified = any(fnmatchcase(host, pattern) for pattern in self._unverified)
        try:
            async with (
                asyncio.timeout(WELL_KNOWN_TIMEOUT_S),
                self._open_session().get(
                    url,
                    max_redirects=WELL_KNOWN_REDIRECTS_MAX,
                    headers={"User-Agent": USER_AGENT},
                    ssl=self._no_tls_checks if is_unverified else self._tls,
                ) as response,
            ):
                if response.status != 200:
                    return None
                body = await read_bounded(response, host, WELL_KNOWN_BYTES_MAX)
                headers = {name.lower(): value for name, value in response.headers.items()}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(str(error)) from error
        except FederationFailed:
            return None
        try:
            return orjson.loads(body), headers
        except orjson.JSONDecodeError:
            return None

    async def _read_chunks(
        self, request: FederationRequest, response: "aiohttp.ClientResponse"
    ) -> AsyncIterator[bytes]:
        import aiohttp

        size = 0
        try:
            async for chunk in response.content.iter_chunked(READ_CHUNK_BYTES):
                size += len(chunk)
                if size > request.body_bytes_max:
                    raise FederationFailed(request.destination, f"answers more than {request.body_bytes_max} bytes")
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise FederationFailed(request.destination, str(error)) from error
        finally:
            response.close()

    def _open_session(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=aiohttp.AsyncResolver() if self._hosts is None else build_fixed_resolver(self._hosts),
                socket_factory=self._make_socket,
                use_dns_cache=False,
                limit=CONNECTIONS_MAX,
                limit_per_host=CONNECTIONS_PER_HOST_MAX,
                keepalive_timeout=KEEP_ALIVE_S,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            )
        return self._session

    def _make_socket(self, address: Any) -> socket.socket:
        """Called by aiohttp with each address right before it connects to it."""
        family, kind, protocol, _, target = address
        check_address(target[0], self._allowed_networks)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def split_lists(body: bytes) -> dict[str, Any]:
    """A JSON object in which the objects of its lists are left as bytes. Raises msgspec.MsgspecError, orjson.JSONDecodeError."""
    parsed: dict[str, Any] = {}
    for name, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items():
        if bytes(memoryview(raw)[:1]) == b"[":
            items = [bytes(item) for item in msgspec.json.decode(raw, type=list[msgspec.Raw])]
            parsed[name] = [item if item[:1] == b"{" else orjson.loads(item) for item in items]
        else:
            parsed[name] = orjson.loads(bytes(raw))
    return parsed


async def read_bounded(response: "aiohttp.ClientResponse", destination: str, bytes_max: int) -> bytes:
    """A body up to its bound. Raises FederationFailed."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise FederationFailed(destination, "answers with an encoding nobody asked for", status=response.status)
    body = bytearray()
    async for chunk in response.content.iter_chunked(READ_CHUNK_BYTES):
        body += chunk
        if len(body) > bytes_max:
            response.close()
            raise FederationFailed(destination, f"answers more than {bytes_max} bytes", status=response.status)
    return bytes(body)


async def read_failure(response: "aiohttp.ClientResponse", destination: str) -> FederationFailed:
    """What an answer other than 200 says."""
    status = response.status
    try:
        value = orjson.loads(await read_bounded(response, destination, ERROR_BYTES_MAX))
    except (orjson.JSONDecodeError, FederationFailed):
        value = None
    finally:
        response.release()
    body = value if isinstance(value, dict) else {}
    errcode, message = body.get("errcode"), body.get("error")
    wait = body.get("retry_after_ms")
    return FederationFailed(
        destination,
        f"answers {status} {errcode}",
        status=status,
        errcode=errcode if isinstance(errcode, str) else "M_UNKNOWN",
        message=message if isinstance(message, str) else "",
        retry_after_ms=min(max(wait, 0), RETRY_AFTER_MS_MAX) if type(wait) is int else None,
        body=body,
    )


def build_fixed_resolver(hosts: Mapping[str, Sequence[str]]) -> "AbstractResolver":
    """Addresses from a table, as a hosts file has them; nothing else is found."""
    import aiohttp.abc

    class FixedResolver(aiohttp.abc.AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> "list[ResolveResult]":
            if host not in hosts:
                raise OSError(f"{host} has no address")
            return [
                {
                    "hostname": host,
                    "host": address,
                    "port": port,
                    "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                    "proto": socket.IPPROTO_TCP,
                    "flags": socket.AI_NUMERICHOST,
                }
                for address in hosts[host]
            ]

        async def close(self) -> None:
            return None

    return FixedResolver()
