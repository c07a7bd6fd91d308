"""The bus over NATS (core NATS, nothing persistent): at most once, which is all that is asked of it."""

import asyncio
import contextlib
import hashlib
from collections import deque

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from zajil.bus.listeners import Listeners
from zajil.ports.bus import MESSAGE_BYTES_MAX, Listener, Topic

log = structlog.get_logger(__name__)

WAITING_MESSAGES_MAX = 4096
"""While NATS cannot be reached the oldest messages beyond this are dropped."""
CONNECT_S_MAX = 2
RECONNECT_PAUSE_S = 1
PING_INTERVAL_S = 2
CLOSE_S_MAX = 1.0


class NatsBus:
    """`ports.bus.Bus`. Processes with the same `name` (the server's) hear each other."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._prefix = f"zajil.{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        self._listeners = Listeners()
        self._waiting: deque[tuple[Topic, bytes]] = deque(maxlen=WAITING_MESSAGES_MAX)
        self._has_waiting = asyncio.Event()
        self._client: Client | None = None
        self._is_connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def publish(self, topic: Topic, message: bytes) -> None:
        if len(message) <= MESSAGE_BYTES_MAX:
            self._waiting.append((topic, message))
            self._has_waiting.set()

    def subscribe(self, topic: Topic, listener: Listener) -> None:
        self._listeners.add(topic, listener)

    async def start(self) -> None:
        """Tries once before it returns; without success it goes on in the background."""
        self._task = asyncio.create_task(self._run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_S_MAX):
                await self._is_connected.wait()

    async def close(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self._client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_S_MAX):
                    await self._send_waiting(self._client)
                    await self._client.flush()
            with contextlib.suppress(Exception):
                await self._client.close()
            self._client = None

    async def _run(self) -> None:
        self._client = client = await self._connect()
        self._is_connected.set()
        while True:
            await self._has_waiting.wait()
            self._has_waiting.clear()
            try:
                await self._send_waiting(client)
            except Exception as error:
                log.info("a message of the bus was dropped", cause=str(error))

    async def _connect(self) -> Client:
        """Once connected the client reconnects by itself and subscribes again; until then this tries."""
        client = Client()
        while True:
            try:
                await client.connect(
                    self._url,
                    no_echo=True,
                    connect_timeout=CONNECT_S_MAX,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_PAUSE_S,
                    ping_interval=PING_INTERVAL_S,
                    allow_reconnect=True,
                    pending_size=WAITING_MESSAGES_MAX * 1024,
                    error_cb=_ignore_error,
                )
                await self._subscribe(client)
                return client
            except Exception as error:
                log.warning("NATS cannot be reached", cause=str(error) or type(error).__name__)
                with contextlib.suppress(Exception):
                    await client.close()
                client = Client()
            await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _subscribe(self, client: Client) -> None:
        """Returns when NATS knows of it: the client's first `flush` overtakes what waits to be written, the second comes after it."""
        for topic in Topic:
            await client.subscribe(f"{self._prefix}.{topic}", cb=self._receive)
        await client.flush(CONNECT_S_MAX)
        await client.flush(CONNECT_S_MAX)

    async def _send_waiting(self, client: Client) -> None:
        while self._waiting:
            topic, message = self._waiting.popleft()
            await client.publish(f"{self._prefix}.{topic}", message)

    async def _receive(self, message: Msg) -> None:
        topic = Topic(message.subject.rpartition(".")[2])
        if len(message.data) <= MESSAGE_BYTES_MAX:
            self._listeners.call(topic, message.data)


async def _ignore_error(error: Exception) -> None:
    log.info("the connection to NATS is disturbed", cause=str(error) or type(error).__name__)
