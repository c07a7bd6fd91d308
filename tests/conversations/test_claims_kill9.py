"""`kill -9` while one-time keys are claimed: whatever happens, no key is handed out twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from tests.conversations.test_kill9 import choose_seed
from tests.servers import Server, build_zajil

KEYS, CLAIMERS, KILLS = 400, 4, 3
V3 = "/_matrix/client/v3"


class Claimers:
    """Devices that claim from one device as fast as they can, across restarts."""

    def __init__(self, base: str, connections: aiohttp.ClientSession) -> None:
        self.base = base
        self.connections = connections
        self.given: Counter[str] = Counter()
        self.is_empty = False

    async def post(self, path: str, token: str | None, body: dict[str, Any]) -> dict[str, Any]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.connections.post(f"{self.base}{V3}{path}", json=body, headers=headers) as answer:
            content = await answer.json()
            assert answer.status == 200, content
            return content  # type: ignore[no-any-return]

    async def register(self, name: str) -> dict[str, Any]:
        auth = {"type": "m.login.dummy"}
        return await self.post("/register", None, {"username": name, "password": "correct horse", "auth": auth})

    async def claim_until_empty(self, token: str, body: dict[str, Any]) -> None:
        while not self.is_empty:
            try:
                answer = await self.post("/keys/claim", token, body)
            except (aiohttp.ClientError, ConnectionError):
                await asyncio.sleep(0.02)
                continue
            found = [name for devices in answer["one_time_keys"].values() for keys in devices.values() for name in keys]
            self.given.update(found)
            self.is_empty = not found
            await asyncio.sleep(0.005)


async def kill_and_restart(server: Server, chance: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        server.kill()
        await asyncio.to_thread(server.start)


async def test_no_key_is_handed_out_twice(tmp_path: Path) -> None:
    chance = random.Random(choose_seed())
    server = build_zajil(tmp_path).start()
    try:
        async with aiohttp.ClientSession() as connections:
            claimers = Claimers(server.base, connections)
            anna = await claimers.register("anna")
            keys = {f"curve25519:K{number}": f"key {number}" for number in range(KEYS)}
            await claimers.post("/keys/upload", anna["access_token"], {"one_time_keys": keys})
            body = {"one_time_keys": {anna["user_id"]: {anna["device_id"]: "curve25519"}}}
            tokens = [(await claimers.register(f"claimer{number}"))["access_token"] for number in range(CLAIMERS)]
            tasks = [asyncio.create_task(claimers.claim_until_empty(token, body)) for token in tokens]
            await kill_and_restart(server, chance)
            # The device, whose upload's answer may have been lost for all it knows, uploads again.
            await claimers.post("/keys/upload", anna["access_token"], {"one_time_keys": keys})
            await asyncio.wait_for(asyncio.gather(*tasks), 60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
    assert set(claimers.given.values()) == {1}, "a key was handed out twice"
    lost = KEYS - len(claimers.given)
    assert lost <= KILLS * CLAIMERS, f"{lost} keys vanished, more than could have been on their way when it was killed"
