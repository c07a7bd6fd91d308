"""Somebody who sends what no client would: any content, encrypted or in the open, and files that are not what they claim."""

import base64
import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from tests.browser.nio_side import NioSide


class HostileSide(NioSide):
    async def do_send(self, line: str) -> str:
        """`{"type", "content"}`, encrypted; return the event ID."""
        event = json.loads(line)
        return await self.device.send(self._room, event["type"], event["content"])

    async def do_send_open(self, line: str) -> str:
        """The same in the open, into the encrypted room."""
        event = json.loads(line)
        room, kind = quote(self._room, safe=""), quote(event["type"], safe="")
        path = f"/_matrix/client/v3/rooms/{room}/send/{kind}/{uuid4()}"
        headers = {"Authorization": f"Bearer {self.device.client.access_token}"}
        async with (
            aiohttp.ClientSession(self._base, headers=headers) as session,
            session.put(path, json=event["content"]) as answer,
        ):
            body: dict[str, Any] = await answer.json()
        return str(body.get("event_id") or body["errcode"])

    async def do_upload(self, data: str) -> str:
        """Upload bytes, given in base64, as ciphertext; return the `file` of an event."""
        return json.dumps(await self.device.upload_encrypted(base64.b64decode(data), "file"))
