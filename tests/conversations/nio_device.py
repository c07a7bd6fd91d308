"""One device driven by matrix-nio, syncing in the background; every wait is bounded and says what it saw instead."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import nio
from nio.crypto.attachments import decrypt_attachment
from nio.crypto.device import OlmDevice

WAIT_SECONDS_MAX = 30.0
SYNC_TIMEOUT_MS = 10_000
DEVICE_NAME = "conversation test"

T = TypeVar("T")


class NioFailed(AssertionError):
    """The server answered a request of matrix-nio with an error."""


def check_answer(answer: Any) -> Any:
    if isinstance(answer, nio.ErrorResponse):
        raise NioFailed(f"{type(answer).__name__}: {answer.status_code} {answer.message}")
    return answer


class NioDevice:
    def __init__(self, base: str, store: Path, tls: ssl.SSLContext | None = None) -> None:
        store.mkdir(parents=True)
        config = nio.AsyncClientConfig(encryption_enabled=True, max_timeouts=0, max_limit_exceeded=0)
        self.client = nio.AsyncClient(base, "", store_path=str(store), config=config, ssl=tls)
        self.timeline: list[tuple[str, nio.Event]] = []
        self.verifications: list[nio.KeyVerificationEvent] = []
        self.syncing: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()

    @property
    def user_id(self) -> str:
        return str(self.client.user_id)

    @property
    def device_id(self) -> str:
        return str(self.client.device_id)

    async def register(self, name: str, password: str) -> None:
        check_answer(await self.client.register(name, password, DEVICE_NAME))
        await self.start()

    async def start(self) -> None:
        self.client.add_event_callback(self._on_event, nio.Event)  # type: ignore[arg-type]
        self.client.add_to_device_callback(self._on_verification, (nio.KeyVerificationEvent,))  # type: ignore[arg-type]
        self.client.add_response_callback(self._on_response)  # type: ignore[arg-type]
        self.syncing = asyncio.create_task(self.client.sync_forever(timeout=SYNC_TIMEOUT_MS, full_state=True))
        await self.wait_for(
            lambda: bool(self.client.next_batch) and not self.client.should_upload_keys, "the first sync"
        )

    async def close(self) -> None:
        if self.syncing is not None:
            self.syncing.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self.syncing
        await self.client.close()

    async def _on_event(self, room: nio.MatrixRoom, event: nio.Event) -> None:
        self.timeline.append((room.room_id, event))

    async def _on_verification(self, event: nio.KeyVerificationEvent) -> None:
        self.verifications.append(event)

    async def _on_response(self, response: Any) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, find: Callable[[], T], what: str) -> T:
        """Return the first truthy result of `find`, asked again after every response of the server."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
        while not (found := find()):
            if self.syncing is not None and self.syncing.done():
                raise AssertionError(
                    f"{self.user_id} waited for {what}, but its sync loop ended: {self.syncing.exception()!r}"
                )
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with self._changed:
                    await asyncio.wait_for(self._changed.wait(), max(left, 0.001))
            except TimeoutError:
                raise AssertionError(
                    f"{self.user_id} waited {WAIT_SECONDS_MAX:.0f} s for {what}; it saw: {self.describe_timeline()}"
                ) from None
        return found

    def describe_timeline(self) -> str:
        return "\n  ".join(["", *(f"{room} {event.sender} {event}" for room, event in self.timeline[-20:])])

    def find_events(self, room_id: str, kind: type[T], keep: Callable[[T], bool] = lambda _: True) -> list[T]:
        return [event for room, event in self.timeline if room == room_id and isinstance(event, kind) and keep(event)]

    async def wait_for_event(
        self, room_id: str, kind: type[T], what: str, keep: Callable[[T], bool] = lambda _: True
    ) -> T:
        found = await self.wait_for(lambda: self.find_events(room_id, kind, keep), what)
        return found[0]

    async def wait_for_text(self, room_id: str, body: str) -> nio.RoomMessageText:
        return await self.wait_for_event(
            room_id, nio.RoomMessageText, f"the text {body!r}", lambda event: event.body == body
        )

    async def create_encrypted_room(self, invite: list[str], *, direct: bool = False) -> str:
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        answer = check_answer(
            await self.client.room_create(
                preset=nio.RoomPreset.trusted_private_chat if direct else nio.RoomPreset.private_chat,
                is_direct=direct,
                invite=invite,
                initial_state=[encryption],
            )
        )
        room_id = str(answer.room_id)
        await self.wait_for(
            lambda: room_id in self.client.rooms and self.client.rooms[room_id].encrypted, "its own room"
        )
        return room_id

    async def accept_invite(self, room_id: str) -> None:
        await self.wait_for(lambda: room_id in self.client.invited_rooms, f"the invitation to {room_id}")
        check_answer(await self.client.join(room_id))
        await self.wait_for(
            lambda: room_id in self.client.rooms and self.client.rooms[room_id].encrypted, "the joined room"
        )

    async def wait_for_members(self, room_id: str, user_ids: set[str]) -> None:
        """Wait until every one of `user_ids` is joined and has a device this one can encrypt to."""

        def ready() -> bool:
            room = self.client.rooms[room_id]
            joined = {user_id for user_id in room.users if not room.users[user_id].invited}
            known = all(list(self.client.device_store.active_user_devices(user)) for user in user_ids - {self.user_id})
            return user_ids <= joined and known

        await self.wait_for(ready, f"{sorted(user_ids)} joined to {room_id} with their devices known")

    async def send(self, room_id: str, kind: str, content: dict[str, Any]) -> str:
        answer = await self.client.room_send(room_id, kind, content, ignore_unverified_devices=True)
        return str(check_answer(answer).event_id)

    async def send_text(self, room_id: str, body: str, **content: Any) -> str:
        return await self.send(room_id, "m.room.message", {"msgtype": "m.text", "body": body, **content})

    async def load_stored_event(self, room_id: str, event_id: str) -> dict[str, Any]:
        """The event as the server holds it (nio itself would decrypt it)."""
        path = f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/event/{quote(event_id, safe='')}"
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        answer = await self.client.send("GET", path, headers=headers)
        body: dict[str, Any] = await answer.json()
        assert answer.status == 200, f"GET {path}: {answer.status} {body}"
        return body

    def find_device(self, user_id: str, device_id: str) -> OlmDevice:
        device: OlmDevice = self.client.device_store[user_id][device_id]
        return device

    async def upload_encrypted(self, data: bytes, filename: str) -> dict[str, Any]:
        """Upload a file as ciphertext; return the `file` of its event."""
        answer, keys = await self.client.upload(
            lambda *_: io.BytesIO(data), "image/png", filename, encrypt=True, filesize=len(data)
        )
        check_answer(answer)
        assert keys is not None
        return {**keys, "url": answer.content_uri}

    async def download_encrypted(self, event: nio.RoomEncryptedMedia) -> bytes:
        answer = check_answer(await self.client.download(event.url))
        return decrypt_attachment(answer.body, event.key["k"], event.hashes["sha256"], event.iv)
