"""Signals to the supervisor, as bytes on a socket that its loop waits on."""

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@contextlib.contextmanager
def wakeups() -> Iterator[socket.socket]:
    """A socket on which the number of every handled signal arrives as one byte."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)

    def handle(number: int, frame: FrameType | None) -> None:
        """The number travels through the wake-up socket; nothing to do here."""

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    wakeup_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


def block_signals() -> None:
    """Keep signals for later. The mask survives exec(2), so none is lost or deadly before the next version has its handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
