"""Devices of users on other servers, as the services for keys and messages to devices see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from zajil.core.identifiers import server_name_of
from zajil.ports.database import Transaction


@dataclass(slots=True)
class RemoteAnswer:
    """What other servers answered: the parts of the response body by name, and the servers that did not answer."""

    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)


class RemoteDevices(Protocol):
    """Asks and tells other servers."""

    async def query_keys(self, wanted: Mapping[str, Sequence[str]], timeout_ms: int) -> RemoteAnswer:
        """Device and cross-signing keys of remote users."""

    async def claim_keys(self, wanted: Mapping[str, Mapping[str, str]], timeout_ms: int) -> RemoteAnswer:
        """One-time keys of remote users' devices: {user ID: {device ID: algorithm}}."""

    async def send_to_devices(
        self, tx: Transaction, sender: str, event_type: str, messages: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Queue messages {user ID: {device ID or *: content}} for other servers, in the transaction that accepts them."""

    async def announce_device_change(self, tx: Transaction, user_id: str) -> None:
        """Queue the news that a local user's devices or cross-signing keys changed."""


class NoRemoteDevices:
    """A server on its own: every other server is out of reach, and messages to its users have nowhere to go."""

    async def query_keys(self, wanted: Mapping[str, Sequence[str]], timeout_ms: int) -> RemoteAnswer:
        return build_unreachable(wanted)

    async def claim_keys(self, wanted: Mapping[str, Mapping[str, str]], timeout_ms: int) -> RemoteAnswer:
        return build_unreachable(wanted)

    async def send_to_devices(
        self, tx: Transaction, sender: str, event_type: str, messages: Mapping[str, Mapping[str, Any]]
    ) -> None:
        return

    async def announce_device_change(self, tx: Transaction, user_id: str) -> None:
        return


def build_unreachable(user_ids: Mapping[str, Any]) -> RemoteAnswer:
    """Every server of these users failed."""
    servers = {server_name_of(user_id) or "" for user_id in user_ids}
    failure = {"errcode": "M_UNREACHABLE", "error": "This server cannot be reached from here."}
    return RemoteAnswer(failures={server_name: dict(failure) for server_name in sorted(servers)})
