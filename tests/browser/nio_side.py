"""The other side of a chat with the web client: matrix-nio in this process, told by a story what to do, one line at a time."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import nio
from tests.conversations.nio_device import NioDevice

DO_SECONDS_MAX: Final = 60.0
PICTURE: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c63606060f80f0001040100a5f1a5d70000000049454e44ae426082"
)


class NioSide:
    """One account with one device, in an event loop of its own: the story's lines come from another thread."""

    def __init__(self, base: str, store: Path) -> None:
        self._base = base
        self._store = store
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._room = ""
        self._sent = ""
        self.device: NioDevice

    def do(self, line: str) -> str:
        """Do what the line says, `name` or `name words`; return what the story gets to read, in one line."""
        name, _, words = line.partition(" ")
        step: Callable[[str], Awaitable[str]] = getattr(self, f"do_{name}")
        try:
            done = asyncio.run_coroutine_threadsafe(_as_coroutine(step(words)), self._loop)
            return done.result(DO_SECONDS_MAX) or "done"
        except Exception as error:  # the story fails with it
            return f"{type(error).__name__}: {error}".replace("\n", " ")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.device.close(), self._loop).result(DO_SECONDS_MAX)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def do_register(self, name: str) -> str:
        self.device = NioDevice(self._base, self._store)
        await self.device.register(name, "four random words here")
        return ""

    async def do_accept(self, _: str) -> str:
        invited = self.device.client.invited_rooms
        self._room = await self.device.wait_for(lambda: next(iter(invited), ""), "an invitation")
        await self.device.accept_invite(self._room)
        return ""

    async def do_know(self, user_id: str) -> str:
        await self.device.wait_for_members(self._room, {self.device.user_id, user_id})
        return ""

    async def do_read(self, words: str) -> str:
        """Wait for a message that says this and came encrypted."""
        event = await self.device.wait_for_text(self._room, words)
        assert event.decrypted, "the message was not encrypted"
        return ""

    async def do_write(self, words: str) -> str:
        self._sent = await self.device.send_text(self._room, words)
        return ""

    async def do_edit(self, words: str) -> str:
        content = {"msgtype": "m.text", "body": words}
        relation = {"rel_type": "m.replace", "event_id": self._sent}
        await self.device.send_text(self._room, f"* {words}", **{"m.new_content": content, "m.relates_to": relation})
        return ""

    async def do_react(self, rest: str) -> str:
        """`key words`: react to the message that says these words."""
        key, _, words = rest.partition(" ")
        event = await self.device.wait_for_text(self._room, words)
        relation = {"rel_type": "m.annotation", "event_id": event.event_id, "key": key}
        await self.device.send(self._room, "m.reaction", {"m.relates_to": relation})
        return ""

    async def do_see_reaction(self, key: str) -> str:
        await self.device.wait_for_event(
            self._room,
            nio.ReactionEvent,
            f"the reaction {key}",
            lambda event: event.key == key and event.reacts_to == self._sent,
        )
        return ""

    async def do_redact(self, _: str) -> str:
        await self.device.client.room_redact(self._room, self._sent)
        return ""

    async def do_see_redaction(self, words: str) -> str:
        """Wait until the message that said this was taken back."""
        event = await self.device.wait_for_text(self._room, words)
        await self.device.wait_for_event(
            self._room, nio.RedactionEvent, "the redaction", lambda found: found.redacts == event.event_id
        )
        return ""

    async def do_send_picture(self, name: str) -> str:
        file = await self.device.upload_encrypted(PICTURE, name)
        info = {"w": 1, "h": 1, "mimetype": "image/png", "size": len(PICTURE)}
        content: dict[str, Any] = {"msgtype": "m.image", "body": name, "file": file, "info": info}
        await self.device.send(self._room, "m.room.message", content)
        return ""

    async def do_see_picture(self, _: str) -> str:
        """Wait for an encrypted picture, download and decrypt it; return its first bytes in hexadecimal."""
        event = await self.device.wait_for_event(self._room, nio.RoomEncryptedImage, "an encrypted picture")
        return (await self.device.download_encrypted(event))[:16].hex()


async def _as_coroutine(step: Awaitable[str]) -> str:
    return await step
