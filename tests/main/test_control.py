"""The supervisor's own door."""

from __future__ import annotations

import os
import resource
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from zajil.main.control import CONTROL_FILE, PAUSE_S, ControlDoor

WATCHED_S = 1.0


def stay_at_the_door(data: Path) -> int:
    """How often the supervisor's loop would go round in a second for somebody who cannot be let in."""
    door = ControlDoor.open(data)
    assert door.listener is not None
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(data / CONTROL_FILE))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, most))
    rounds, began = 0, time.monotonic()
    while time.monotonic() < began + WATCHED_S:
        assert select.select(door.sockets(), [], [], 0)[0]
        door.accept()
        rounds += 1
    assert not door.clients
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    door.accept()
    assert len(door.clients) == 1, "with room again, whoever stood at the door is let in"
    return rounds


def test_who_cannot_be_let_in_does_not_keep_the_processor_busy(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"from {__name__} import *; print(stay_at_the_door(Path({str(tmp_path)!r})))"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert 1 <= int(done.stdout) <= WATCHED_S / PAUSE_S + 1
