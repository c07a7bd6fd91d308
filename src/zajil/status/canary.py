"""The look from outside: a message that the server sends itself through its public address, and waits for as any client would."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from zajil.core.health import DELIVERY_MS, SEND_MS, Probe
from zajil.ports.outbound_http import Failure, OutboundFailed, OutboundHttp, OutboundRequest, OutboundResponse

ROUND_S_MAX: Final = 3.5
"""Longer than this nobody waits: what takes longer counts as not delivered."""
AGAIN_S: Final = 1.0
"""After a bad round the next follows at once, so that one lost packet is no incident and two are."""
CIPHERTEXT_LENGTH: Final = 900
"""What a short text message comes to after encryption."""
BODY_BYTES_MAX: Final = 256 * 1024
FILTER: Final = (
    '{"presence":{"types":[]},"account_data":{"types":[]},'
    '"room":{"ephemeral":{"types":[]},"account_data":{"types":[]},"state":{"types":[]},"timeline":{"limit":20}}}'
)


@dataclass(frozen=True, slots=True)
class Account:
    """With what the canary signs in."""

    user_id: str
    access_token: str
    room_id: str


@dataclass(frozen=True, slots=True)
class Round:
    """How one round ended, and how long its parts took."""

    probe: Probe
    send_ms: float | None = None
    delivery_ms: float | None = None

    @property
    def is_bad(self) -> bool:
        """Worth a second look at once."""
        slow = (self.send_ms or 0) > SEND_MS[0] or (self.delivery_ms or 0) > DELIVERY_MS[0]
        return self.probe is not Probe.DELIVERED or slow


class RoundFailed(Exception):
    """The round is over."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(str(probe))
        self.probe = probe


class Canary:
    """Makes rounds with an account that the worker gives."""

    def __init__(self, http: OutboundHttp, base_url: str, node: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._node = node
        self._number = time.time_ns() // 1_000_000  # no transaction ID of an earlier process
        self.account: Account | None = None
        self._since = ""

    async def run_round(self) -> Round:
        """One message there and back. Without an account it only looks whether anybody answers."""
        self._number += 1
        try:
            async with asyncio.timeout(ROUND_S_MAX + 0.5):
                if self.account is None:
                    await self._call("GET", "/_matrix/client/versions")
                    raise RoundFailed(Probe.NO_ACCOUNT)
                if not self._since:
                    self._since = (await self._sync(0))["next_batch"]
                return await self._send_and_wait(self.account)
        except RoundFailed as failure:
            if failure.probe is Probe.NO_ACCOUNT:
                self.account, self._since = None, ""
            return Round(failure.probe)
        except TimeoutError:
            return Round(Probe.UNREACHABLE)
        except (KeyError, TypeError, orjson.JSONDecodeError):
            return Round(Probe.REFUSED)

    async def _send_and_wait(self, account: Account) -> Round:
        began_s = time.monotonic()
        # The waiting sync is there before the message, as those of most clients are.
        arrival = asyncio.create_task(self._wait_for(self._number, began_s + ROUND_S_MAX))
        try:
            content = {
                "algorithm": "m.megolm.v1.aes-sha2",
                "sender_key": self._node,
                "session_id": "canary",
                "device_id": "CANARY",
                "ciphertext": "A" * CIPHERTEXT_LENGTH,
                "org.zajil.round": f"{self._node} {self._number}",
            }
            path = f"/_matrix/client/v3/rooms/{quote(account.room_id, safe='')}/send/m.room.encrypted/{self._number}"
            await self._call("PUT", path, content)
            send_ms = (time.monotonic() - began_s) * 1000
            arrived_s = await arrival
        finally:
            arrival.cancel()
            await asyncio.gather(arrival, return_exceptions=True)
        if arrived_s is None:
            return Round(Probe.LOST, send_ms)
        return Round(Probe.DELIVERED, send_ms, (arrived_s - began_s) * 1000)

    async def _wait_for(self, number: int, until_s: float) -> float | None:
        """When the message was there; None when it did not come in time."""
        while (left_s := until_s - time.monotonic()) > 0:
            answer = await self._sync(int(left_s * 1000))
            self._since = answer["next_batch"]
            rooms = answer.get("rooms", {}).get("join", {}).values()
            events = [event for room in rooms for event in room["timeline"]["events"]]
            if any(each["content"].get("org.zajil.round") == f"{self._node} {number}" for each in events):
                return time.monotonic()
        return None

    async def _sync(self, timeout_ms: int) -> Mapping[str, Any]:
        query = {"timeout": str(timeout_ms), "filter": FILTER, "set_presence": "offline"}
        if self._since:
            query["since"] = self._since
        response = await self._call("GET", f"/_matrix/client/v3/sync?{urlencode(query)}")
        answer: Mapping[str, Any] = orjson.loads(response.body)
        return answer

    async def _call(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> OutboundResponse:
        """Raises `RoundFailed` unless the answer is a success."""
        headers = {"Content-Type": "application/json"}
        if self.account is not None:
            headers["Authorization"] = f"Bearer {self.account.access_token}"
        request = OutboundRequest(
            self._base_url + path,
            method=method,
            headers=headers,
            body=b"" if content is None else orjson.dumps(content),
            timeout_ms=int(ROUND_S_MAX * 1000),
            body_bytes_max=BODY_BYTES_MAX,
        )
        try:
            response = await self._http.fetch(request)
        except OutboundFailed as failure:
            ends = Probe.REFUSED if failure.failure in (Failure.TOO_LARGE, Failure.BAD_RESPONSE) else Probe.UNREACHABLE
            raise RoundFailed(ends) from None
        if response.status == 429:
            raise RoundFailed(Probe.SHED)
        if response.status >= 500:
            raise RoundFailed(Probe.REFUSED)
        if response.status != 200:
            raise RoundFailed(Probe.NO_ACCOUNT)
        return response
