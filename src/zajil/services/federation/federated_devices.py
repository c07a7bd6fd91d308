"""RemoteDevices over federation: keys of other servers' users, messages to their devices, and the news that ours have changed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from zajil.core.identifiers import server_name_of
from zajil.ports.database import Transaction
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.destinations import queue_edu
from zajil.services.keys.remote_devices import RemoteAnswer

PARTS: Final = ("device_keys", "master_keys", "self_signing_keys")
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
SERVERS_TOLD_MAX: Final = 10_000


class FederatedDevices:
    """Asks and tells the servers of the users concerned."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def query_keys(self, wanted: Mapping[str, Sequence[str]], timeout_ms: int) -> RemoteAnswer:
        """POST /user/keys/query on every server concerned, at once."""
        return await self._ask(
            "query", "device_keys", {user_id: list(devices) for user_id, devices in wanted.items()}, PARTS, timeout_ms
        )

    async def claim_keys(self, wanted: Mapping[str, Mapping[str, str]], timeout_ms: int) -> RemoteAnswer:
        """POST /user/keys/claim on every server concerned, at once."""
        asked = {user_id: dict(devices) for user_id, devices in wanted.items()}
        return await self._ask("claim", "one_time_keys", asked, ("one_time_keys",), timeout_ms)

    async def _ask(
        self, verb: str, name: str, wanted: Mapping[str, Any], parts: Sequence[str], timeout_ms: int
    ) -> RemoteAnswer:
        by_server: dict[str, dict[str, Any]] = {}
        for user_id, what in wanted.items():
            by_server.setdefault(server_name_of(user_id) or "", {})[user_id] = what
        answer = RemoteAnswer()
        servers = sorted(by_server)
        outcomes = await asyncio.gather(
            *(self._ask_server(server, verb, {name: by_server[server]}, timeout_ms) for server in servers)
        )
        for server, outcome in zip(servers, outcomes, strict=True):
            if isinstance(outcome, FederationFailed):
                answer.failures[server] = {
                    "errcode": "M_UNREACHABLE" if outcome.status is None else outcome.errcode,
                    "error": "This server cannot be reached from here.",
                }
                continue
            for part in parts:
                found = outcome.get(part)
                for user_id, keys in found.items() if isinstance(found, dict) else ():
                    # A server speaks for its own users only.
                    if user_id in by_server[server] and isinstance(keys, dict):
                        answer.parts.setdefault(part, {})[user_id] = keys
        return answer

    async def _ask_server(
        self, server: str, verb: str, content: Mapping[str, Any], timeout_ms: int
    ) -> dict[str, Any] | FederationFailed:
        request = FederationRequest(
            server,
            "POST",
            f"/_matrix/federation/v1/user/keys/{verb}",
            content=content,
            timeout_ms=max(timeout_ms, 1),
            body_bytes_max=ANSWER_BYTES_MAX,
        )
        try:
            answer = await self._app.federation.request(request)
        except FederationFailed as failure:
            return failure
        return answer if isinstance(answer, dict) else {}

    async def send_to_devices(
        self, tx: Transaction, sender: str, event_type: str, messages: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Queue an m.direct_to_device for every server concerned."""
        app = self._app
        by_server: dict[str, dict[str, Mapping[str, Any]]] = {}
        for user_id, devices in messages.items():
            by_server.setdefault(server_name_of(user_id) or "", {})[user_id] = devices
        for server in sorted(by_server):
            content = {
                "sender": sender,
                "type": event_type,
                "message_id": app.randomness.bytes(16).hex(),
                "messages": by_server[server],
            }
            await queue_edu(app, tx, server, "m.direct_to_device", content)

    async def announce_device_change(self, tx: Transaction, user_id: str) -> None:
        """Queue an m.device_list_update for every server that shares a room with the user.

        It names a predecessor that nobody has, so whoever gets it asks for the whole list: it cannot be outdated or incomplete.
        """
        app = self._app
        if not app.config.federation:
            return
        servers = await app.stores.federation_queue.load_servers_sharing_rooms(tx, user_id, SERVERS_TOLD_MAX)
        others = [each for each in servers if each != app.server_name and is_server_allowed(app, each)]
        if not others:
            return
        stream_id = await tx.new_ids(2)
        content = {
            "user_id": user_id,
            "device_id": "*",
            "stream_id": stream_id + 1,
            "prev_id": [stream_id],
            "keys": {},
        }
        for server in others:
            await queue_edu(app, tx, server, "m.device_list_update", content)
