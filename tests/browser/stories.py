"""Runs a script of web/tests/browser against a server and answers what it asks the server to do."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.servers import ROOT, Server, build_zajil_command, find_place

STORIES: Final = ROOT / "web" / "tests" / "browser"
CLIENT: Final = ROOT / "src" / "zajil" / "http" / "web_client" / "index.html"
STORY_SECONDS_MAX: Final = 240
LOOKED_AT: Final = {"url_previews": "on", "outbound_allow": "127.0.0.1"}
"""What a server needs so that all screens can be seen (`look.ts`): a message there links to a page of this machine."""


def find_chromium() -> str:
    """The browser. Skips the test, with what to do, where something is missing."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed; as root: apt install chromium")
    if not CLIENT.exists() or not (ROOT / "web" / "node_modules" / "playwright-core").exists():
        pytest.skip("The web client is not built; make test builds it")
    return chromium


def find_node() -> str:
    return str(Path(os.environ.get("ZAJIL_NODE", ROOT / ".venv" / "bin" / "node")))


def move(server: Server, action: str) -> str:
    """Do with the server what the story asks for; the answer is a line."""
    try:
        if action == "start":
            server.start()
        elif action == "kill":
            server.kill()
        else:
            server.stop()
    except Exception as error:  # the story fails with it
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    return "done"


def run_story(
    server: Server,
    name: str,
    link: str = "",
    *,
    other: Callable[[str], str] | None = None,
    seconds_max: float = STORY_SECONDS_MAX,
    follow: bool = False,
    **settings: str,
) -> str:
    """Run web/tests/browser/<name>.ts to its end and return what it printed; fails with it. `other` does what the story asks of another client.

    With `follow` what it prints is shown at once.
    """
    environment = {
        **os.environ,
        "ZAJIL_CHROMIUM": find_chromium(),
        "ZAJIL_STORY_BASE": f"http://localhost:{server.port}",  # a name that browsers take for secure
        "ZAJIL_STORY_LINK": link,
        "ZAJIL_STORY_CLI": json.dumps(build_zajil_command()),
        "ZAJIL_STORY_PLACE": json.dumps(find_place(server)),
        **server.env,
        **settings,
    }
    process = subprocess.Popen(
        [find_node(), str(STORIES / f"{name}.ts")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    timer = threading.Timer(seconds_max, process.kill)
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if follow:
                print(line, end="", flush=True)
            if line.startswith("@@server "):
                process.stdin.write(move(server, line.split()[1]) + "\n")
                process.stdin.flush()
            elif line.startswith("@@other ") and other is not None:
                process.stdin.write(other(line.removeprefix("@@other ").rstrip("\n")) + "\n")
                process.stdin.flush()
        status = process.wait()
    finally:
        timer.cancel()
        process.kill()
    assert status == 0, f"{name} ended with {status}:\n{''.join(lines)}\n{server.log_tail()}"
    return "".join(lines)
