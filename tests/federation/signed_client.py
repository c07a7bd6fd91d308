"""Another server as far as its signature goes: its requests are right, and it is nowhere to be reached."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from tests.client import Answer, Client, InProcessServer

from zajil.core.request_signing import build_request_header
from zajil.core.server_keys import ServerKey
from zajil.core.signing import SigningKey

VALID_UNTIL_MS = 2**52


class SignedClient:
    """Calls a server in the name of another one, whose key it knows after `introduce`."""

    def __init__(self, server: InProcessServer, name: str) -> None:
        self.server = server
        self.name = name
        self.key = SigningKey(hashlib.sha256(name.encode()).digest(), "ed25519:a_test")

    async def introduce(self) -> SignedClient:
        app = self.server.app
        key = ServerKey(self.name, self.key.key_id, self.key.public_key, VALID_UNTIL_MS)
        await app.db.write(lambda tx: app.stores.server_keys.store_keys(tx, [key], b"{}", 1))
        return self

    def sign(self, method: str, path: str, content: dict[str, Any] | None) -> str:
        """The header of a request."""
        return build_request_header(method, path, self.name, self.server.app.server_name, content, self.key)

    async def call(self, method: str, path: str, content: dict[str, Any] | None = None) -> Answer:
        client = Client(self.server)
        client.headers["authorization"] = self.sign(method, path, content)
        return await client.call(method, path, None if content is None else orjson.dumps(content))
