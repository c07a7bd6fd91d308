"""One account over the bare client-server API: what a client sends, with nothing in between."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson
import yarl

PASSWORD = "correct horse battery staple"
REQUEST_SECONDS_MAX = 60.0
CLIENT_API = "/_matrix/client/v3"


class RequestFailed(AssertionError):
    """The server refused a request that a test expects to succeed."""


class Account:
    """A logged-in device. `connections` is shared between accounts and closed by whoever made it."""

    def __init__(self, base: str, connections: aiohttp.ClientSession) -> None:
        self.base = base
        self.connections = connections
        self.user_id = ""
        self.device_id = ""
        self.token = ""
        self._transactions = itertools.count()

    async def request(
        self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Send to `path` under the client API (or an absolute /_matrix path); return status and parsed body."""
        path = path if path.startswith("/_matrix") else CLIENT_API + path
        url = yarl.URL(self.base + path + (f"?{urlencode(query)}" if query else ""), encoded=True)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        limit = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
        async with self.connections.request(method, url, data=data, headers=headers, timeout=limit) as answer:
            raw = await answer.read()
            return answer.status, orjson.loads(raw) if raw else None

    async def call(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        status, answer = await self.request(method, path, body, query)
        if not 200 <= status < 300:
            raise RequestFailed(f"{self.user_id} {method} {path} {query or ''} -> {status} {answer}")
        return answer

    async def register(self, name: str) -> Account:
        body: dict[str, Any] = {"username": name, "password": PASSWORD}
        status, answer = await self.request("POST", "/register", body)
        if status == 401:
            body["auth"] = {"type": "m.login.dummy", "session": answer["session"]}
            status, answer = await self.request("POST", "/register", body)
        if status != 200:
            raise RequestFailed(f"register {name} -> {status} {answer}")
        return self._keep(answer)

    async def login(self, user_id: str) -> Account:
        identifier = {"type": "m.id.user", "user": user_id}
        body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
        return self._keep(await self.call("POST", "/login", body))

    def _keep(self, answer: dict[str, Any]) -> Account:
        self.user_id, self.device_id, self.token = answer["user_id"], answer["device_id"], answer["access_token"]
        return self

    def new_transaction_id(self) -> str:
        return f"t{next(self._transactions)}"

    async def create_room(self, **options: Any) -> str:
        return str((await self.call("POST", "/createRoom", options))["room_id"])

    async def join(self, room_id: str) -> None:
        await self.call("POST", f"/join/{quote(room_id, safe='')}", {})

    async def send(
        self, room_id: str, content: dict[str, Any], kind: str = "m.room.message", transaction_id: str | None = None
    ) -> str:
        transaction_id = transaction_id or self.new_transaction_id()
        path = f"/rooms/{quote(room_id, safe='')}/send/{kind}/{quote(transaction_id, safe='')}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def send_text(self, room_id: str, body: str, transaction_id: str | None = None) -> str:
        return await self.send(room_id, {"msgtype": "m.text", "body": body}, transaction_id=transaction_id)

    async def sync(self, since: str | None = None, timeout_ms: int = 0, **query: Any) -> dict[str, Any]:
        if since is not None:
            query["since"] = since
        answer: dict[str, Any] = await self.call("GET", "/sync", query={"timeout": timeout_ms, **query})
        return answer


async def register_accounts(
    base: str, connections: aiohttp.ClientSession, names: list[str], concurrency_max: int = 8
) -> list[Account]:
    gate = asyncio.Semaphore(concurrency_max)

    async def one(name: str) -> Account:
        async with gate:
            return await Account(base, connections).register(name)

    return list(await asyncio.gather(*(one(name) for name in names)))
