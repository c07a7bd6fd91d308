"""Links between servers that can be cut one by one, on real sockets: every server is known by a port of ours, and who calls there is seen by the process
that the calling socket belongs to (Linux: /proc)."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.federation.peers import Authority, TlsServer, build_peer

UNKNOWN = ""
LOOKS_MAX = 20
LOOK_S = 0.02


class Links:
    """The ways from each server to each other one."""

    def __init__(self) -> None:
        self.servers: dict[str, TlsServer] = {}
        self.cut_off: set[tuple[str, str]] = set()
        """(who calls, who is called), by server name."""
        self.refused = 0
        """Connections that were broken off or not let through."""
        self._open: dict[socket.socket, tuple[str, str]] = {}
        self._listeners: list[socket.socket] = []

    def build_server(self, folder: Path, authority: Authority) -> TlsServer:
        """A server that others reach through here."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._listeners.append(listener)
        name = f"localhost:{listener.getsockname()[1]}"
        server = self.servers[name] = build_peer(folder, authority, name)
        threading.Thread(target=self._accept, args=(listener, name, server.port), daemon=True).start()
        return server

    def cut(self, *pairs: tuple[str, str]) -> None:
        """Cut these links in both directions, and no others. What is open on them breaks off."""
        self.cut_off = {pair for one, other in pairs for pair in ((one, other), (other, one))}
        for each, pair in list(self._open.items()):
            if pair in self.cut_off:
                self.refused += 1
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, called: str, port: int) -> None:
        while True:
            try:
                client, address = listener.accept()
            except OSError:
                return
            pair = (self._find_caller(address[1], listener.getsockname()[1]), called)
            try:
                if pair in self.cut_off or pair[0] == UNKNOWN:
                    raise OSError("cut")
                server = socket.create_connection(("127.0.0.1", port))
            except OSError:
                self.refused += 1
                client.close()
                continue
            self._open |= {client: pair, server: pair}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            self._open.pop(each, None)

    def _find_caller(self, port: int, called_port: int) -> str:
        """The server whose process has the socket between these two ports."""
        # The kernel's lists are not read in one moment: while others come and go a line may be missing from them.
        for _ in range(LOOKS_MAX):
            inode = find_inode(port, called_port)
            sessions = {each.pid: name for name, each in self.servers.items() if each.process is not None}
            for pid, session in list_processes():
                if session in sessions and inode is not None and has_socket(pid, inode):
                    return sessions[session]
            time.sleep(LOOK_S)
        return UNKNOWN


def find_inode(port: int, called_port: int) -> str | None:
    """Of the socket on loopback with this local port and this remote one. Alone, a port may be that of several sockets which go to different places."""
    local, remote = f"0100007F:{port:04X}", f"0100007F:{called_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == (local, remote) and fields[9] != "0":
            return fields[9]
    return None


def list_processes() -> Iterator[tuple[int, int]]:
    """(process, its session): a server and its workers are one session."""
    for each in os.listdir("/proc"):
        if each.isdigit():
            with contextlib.suppress(OSError, ValueError):
                yield int(each), os.getsid(int(each))


def has_socket(pid: int, inode: str) -> bool:
    """Whether a process has the socket open."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for each in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.readlink(f"{folder}/{each}") == f"socket:[{inode}]":
                    return True
    return False
