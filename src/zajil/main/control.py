"""The supervisor's own door: a socket in the data folder, through which `zajil reload` asks and is answered.

One line of JSON each way. Who can enter the data folder may ask.
"""

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

CONTROL_FILE = "zajil.control"
LINE_SIZE_MAX = 4096
CLIENTS_MAX = 16
PAUSE_S = 0.1


class ControlError(Exception):
    """The server's supervisor cannot be asked; the text is for the operator."""


class ControlDoor:
    """The supervisor's end."""

    def __init__(self, listener: socket.socket | None) -> None:
        self.listener = listener
        self.clients: list[socket.socket] = []
        """Asked nothing yet."""

    @classmethod
    def open(cls, data: Path) -> "ControlDoor":
        """On a disk that takes no new files there is no door, and signals must do."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short_path(data) as path:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                listener.bind(str(path))
                path.chmod(0o600)
            listener.listen(CLIENTS_MAX)
            listener.setblocking(False)
        except OSError:
            listener.close()
            return cls(None)
        return cls(listener)

    def sockets(self) -> list[socket.socket]:
        return [*([] if self.listener is None else [self.listener]), *self.clients]

    def accept(self) -> None:
        """Let the next one in. Who cannot be let in, for want of file descriptors, stays at the door, which must not keep the processor busy."""
        assert self.listener is not None
        try:
            client, _ = self.listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            time.sleep(PAUSE_S)
            return
        client.setblocking(False)
        if len(self.clients) >= CLIENTS_MAX:
            self.clients.pop(0).close()
        self.clients.append(client)

    def read(self, client: socket.socket) -> str | None:
        """What this client asks; None when nothing (yet, or ever). It is no longer among `clients` when it has asked."""
        try:
            text = client.recv(LINE_SIZE_MAX)
        except BlockingIOError:
            return None
        except OSError:
            text = b""
        self.clients.remove(client)
        if not text.endswith(b"\n"):
            client.close()
            return None
        return text.decode("utf-8", "replace").strip()

    def close(self) -> None:
        for each in self.sockets():
            each.close()


def answer(client: socket.socket, content: dict[str, Any]) -> None:
    """Answer a client and let it go."""
    with contextlib.suppress(OSError):
        client.send(json.dumps(content).encode() + b"\n")
    client.close()


def ask_supervisor(data: Path, question: str, timeout_s: float) -> dict[str, Any]:
    """Ask the supervisor of a data folder. Raises `ControlError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            with _short_path(data) as path:
                client.connect(str(path))
            client.sendall(question.encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                part = client.recv(LINE_SIZE_MAX)
                if not part:
                    raise ControlError("the server ended before it answered; its log says why")
                text += part
        except TimeoutError:
            raise ControlError(f"the server did not answer within {timeout_s:.0f} s") from None
        except (FileNotFoundError, ConnectionRefusedError):
            raise ControlError(f"no server is running with the data folder {data}") from None
        except OSError as error:
            raise ControlError(f"the server cannot be asked: {error.strerror or error}") from None
    content: dict[str, Any] = json.loads(text)
    return content


@contextlib.contextmanager
def _short_path(data: Path) -> Any:
    """A name of the socket that fits into the 108 bytes which the system has for it, wherever the folder is."""
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{folder}") / CONTROL_FILE
    finally:
        os.close(folder)
