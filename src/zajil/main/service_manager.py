"""Telling systemd how the server is (sd_notify(3)); says nothing when nobody listens."""

import contextlib
import os
import socket
import time


def notify(*lines: str) -> None:
    """Send state to the service manager that started this process, if one did."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return
    address = "\0" + place[1:] if place.startswith("@") else place
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        sender.sendto("\n".join(lines).encode(), address)


def notify_ready(status: str) -> None:
    notify("READY=1", f"STATUS={status}")


def notify_reloading() -> None:
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Replacing the workers")
