"""As much of a Matrix client as a drill needs. Every request may fail at any moment, and says so."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp

REQUEST_TIMEOUT_S: Final = 20.0
PASSWORD: Final = "drill-only-on-a-private-copy-1"  # noqa: S105  of accounts that live as long as the drill
PAGE: Final = 500
SYNC_FILTER: Final = (
    '{"room":{"timeline":{"limit":200,"types":["m.room.message"]},"state":{"types":[]},"ephemeral":{"types":[]},"account_data":{"types":[]}},'
    '"presence":{"types":[]},"account_data":{"types":[]}}'
)
MESSAGES_FILTER: Final = '{"types":["m.room.message"]}'
GONE: Final = (aiohttp.ClientError, ConnectionError, TimeoutError)
"""The connection ended without an answer: nobody can know how far the request came."""


@dataclass
class Refused(Exception):
    """The server answered with an error."""

    status: int
    errcode: str
    retry_after_s: float

    def __str__(self) -> str:
        return f"{self.status} {self.errcode}"


class Person:
    """One account."""

    def __init__(self, base: str, connections: aiohttp.ClientSession, name: str, token: str = "") -> None:
        self.base = base
        self.name = name
        self.user_id = ""
        self._token = token
        self._connections = connections

    async def request(
        self, method: str, path: str, body: Any = None, *, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> dict[str, Any]:
        """Raises `Refused` or one of `GONE`."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        async with self._connections.request(
            method, self.base + path, headers=headers, timeout=timeout, **data
        ) as response:
            content = await response.json(content_type=None) if response.status != 204 else {}
            if response.status >= 400:
                wait_s = float(response.headers.get("retry-after", 0) or 0)
                if isinstance(wait_ms := content.get("retry_after_ms"), int):
                    wait_s = wait_ms / 1000
                raise Refused(response.status, str(content.get("errcode")), wait_s)
            return content if isinstance(content, dict) else {}

    @property
    def token(self) -> str:
        return self._token

    async def register(self, registration_token: str) -> None:
        path = "/_matrix/client/v3/register"
        body: dict[str, Any] = {"username": self.name, "password": PASSWORD}
        async with self._connections.post(self.base + path, json=body) as response:
            session = (await response.json()).get("session")
        steps = ["m.login.registration_token"] if registration_token else []
        answer: dict[str, Any] = {}
        for step in [*steps, "m.login.dummy"]:
            auth = {"type": step, "session": session, **({"token": registration_token} if step in steps else {})}
            try:
                answer = await self.request("POST", path, {**body, "auth": auth})
            except Refused as refused:
                if refused.status != 401 or step not in steps:
                    raise
                continue
            break
        self.user_id, self._token = answer["user_id"], answer["access_token"]

    async def create_room(self, name: str) -> str:
        body = {"preset": "public_chat", "name": name}
        return str((await self.request("POST", "/_matrix/client/v3/createRoom", body))["room_id"])

    async def join(self, room_id: str) -> None:
        await self.request("POST", f"/_matrix/client/v3/join/{quote(room_id, safe='')}", {})

    async def send(self, room_id: str, txn_id: str, content: dict[str, Any]) -> str:
        path = f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/send/m.room.message/{txn_id}"
        return str((await self.request("PUT", path, content))["event_id"])

    async def upload(self, content: bytes) -> str:
        return str((await self.request("POST", "/_matrix/media/v3/upload?filename=photo.bin", content))["content_uri"])

    async def download(self, uri: str) -> None:
        path = f"/_matrix/client/v1/media/download/{uri.removeprefix('mxc://')}"
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        async with self._connections.get(self.base + path, headers=headers, timeout=timeout) as response:
            await response.read()
            if response.status >= 400:
                raise Refused(response.status, "", 0.0)

    async def sync(self, since: str | None, timeout_ms: int) -> dict[str, Any]:
        query = f"?timeout={timeout_ms}&filter={quote(SYNC_FILTER)}" + (f"&since={quote(since)}" if since else "")
        return await self.request(
            "GET", f"/_matrix/client/v3/sync{query}", timeout_s=REQUEST_TIMEOUT_S + timeout_ms / 1000
        )

    async def page(self, room_id: str, token: str | None, direction: str) -> dict[str, Any]:
        query = f"?dir={direction}&limit={PAGE}&filter={quote(MESSAGES_FILTER)}" + (
            f"&from={quote(token)}" if token else ""
        )
        return await self.request("GET", f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/messages{query}")
