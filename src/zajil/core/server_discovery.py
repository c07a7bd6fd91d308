"""Where another server is to be reached (server-server API, "Resolving server names"). What is asked of the network is the caller's work."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from zajil.core.identifiers import is_server_name

FEDERATION_PORT: Final = 8448
SRV_SERVICES: Final = ("_matrix-fed._tcp", "_matrix._tcp")
"""The second is deprecated."""
WELL_KNOWN_PATH: Final = "/.well-known/matrix/server"
WELL_KNOWN_BYTES_MAX: Final = 50 * 1024
WELL_KNOWN_S: Final = 24 * 3_600.0
WELL_KNOWN_S_LEAST: Final = 300.0
WELL_KNOWN_S_MAX: Final = 48 * 3_600.0
WELL_KNOWN_FAILURE_S: Final = 60.0
WELL_KNOWN_FAILURE_S_MAX: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class ServerName:
    """A server name in its parts. An IPv6 address has no brackets here."""

    host: str
    port: int | None
    is_address: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try: where to connect, what to say in `Host`, and whose certificate must be shown there."""

    connect_host: str
    port: int
    host_header: str
    tls_name: str


def parse_server_name(text: str) -> ServerName | None:
    """Split a server name; None for what is none."""
    if not is_server_name(text):
        return None
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        return ServerName(address, _parse_port(rest[1:]), is_address=True) if _has_good_port(rest[1:]) else None
    host, _, port = text.partition(":")
    if not _has_good_port(port):
        return None
    return ServerName(host, _parse_port(port), _is_ipv4(host))


def _has_good_port(text: str) -> bool:
    return not text or 0 < int(text) < 65_536


def _parse_port(text: str) -> int | None:
    return int(text) if text else None


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def find_direct_target(name: str) -> Target | None:
    """Steps 1 and 2, and 3.1 and 3.2 of a delegated name: the places that need no question. None when the network must be asked."""
    parts = parse_server_name(name)
    if parts is None or (parts.port is None and not parts.is_address):
        return None
    # 1. An IP literal: the given port or 8448, `Host` with the port if there is one. 2. A host with a port.
    return Target(parts.host, parts.port or FEDERATION_PORT, name, parts.host)


def find_default_target(name: str) -> Target:
    """Steps 6 and 3.5: no SRV record, the host itself on port 8448."""
    return Target(name, FEDERATION_PORT, name, name)


def find_srv_target(name: str, target: str, port: int) -> Target:
    """Steps 3.3, 3.4, 4 and 5: connect to where the record points, ask for the name it was looked up under."""
    return Target(target, port, name, name)


def parse_well_known(document: object) -> str | None:
    """The name that the document delegates to; None for a document that names none."""
    delegated = document.get("m.server") if isinstance(document, dict) else None
    return delegated if isinstance(delegated, str) and parse_server_name(delegated) is not None else None


def compute_well_known_s(headers: Mapping[str, str], now_ms: int) -> float:
    """Seconds for which the document may be remembered: what its headers say, a day if they say nothing, two at most."""
    seconds = WELL_KNOWN_S
    directives = [part.strip().lower() for part in headers.get("cache-control", "").split(",")]
    ages = [text[len("max-age=") :] for text in directives if text.startswith("max-age=")]
    if ages and ages[0].isdecimal():
        seconds = float(ages[0][:9])
    elif "no-store" in directives or "no-cache" in directives:
        seconds = 0.0
    elif "expires" in headers:
        try:
            seconds = parsedate_to_datetime(headers["expires"]).timestamp() - now_ms / 1000
        except (TypeError, ValueError, OverflowError):
            seconds = 0.0
    return min(max(seconds, WELL_KNOWN_S_LEAST), WELL_KNOWN_S_MAX)


def is_ipv6(host: str) -> bool:
    """Whether a host, without brackets, is an IPv6 address."""
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return True


def order_srv(records: list[tuple[int, int, str, int]], draws: list[int]) -> list[tuple[str, int]]:
    """RFC 2782: by priority, within it at random in proportion to weight. `draws` are random numbers, one per record.

    A record is (priority, weight, target, port).
    """
    ordered: list[tuple[str, int]] = []
    remaining = sorted(records)
    for draw in draws[: len(records)]:
        group = [record for record in remaining if record[0] == remaining[0][0]]
        left = draw % (sum(record[1] for record in group) + 1)
        chosen = group[-1]
        for record in group:
            left -= record[1]
            if left <= 0:
                chosen = record
                break
        remaining.remove(chosen)
        if chosen[2].rstrip("."):
            ordered.append((chosen[2].rstrip("."), chosen[3]))
    return ordered
