"""HTTP connections with bounds that uvicorn itself does not set, and a short way out for answers that are whole."""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from zajil.core.admission_work import Work
from zajil.http.early_refusal import EarlyRefusal, Entered
from zajil.main.lean_connection import LeanEvent, LeanFlow, LeanQueue
from zajil.main.read_turns import ReadTurns

HEAD_SIZE_MAX = 64 * 1024
HEAD_DURATION_S_MAX = 20.0
HEADERS_MAX = 200
BODY_PAUSE_S_MAX = 75.0
"""A client that sends no more of a body for so long is given up; an upload has had its answer before (`UPLOAD_PAUSE_S_MAX`)."""
STATUS_CONNECTIONS_MAX = 32
"""Beyond the limit of connections so many more may ask for the status pages, and for nothing else: that is when people look there."""
STATUS_HEAD_DURATION_S_MAX = 5.0
LINGER_S_MAX = 5.0
CROWDED = "The server has as many connections as it can have. Try again in a moment."
LINGER_SIZE_MAX = 16 * 1024 * 1024
"""Of a refused body so much is read and thrown away: closing at once would take the answer away from a client that is still sending."""


class Refused:
    """Stands where a request's cycle would: this one was answered before it had any."""

    response_complete = True
    keep_alive = True
    message_event = asyncio.Event()


REFUSED = cast(RequestResponseCycle, Refused())


class DefaultLines:
    """The lines of the headers that all answers have. uvicorn makes a new list of them every second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._lines = b""

    def build(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._headers, self._lines = headers, b"".join(b"%b: %b\r\n" % each for each in headers)
        return self._lines


DEFAULT_LINES = DefaultLines()


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers are too long or take too long (slow loris), or whose body stops."""

    # Outside the instance's dict, which is shared between all as long as it has no more than thirty names.
    __slots__ = (
        "body_timer",
        "closes_next",
        "connections_max",
        "has_begun",
        "head_size",
        "head_timer",
        "held",
        "in_body",
        "in_head",
        "is_favoured",
        "is_for_status",
        "is_turned_away",
        "linger_timer",
        "lingered_size",
        "received_size",
        "rests_since_s",
    )
    on_idle: ClassVar[Callable[["BoundedHttpProtocol"], None] | None] = None
    """Is told of every connection that comes to rest, once this process retires."""
    early_refusal: ClassVar[EarlyRefusal | None] = None
    """Says which requests need not go on."""
    turns: ClassVar[ReadTurns | None] = None

    @property
    def is_idle(self) -> bool:
        """Nothing is under way: no byte of a request was read that is not answered."""
        if self.has_begun or self.held or self.pipeline or self.linger_timer is not None or self.transport.is_closing():
            return False
        return self.cycle is None or self.cycle.response_complete

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pipeline = cast("deque[Any]", LeanQueue())
        self.head_timer: asyncio.TimerHandle | None = None
        self.head_size = 0  # of what was parsed
        self.received_size = 0  # since the head began, parsed or not
        self.in_head = True
        self.in_body = False
        self.body_timer: asyncio.TimerHandle | None = None
        self.linger_timer: asyncio.TimerHandle | None = None
        self.lingered_size = 0
        self.has_begun = False  # a request whose end has not come yet
        self.closes_next = False
        """The next answer is the last one on this connection."""
        self.is_for_status = False
        """Made beyond the limit: only the status pages are answered."""
        self.is_turned_away = False
        self.rests_since_s = 0.0
        self.held: list[bytes] = []
        """What was received and has not had its turn."""
        self.is_favoured = False
        """The last request was part of a conversation: the next one may be, too, and is looked at first."""
        # At its limit uvicorn would refuse the requests of everybody, also on connections that it has accepted.
        self.connections_max, self.limit_concurrency = self.limit_concurrency, None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = LeanFlow(transport)
        if self.connections_max is not None and len(self.connections) > self.connections_max:
            # Before all files are used up: then nobody could be told anything, and the database could not open its own.
            if len(self.connections) > self.connections_max + STATUS_CONNECTIONS_MAX:
                self.refuse(503, CROWDED)
                return
            self.is_for_status = self.closes_next = True
        self.start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_head_timer()
        self.stop_body_timer()
        if self.linger_timer is not None:
            self.linger_timer.cancel()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.response_complete:
            # Each knows the other: without this both would have to be searched for.
            self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.linger_timer is not None:
            self.lingered_size += len(data)
            if self.lingered_size > LINGER_SIZE_MAX:
                self.transport.close()
            return
        if self.held:
            self.held.append(data)
            self.flow.pause_reading()
            return
        turns, early = type(self).turns, type(self).early_refusal
        if turns is not None and early is not None and early.is_needed and not self.is_favoured:
            self.held.append(data)
            turns.hold(self, self.loop, was_refused=self.cycle is REFUSED)
            return
        self.receive(data)

    def read_held(self) -> None:
        """Its turn has come."""
        data = b"".join(self.held)
        self.held.clear()
        if self.parser is not None and not self.transport.is_closing():
            self.flow.resume_reading()
            self.receive(data)

    def receive(self, data: bytes) -> None:
        super().data_received(data)
        if self.in_body:  # nearly all bodies come with their heads, and never get here
            self.stop_body_timer()
            self.body_timer = self.loop.call_later(BODY_PAUSE_S_MAX, self.on_body_pause)
        if self.in_head and not self.transport.is_closing():
            self.start_head_timer()  # nearly all heads come in one piece, and need none
            # A single endless header is not parsed before it ends.
            self.received_size += len(data)
            if self.received_size > HEAD_SIZE_MAX:
                self.refuse(431, "The request's headers are too long.")

    def on_message_begin(self) -> None:
        # What uvicorn makes of it is made when the request goes on (`begin_request`): most that are refused never do.
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.has_begun = self.in_head = True
        self.head_size = self.received_size = 0

    def on_url(self, url: bytes) -> None:
        self.count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # What uvicorn's does, in one: it is called several times for every request.
        self.head_size += len(name) + len(value)
        if self.head_size > HEAD_SIZE_MAX or len(self.headers) >= HEADERS_MAX:
            self.head_size = HEAD_SIZE_MAX + 1
            raise ValueError("head too long")
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.in_body = True
        self.stop_head_timer()
        if self.is_for_status and not is_status_request(self.parser.get_method(), self.url):
            self.is_turned_away = True
            raise ValueError("too many connections")
        entered = None
        early = type(self).early_refusal
        if early is not None and early.is_needed and self.may_be_refused_early():
            answer = early.consider(self.parser.get_method(), self.url, self.headers)
            if type(answer) is bytes:
                self.is_favoured = False
                self.refuse_early(answer)
                return
            entered = cast(Entered | None, answer)
            entry = None if entered is None else entered.entry
            self.is_favoured = entry is not None and entry.work <= Work.LIVE_SYNC
        self.begin_request(entered)

    def begin_request(self, entered: Entered | None) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        if entered is not None:
            self.scope["zajil.entered"] = entered  # type: ignore[typeddict-unknown-key]
        try:
            super().on_headers_complete()
        except BaseException:
            if entered is not None and (early := type(self).early_refusal) is not None:
                early.give_up(entered)
            raise
        if self.closes_next:
            self.cycle.keep_alive = False
        if self.cycle is not None:
            self.cycle.message_event = LeanEvent()
            self.scope["zajil.respond"] = partial(respond, self, self.cycle)  # type: ignore[typeddict-unknown-key]

    def on_message_complete(self) -> None:
        self.has_begun = self.in_body = False
        self.stop_body_timer()
        if self.cycle is REFUSED:
            self.on_response_complete()
        super().on_message_complete()
        if self.timeout_keep_alive_task is None and self.is_idle:
            # It was answered before its body had ended.
            self.rest()

    def may_be_refused_early(self) -> bool:
        """Nothing before this request is unanswered, and the client takes its answers."""
        if self.expect_100_continue or self.pipeline or self.flow.write_paused or self.closes_next:
            return False
        if not self.parser.should_keep_alive() or self.parser.should_upgrade():
            return False
        return self.cycle is None or self.cycle.response_complete

    def refuse_early(self, answer: bytes) -> None:
        """Answer now. The body, if there is one, is read and thrown away."""
        self.cycle = REFUSED
        self.transport.write(STATUS_LINE[429] + DEFAULT_LINES.build(self.server_state.default_headers) + answer)

    def on_response_complete(self) -> None:
        # What uvicorn's does, without a timer for every answer.
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self.rest()
        on_idle = type(self).on_idle
        if on_idle is not None:
            # Not before the answer's bytes have had their chance to leave.
            self.loop.call_soon(on_idle, self)

    def _unset_keepalive_if_required(self) -> None:
        """Whether the connection rests is found out when the timer has run (`on_rest_over`), not with everything received."""

    def rest(self) -> None:
        self.rests_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.watch_rest(self.timeout_keep_alive)

    def watch_rest(self, duration_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(duration_s, self.on_rest_over)

    def on_rest_over(self) -> None:
        self.timeout_keep_alive_task = None
        if not self.is_idle:
            return  # the next answer begins anew
        left_s = self.rests_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self.watch_rest(left_s)
        else:
            self.transport.close()

    def stop_body_timer(self) -> None:
        if self.body_timer is not None:
            self.body_timer.cancel()
            self.body_timer = None

    def on_body_pause(self) -> None:
        self.body_timer = None
        # While the application has more than it wants, it is not the client who is slow.
        if self.in_body and not self.flow.read_paused and not self.transport.is_closing():
            self.transport.close()

    def count_head(self, size: int) -> None:
        self.head_size += size
        if self.head_size > HEAD_SIZE_MAX:
            raise ValueError("head too long")

    def start_head_timer(self) -> None:
        if self.head_timer is None:
            duration_s = STATUS_HEAD_DURATION_S_MAX if self.is_for_status else HEAD_DURATION_S_MAX
            self.head_timer = self.loop.call_later(duration_s, self.on_head_timeout)

    def stop_head_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def on_head_timeout(self) -> None:
        self.head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        failure = sys.exc_info()[1]
        if isinstance(failure, MemoryError) or isinstance(getattr(failure, "__context__", None), MemoryError):
            self.refuse(503, "The server is short of memory. Try again soon.")
        elif self.is_turned_away:
            self.refuse(503, CROWDED)
        elif self.head_size > HEAD_SIZE_MAX:
            self.refuse(431, "The request's headers are too long.")
        else:
            self.refuse(400, "This is not a valid HTTP request.")

    def refuse(self, status: int, text: str) -> None:
        if self.transport.is_closing():
            return
        body = json.dumps({"errcode": "M_UNKNOWN", "error": text}).encode()
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: application/json\r\naccess-control-allow-origin: *\r\nconnection: close\r\n"
            + (b"retry-after: 2\r\n" if status == 503 else b"")
            + b"content-length: %d\r\n\r\n" % len(body)
            + body
        )
        self.linger()

    def linger(self) -> None:
        """Close, but first let the client finish sending, so that it gets to read the answer."""
        if self.linger_timer is not None or self.transport.is_closing():
            return
        self.stop_head_timer()
        self.linger_timer = self.loop.call_later(LINGER_S_MAX, self.transport.close)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()


def is_status_request(method: bytes, url: bytes) -> bool:
    """Whether this asks for a page of /status, which needs nothing but memory."""
    path = url.partition(b"?")[0]
    return method in (b"GET", b"HEAD") and (path == b"/status" or path.startswith((b"/status.", b"/status/")))


def respond(
    protocol: BoundedHttpProtocol, cycle: RequestResponseCycle, status: int, headers: bytes, body: bytes
) -> bool:
    """Write a whole answer at once, `headers` being ready lines that the server itself made. False: take the long way.

    ASGI's own messages cost a fifth of a small answer: every header is checked, lower-cased and joined each time.
    """
    if cycle.flow.write_paused or cycle.response_started or cycle.scope["method"] == "HEAD":
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    if status == 413:
        cycle.keep_alive = False
    lines = [STATUS_LINE[status], DEFAULT_LINES.build(cycle.default_headers), headers]
    if not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    lines += (b"\r\n", body)
    cycle.transport.write(b"".join(lines))
    cycle.message_event.set()
    if not cycle.keep_alive:
        if cycle.more_body:
            protocol.linger()
        else:
            cycle.transport.close()
    cycle.on_response()
    return True
