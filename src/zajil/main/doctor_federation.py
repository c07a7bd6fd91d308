"""The part of `zajil doctor` about other servers: whether they find this one by its name, looking for it as they will."""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from zajil.core.server_discovery import FEDERATION_PORT, WELL_KNOWN_PATH, ServerName, parse_server_name
from zajil.core.server_keys import parse_server_keys
from zajil.core.signing import SigningKey
from zajil.federation.transport import HttpTransport
from zajil.main.system import KEY_FILE, SystemClock, SystemRandomness, load_signing_keys
from zajil.ports.configuration import Config, is_loopback
from zajil.ports.federation import FederationFailed, FederationRequest

TIMEOUT_MS: Final = 15_000
ANSWER_BYTES_MAX: Final = 64 * 1024
ANYWHERE: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""Inside a network its own names may lead to private addresses."""


def find_own_problem(config: Config, hosts: Mapping[str, Sequence[str]] | None = None) -> tuple[bool, str] | None:
    """Whether it is certainly wrong (or may only not be there yet) and what to do; None if all is well.

    `hosts` replaces DNS (tests).
    """
    name = config.server_name
    parts = parse_server_name(name)
    if parts is None:
        return True, f"{name} is no server name that others can look for: set server_name before the first account."
    try:
        answer = asyncio.run(_ask(config, hosts))
    except FederationFailed as failure:
        return False, f"other servers cannot find this one ({failure}): {build_advice(config, parts)}."
    keys = parse_server_keys(answer, name, SystemClock().now_ms())
    if isinstance(keys, str):
        return (
            True,
            f"what answers other servers in the name of {name} is none ({keys}): {build_advice(config, parts)}.",
        )
    own_id, own_key = _load_own_key(config) or (None, None)
    if own_id is not None and not any(key.key_id == own_id and key.public_key == own_key for key in keys):
        text = f"what answers other servers in the name of {name} has another signing key than {config.data / KEY_FILE}"
        return True, f"{text}: `zajil reload` if it was just rotated; otherwise {build_advice(config, parts)}."
    return None


def is_expected(config: Config) -> bool:
    """Whether other servers are to find this one at all."""
    parts = parse_server_name(config.server_name)
    return config.federation and not is_loopback(config.server_name if parts is None else parts.host)


def build_advice(config: Config, parts: ServerName) -> str:
    """The ways in which the name can lead here."""
    lead = f"let port {parts.port or FEDERATION_PORT} of {parts.host} lead here, with a certificate for that name"
    off = "or set federation = off"
    if parts.port is not None or parts.is_address:
        return f"{lead}, {off}"
    base = urlsplit(config.base_url)
    is_public = base.scheme == "https" and base.hostname is not None and not is_loopback(base.hostname)
    place = f"{base.hostname}:{base.port or 443}" if is_public else f"{parts.host}:443"
    return f'let https://{parts.host}{WELL_KNOWN_PATH} answer {{"m.server": "{place}"}}, or {lead}, {off}'


async def _ask(config: Config, hosts: Mapping[str, Sequence[str]] | None) -> Any:
    transport = HttpTransport(
        config.server_name,
        SigningKey(bytes(32), "ed25519:doctor"),  # nothing is signed with it
        SystemClock(),
        SystemRandomness(),
        allowed_networks=ANYWHERE,
        ca_file=None if config.federation_ca is None else str(config.federation_ca),
        unverified=config.federation_unverified,
        hosts=hosts,
    )
    request = FederationRequest(
        config.server_name,
        "GET",
        "/_matrix/key/v2/server",
        timeout_ms=TIMEOUT_MS,
        body_bytes_max=ANSWER_BYTES_MAX,
        is_signed=False,
    )
    try:
        return await transport.request(request)
    finally:
        await transport.close()


def _load_own_key(config: Config) -> tuple[str, bytes] | None:
    """The ID and the public half of the key on disk; None if there is none yet, or it is not ours to read."""
    try:
        if not (config.data / KEY_FILE).exists():
            return None
        current, _ = load_signing_keys(config.data, SystemRandomness())
    except OSError:
        return None
    return current.key_id, current.public_key
