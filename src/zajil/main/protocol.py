"""HTTP connections with bounds that uvicorn itself does not set: size and duration of a request's head."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_SIZE_MAX = 64 * 1024
HEAD_DURATION_S_MAX = 20.0
HEADERS_MAX = 200


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers are too long or take too long (slow loris)."""

    head_timer: asyncio.TimerHandle | None = None
    head_size = 0
    in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_timer = self.loop.call_later(HEAD_DURATION_S_MAX, self.on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self.cancel_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.in_head:
            # Counts a body's first bytes too when they come with the head; the socket's reads are bounded.
            self.head_size += min(len(data), HEAD_SIZE_MAX // 4)
            if self.head_size > HEAD_SIZE_MAX:
                self.refuse(431, "The request's headers are too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head = True
        self.head_size = 0
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_DURATION_S_MAX, self.on_head_timeout)

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= HEADERS_MAX:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.cancel_head_timer()
        super().on_headers_complete()

    def on_head_timeout(self) -> None:
        self.head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def cancel_head_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def send_400_response(self, msg: str) -> None:
        self.refuse(400, "This is not a valid HTTP request.")

    def refuse(self, status: int, text: str) -> None:
        if self.transport.is_closing():
            return
        body = json.dumps({"errcode": "M_UNKNOWN", "error": text}).encode()
        head: list[Any] = [STATUS_LINE[status], b"content-type: application/json\r\naccess-control-allow-origin: *\r\n"]
        self.transport.write(
            b"".join(head) + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body
        )
        self.transport.close()
