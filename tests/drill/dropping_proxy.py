"""A proxy that keeps one acknowledged message from one of its readers: a drill through it has to notice."""

import asyncio
import json
import threading
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

DROPPED_AFTER = 20


class DroppingProxy:
    """Passes requests to `target`; takes the same event out of every answer to one user's syncs, once chosen."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.port = 0
        self.dropped: str | None = None
        self._victim: str | None = None
        self._passed: set[tuple[str, str]] = set()
        """(user, event ID): a user has several devices, and what one of them has got is not to be chosen."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> "DroppingProxy":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        self._session = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=60), auto_decompress=False)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]

    async def _pass(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")}
        url = self.target + request.raw_path
        async with self._session.request(request.method, url, data=await request.read(), headers=headers) as answer:
            body = await answer.read()
            if request.path.endswith("/sync") and answer.status == 200:
                body = self._take_out(request.headers.get("authorization", ""), body)
            passed = {"content-type": answer.headers.get("content-type", "")}
            if "retry-after" in answer.headers:
                passed["retry-after"] = answer.headers["retry-after"]
            return web.Response(body=body, status=answer.status, headers=passed)

    def _take_out(self, user: str, body: bytes) -> bytes:
        content: dict[str, Any] = json.loads(body)
        for room in content.get("rooms", {}).get("join", {}).values():
            events = room.get("timeline", {}).get("events", [])
            messages = [event["event_id"] for event in events if event["type"] == "m.room.message"]
            fresh = [each for each in messages if (user, each) not in self._passed]
            if fresh and self.dropped is None and len(self._passed) > DROPPED_AFTER:
                self.dropped, self._victim = fresh[0], user
            self._passed.update((user, each) for each in messages)
            if user == self._victim:
                room["timeline"]["events"] = [event for event in events if event["event_id"] != self.dropped]
        return json.dumps(content).encode()
