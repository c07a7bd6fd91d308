"""A real server with its watcher, and what its status says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import ROOT, Server, build_zajil, find_place

PACE = int(os.environ.get("ZAJIL_TEST_STATUS_PACE", "20"))
"""Percent of the usual waiting times; 100 tests what operators have, and takes a quarter of an hour."""
INTERVAL_S = 10 if PACE == 100 else 1
CAUSE_S_MAX, END_S_MAX = (20, 60) if PACE == 100 else (300, 300)
"""What is promised, where it is measured; else only what hangs takes so long."""


@contextmanager
def run_watched(
    folder: Path, *, env: dict[str, str] | None = None, port: int | None = None, **options: str
) -> Iterator[WatchedServer]:
    """A server whose watcher waits less than usual; it is healthy when the block begins."""
    defaults = {
        "status": "on",
        "status_copy": str(folder / "copy"),
        "status_pace_percent": str(PACE),
        "status_canary_interval_s": str(INTERVAL_S),
        "status_disk_reserve": "1M",
        "status_notices": "off",
    }
    server = build_zajil(folder, env=env, port=port, **{**defaults, **options})
    watched = WatchedServer(server, folder / "copy")
    try:
        server.start()
        watched.wait_for(lambda _: watched.is_well(), 300)
        yield watched
    finally:
        server.kill()


class WatchedServer:
    """The status is read from the copy, which is there even when the server is not."""

    def __init__(self, server: Server, copy: Path) -> None:
        self.server = server
        self.copy = copy
        self.load: Callable[[str], bytes] = lambda name: (copy / name).read_bytes()
        """A file of the copy, wherever that is."""

    def read(self) -> dict[str, Any]:
        try:
            status: dict[str, Any] = json.loads(self.load("status.json"))
        except FileNotFoundError:
            return {"delivery_ms": {"p50": None}, "incidents": [], "past_incidents": [], "state": "unknown"}
        return status

    def is_well(self) -> bool:
        """Whether the canary has been there and back, and nothing is wrong."""
        with self.fetch("/status.json") as answer:
            status = json.loads(answer.read())
        return status["delivery_ms"]["p50"] is not None and not status["incidents"]

    def fetch(self, path: str, **headers: str) -> Any:
        request = urllib.request.Request(self.server.base + path, headers=headers)
        return urllib.request.urlopen(request, timeout=120)

    def wait_for_page(self, text: str, **headers: str) -> str:
        """The status page as a worker shows it, once it has this text: workers are told first, and listen when they can."""

        def shows() -> str:
            with self.fetch("/status", **headers) as answer:
                return str(answer.read().decode())

        self.wait_for(lambda _: text in shows(), CAUSE_S_MAX)
        return shows()

    def call(self, method: str, path: str, body: Any, token: str = "") -> Any:
        """A request to the server; returns the answer's JSON."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.server.base + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def register(self, name: str) -> dict[str, Any]:
        body = {"username": name, "password": "long enough to be one", "auth": {"type": "m.login.dummy"}}
        answer: dict[str, Any] = self.call("POST", "/_matrix/client/v3/register", body)
        return answer

    def wait_for(self, holds: Callable[[dict[str, Any]], bool], wait_s: float) -> float:
        """Seconds until the status is so."""
        began = time.monotonic()
        while not holds(status := self.read()):
            told = json.dumps(status, ensure_ascii=False)[-3000:]
            assert time.monotonic() - began < wait_s, f"{told}\n{self.server.log_tail()}"
            time.sleep(0.1)
        return time.monotonic() - began

    def wait_for_cause(self, cause: str) -> float:
        return self.wait_for(lambda status: [each["cause"] for each in status["incidents"]] == [cause], CAUSE_S_MAX)

    def wait_for_end(self, cause: str) -> float:
        """Until all is well again, and the incident is told among the earlier ones."""
        took_s = self.wait_for(lambda status: not status["incidents"], END_S_MAX)
        assert cause in [each["cause"] for each in self.read()["past_incidents"]]
        return took_s

    def find_worker(self) -> int | None:
        """The process that answers requests."""
        found = subprocess.run(
            ["ps", "--ppid", str(self.server.pid), "-o", "pid=,args="], capture_output=True, text=True, check=False
        )
        for line in found.stdout.splitlines():
            if "zajil.main.worker" in line:
                return int(line.split()[0])
        return None

    def command(self, *words: str) -> str:
        """Run a command of the operator; returns what it prints."""
        command = [sys.executable, "-m", "zajil.main.cli", *words, *find_place(self.server)]
        env = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
