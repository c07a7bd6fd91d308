"""A worker as the supervisor sees it: a process, and a socket on which both talk.

A message is one datagram of JSON. The worker reads the end of its socket when the supervisor is gone, however that went, and ends too.
The socket, not an object of the standard library, is what survives when the supervisor executes its next version.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

MESSAGE_SIZE_MAX = 16 * 1024
WORKER = ("-P", "-m", "zajil.main.worker")


class WorkerProcess:
    """One worker, started or taken over from the former supervisor."""

    def __init__(self, pid: int, channel: socket.socket, number: int) -> None:
        self.pid = pid
        self.channel = channel
        self.number = number
        """Which of the workers that serve side by side it is."""
        self.started_at = time.monotonic()
        self.ready: dict[str, str] | None = None
        self.give: socket.socket | None = None
        """The end through which its predecessor gives it its connections, until that has it."""
        self.silent_ticks = 0
        self.end_at = 0.0
        """When it is killed if it has not ended by then; 0: never."""
        self.is_aborted = False
        self.exit_code: int | None = None

    def read(self) -> dict[str, Any] | None:
        """The next message; None when there is none (now, or ever again)."""
        try:
            text = self.channel.recv(MESSAGE_SIZE_MAX)
        except BlockingIOError:
            return None
        except OSError:
            text = b""
        if not text:
            self.close()
            return None
        self.silent_ticks = 0
        message: dict[str, Any] = json.loads(text)
        return message

    def retire(self, give: socket.socket | None) -> bool:
        """Ask it to hand over and end; `give` leads to its successor. False: it does not listen."""
        text = json.dumps({"type": "retire"}).encode()
        try:
            socket.send_fds(self.channel, [text], [] if give is None else [give.fileno()])
        except OSError:
            return False
        return True

    def reap(self) -> bool:
        """Whether it has ended; then `exit_code` says how (negative: by that signal)."""
        if self.exit_code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 256
            if pid == self.pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is not None

    def signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            os.kill(self.pid, number)

    def close(self) -> None:
        self.channel.close()
        self.close_give()

    def close_give(self) -> None:
        if self.give is not None:
            self.give.close()
            self.give = None

    @property
    def is_listening(self) -> bool:
        return self.channel.fileno() >= 0


def start_worker(
    number: int, sockets: Sequence[socket.socket], lock: int, options: Sequence[str], *, replaces: bool
) -> WorkerProcess:
    """Start a worker on these sockets; one that replaces another gets an end through which that gives it its connections.

    Raises `OSError` when the system has no process or file for it.
    """
    channel, own_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    give, take = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) if replaces else (None, None)
    command = [sys.executable, *WORKER, "--number", str(number), "--channel", str(own_end.fileno()), *options]
    inherited = [*(each.fileno() for each in sockets), lock, own_end.fileno()]
    for each in sockets:
        command += ["--fd", str(each.fileno())]
    if take is not None:
        command += ["--take", str(take.fileno())]
        inherited.append(take.fileno())
    # Onto itself: that is how posix_spawn is told to let a child inherit a file.
    actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in inherited]
    actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
    try:
        pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsigmask=[])
    finally:
        own_end.close()
        if take is not None:
            take.close()
    channel.setblocking(False)
    worker = WorkerProcess(pid, channel, number)
    worker.give = give
    return worker


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
