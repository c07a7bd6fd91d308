"""A server inside the test's own process, and a client that calls its ASGI application directly.

    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        answer = await anna.put("/_matrix/client/v3/profile/…", {"displayname": "Anna"})
        assert answer.status == 200 and answer.body == {}

Everything but the socket is real: configuration, composition, the SQLite file. Paths are sent as they are: quote them yourself (`q`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from zajil.http.asgi import AsgiApp
from zajil.main.composition import build_app
from zajil.ports.configuration import Config
from zajil.services.app import App

PASSWORD = "correct horse battery"


def q(text: str) -> str:
    """One path segment."""
    return quote(text, safe="")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def errcode(self) -> str:
        """The Matrix error code; empty when there is none."""
        return self.body.get("errcode", "") if self.raw.startswith(b"{") else ""

    def ok(self) -> Any:
        """The body, which must be a success."""
        assert self.status == 200, (self.status, self.raw)
        return self.body


@dataclass
class Client:
    """Somebody who makes requests, logged in or not."""

    server: InProcessServer
    access_token: str | None = None
    user_id: str = ""
    device_id: str = ""
    refresh_token: str | None = None
    ip: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request; `body` is JSON, or bytes as they are."""
        payload = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        path, _, query = path.partition("?")
        headers = {"content-length": str(len(payload)), **self.headers}
        if self.access_token is not None:
            headers["authorization"] = f"Bearer {self.access_token}"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": (self.ip, 40000),
            "server": ("127.0.0.1", 8008),
        }
        incoming = [{"type": "http.request", "body": payload, "more_body": False}]
        status, answered, chunks = 0, {}, []

        answered_whole = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop(0)
            await answered_whole.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                chunks.append(message.get("body", b""))

        await self.server.asgi(scope, receive, send)
        answered_whole.set()
        return Answer(status, answered, b"".join(chunks))

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def post(self, path: str, body: Any = None) -> Answer:
        return await self.call("POST", path, {} if body is None else body)

    async def put(self, path: str, body: Any = None) -> Answer:
        return await self.call("PUT", path, {} if body is None else body)

    async def delete(self, path: str, body: Any = None) -> Answer:
        return await self.call("DELETE", path, body)

    def password_auth(self, session: str | None = None, password: str = PASSWORD) -> dict[str, Any]:
        """The `auth` of user-interactive authentication by password."""
        identifier = {"type": "m.id.user", "user": self.user_id}
        auth = {"type": "m.login.password", "identifier": identifier, "password": password}
        return auth if session is None else {**auth, "session": session}


@dataclass
class InProcessServer:
    """A running server."""

    asgi: AsgiApp
    app: App

    def client(self, ip: str = "127.0.0.1") -> Client:
        """Somebody who is not logged in."""
        return Client(self, ip=ip)

    async def register(self, username: str | None = None, **fields: Any) -> Client:
        """A new account, logged in. Registration must be open."""
        body = {"username": username, "password": PASSWORD, "auth": {"type": "m.login.dummy"}, **fields}
        return self._logged_in((await self.client().post("/_matrix/client/v3/register", body)).ok())

    async def login(self, user_id: str, **fields: Any) -> Client:
        """Another device of an account."""
        identifier = {"type": "m.id.user", "user": user_id}
        body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD, **fields}
        return self._logged_in((await self.client().post("/_matrix/client/v3/login", body)).ok())

    async def register_admin(self, username: str = "admin") -> Client:
        """The first account, an administrator's."""
        auth = {"type": "m.login.registration_token", "token": self.asgi.setup_token}
        return await self.register(username, auth=auth)

    def _logged_in(self, answer: dict[str, Any]) -> Client:
        return Client(self, answer["access_token"], answer["user_id"], answer["device_id"], answer.get("refresh_token"))


@contextlib.asynccontextmanager
async def running_server(data: Path, **options: Any) -> AsyncIterator[InProcessServer]:
    """A server with a database in `data`. Options are those of `Config`; registration is open and nothing rate-limited unless told."""
    if os.environ.get("ZAJIL_TEST_DATABASE") == "postgres":
        from tests.postgres_server import find_or_make_database

        options.setdefault("database", find_or_make_database(data))
    config = Config(**{"data": data, "registration": "open", "rate_limits": False, **options})
    asgi = build_app(config)
    for step in asgi.startup:
        await step()
    try:
        yield InProcessServer(asgi, asgi.app)
    finally:
        for step in asgi.shutdown:
            await step()
