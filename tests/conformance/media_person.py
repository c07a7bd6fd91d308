"""Somebody who calls the media repository over real HTTP, with paths and headers sent as they are."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from tests.servers import Server
from yarl import URL

UPLOAD = "/_matrix/media/v3/upload"
MEDIA = "/_matrix/client/v1/media"
names = (f"person{number}" for number in itertools.count())


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    json: dict[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json.get("errcode", "")


class Person:
    """A user with a token, making raw requests."""

    def __init__(self, server: Server, session: aiohttp.ClientSession, token: str = "") -> None:
        self.server, self.session, self.token = server, session, token

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        url = URL(self.server.base + path, encoded=True)
        async with self.session.request(
            method, url, data=body, headers=sent, skip_auto_headers=["Content-Type"], allow_redirects=False
        ) as response:
            content = await response.read()
            is_json = response.headers.get("Content-Type") == "application/json" and "ETag" not in response.headers
            answered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, answered, content, await response.json() if is_json and content else {})

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, **headers)

    async def upload(self, content: Any, content_type: str = "", name: str = "") -> str:
        """Upload and return `server/media_id`."""
        query = f"?filename={quote(name)}" if name else ""
        answer = await self.call(
            "POST", UPLOAD + query, content, **({"Content_Type": content_type} if content_type else {})
        )
        assert answer.status == 200, answer
        assert answer.json["content_uri"].startswith("mxc://localhost/")
        return str(answer.json["content_uri"]).removeprefix("mxc://")

    async def thumbnail(self, where: str, query: str) -> Answer:
        return await self.get(f"{MEDIA}/thumbnail/{where}?{query}")


async def register(server: Server, session: aiohttp.ClientSession) -> Person:
    person = Person(server, session)
    body = {"username": next(names), "password": "a long password", "auth": {"type": "m.login.dummy"}}
    async with session.post(f"{server.base}/_matrix/client/v3/register", json=body) as response:
        answer = await response.json()
        assert response.status == 200, answer
    person.token = answer["access_token"]
    return person
