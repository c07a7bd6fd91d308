"""The listening sockets: bound by the supervisor, or handed over by systemd (socket activation)."""

import os
import socket
from collections.abc import Iterable

from zajil.main.console import ServeError
from zajil.ports.configuration import Config

LISTEN_BACKLOG = 4096
ACCEPTED_AT_ONCE = 16
"""Connections that a listening socket accepts in one round of the event loop. In vain it tries as often when only one has come, which costs 15 µs."""
ACTIVATION_FD_FIRST = 3
"""Where systemd puts the sockets it hands over (sd_listen_fds(3))."""


def open_sockets(config: Config) -> list[socket.socket]:
    """Bind every address of the configuration. Raises `ServeError`."""
    sockets: list[socket.socket] = []
    for host, port in config.addresses:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind, protocol)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(LISTEN_BACKLOG)
        except OSError as error:
            for each in sockets:
                each.close()
            reason = error.strerror or str(error)
            raise ServeError(f"Cannot listen on {host}:{port}: {reason}. Choose another with --bind.") from None
        sockets.append(listener)
    return sockets


def take_activated_sockets() -> list[socket.socket]:
    """The sockets that systemd has opened for this process; none when it was started in another way. Raises `ServeError`."""
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "0")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    sockets = []
    for fd in range(ACTIVATION_FD_FIRST, ACTIVATION_FD_FIRST + int(count)):
        os.set_inheritable(fd, False)
        listener = socket.socket(fileno=fd)
        if listener.type != socket.SOCK_STREAM or listener.family not in (socket.AF_INET, socket.AF_INET6):
            raise ServeError("systemd has handed over a socket that is not TCP: ListenStream= must name addresses.")
        listener.listen(LISTEN_BACKLOG)  # systemd's own backlog is shorter
        sockets.append(listener)
    return sockets


def describe_socket(listener: socket.socket) -> str:
    """HOST:PORT of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def multiply(listeners: Iterable[socket.socket]) -> list[socket.socket]:
    """The same sockets under more numbers each.

    libuv accepts one connection of each number in a round of the event loop. When thousands come back at once a round takes milliseconds, and
    whoever connects then, to send a message, would wait for seconds until all who came before are accepted.
    """
    return [each for one in listeners for each in (one, *(one.dup() for _ in range(ACCEPTED_AT_ONCE - 1)))]
