"""Start a real homeserver on a loopback port: Zajil, or Synapse as the peer it is compared with.

`start_zajil` and `start_synapse` return a `Server` that answers.  With ZAJIL_TEST_DATABASE=postgres every
Zajil here runs on PostgreSQL.  With ZAJIL_TEST_SERVER=synapse the conversation tests
run against Synapse instead, which proves the tests themselves right.  Synapse lives in a virtual environment of its own:
ZAJIL_SYNAPSE_VENV (default `.venv-synapse`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0
LOG_TAIL_LINES = 40


class ServerFailed(Exception):
    """The server did not start or stop; the message carries the end of its log."""


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Server:
    """A homeserver in a process group of its own."""

    name: str
    command: list[str]
    port: int
    data: Path
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    start_seconds: float = 0.0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was not started"
        return self.process.pid

    def launch(self) -> None:
        """Start the process without waiting for it to answer."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=build_environment(self.env),
                start_new_session=True,
            )

    def start(self) -> Server:
        """Start the process and wait until it answers."""
        began = time.monotonic()
        self.launch()
        while not self.answers():
            if self.process is not None and self.process.poll() is not None:
                raise ServerFailed(f"{self.name} exited with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() - began > START_SECONDS_MAX:
                self.kill()
                raise ServerFailed(f"{self.name} does not answer after {START_SECONDS_MAX:.0f} s:\n{self.log_tail()}")
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - began
        return self

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/_matrix/client/versions", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def stop(self) -> None:
        """Ask it to end, as an operator would; kill what is left of its group."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                tail = self.log_tail()
                self.kill()
                raise ServerFailed(f"{self.name} did not stop within {STOP_SECONDS_MAX:.0f} s:\n{tail}") from None
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole process group: supervisor and workers at once."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS_MAX)
        self.process = None

    def log_tail(self) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def build_zajil_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "zajil.main.cli", *arguments]


def build_environment(extra: dict[str, str]) -> dict[str, str]:
    """This process's environment without the developer's own settings of Zajil (ZAJIL_TEST_… are no settings either)."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith("ZAJIL_")}, **extra}


def build_zajil_env(extra: dict[str, str] | None = None) -> dict[str, str]:
    path = os.pathsep.join(part for part in (str(ROOT / "src"), os.environ.get("PYTHONPATH", "")) if part)
    return {"PYTHONPATH": path, **(extra or {})}


def build_zajil(folder: Path, *, env: dict[str, str] | None = None, port: int | None = None, **options: str) -> Server:
    """Describe a Zajil server; `options` become `--name value` (a `_` becomes a `-`)."""
    port = port or find_free_port()
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    settings = {
        "data": str(data),
        "server_name": "localhost",
        "bind": f"127.0.0.1:{port}",
        "registration": "open",
        "rate_limits": "off",
        "status": "off",
        **options,
    }
    if os.environ.get("ZAJIL_TEST_DATABASE") == "postgres" and "database" not in settings:
        from tests.postgres_server import find_or_make_database

        settings["database"] = find_or_make_database(data)
    arguments = [part for key, value in settings.items() for part in (f"--{key.replace('_', '-')}", value)]
    command = build_zajil_command("serve", *arguments)
    return Server("Zajil", command, port, data, folder / "zajil.log", build_zajil_env(env))


def find_place(server: Server) -> list[str]:
    """The options that tell other commands of Zajil where a server's data is."""
    place = ["--data", str(server.data)]
    if "--database" in server.command:
        place += ["--database", server.command[server.command.index("--database") + 1]]
    return place


def start_zajil(folder: Path, *, env: dict[str, str] | None = None, **options: str) -> Server:
    return build_zajil(folder, env=env, **options).start()


def find_synapse_python() -> Path | None:
    """The interpreter of the virtual environment that holds matrix-synapse, or None."""
    venv = Path(os.environ.get("ZAJIL_SYNAPSE_VENV", str(ROOT / ".venv-synapse")))
    python = venv / "bin" / "python"
    return python if python.exists() else None


def start_synapse(folder: Path, **overrides: Any) -> Server:
    """Synapse with its default database (SQLite), open registration and every rate limit out of the way."""
    return build_synapse(folder, **overrides).start()


def build_synapse(folder: Path, *, env: dict[str, str] | None = None, **overrides: Any) -> Server:
    """Describe a Synapse server; `overrides` are of its configuration."""
    python = find_synapse_python()
    if python is None:
        raise ServerFailed(
            "matrix-synapse is not installed: set ZAJIL_SYNAPSE_VENV to a virtual environment that has it"
        )
    port = find_free_port()
    data = folder / "synapse"
    data.mkdir(parents=True, exist_ok=True)
    config = data / "homeserver.yaml"
    config.write_text(json.dumps({**build_synapse_config(data, port), **overrides}))
    (data / "log.yaml").write_text(json.dumps(SYNAPSE_LOG_CONFIG))
    (data / "signing.key").write_text("ed25519 a_test " + "A" * 42 + "A\n")
    command = [str(python), "-m", "synapse.app.homeserver", "-c", str(config)]
    return Server("Synapse", command, port, data, folder / "synapse.log", env or {})


SYNAPSE_LOG_CONFIG = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
}


def build_synapse_config(data: Path, port: int) -> dict[str, Any]:
    free = {"per_second": 1_000_000, "burst_count": 1_000_000}
    return {
        "server_name": "localhost",
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "pid_file": str(data / "synapse.pid"),
        "signing_key_path": str(data / "signing.key"),
        "log_config": str(data / "log.yaml"),
        "media_store_path": str(data / "media"),
        "database": {"name": "sqlite3", "args": {"database": str(data / "homeserver.db")}},
        "listeners": [
            {"port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "resources": [{"names": ["client"]}]}
        ],
        "experimental_features": {"msc4222_enabled": True},
        "report_stats": False,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "macaroon_secret_key": "conversation tests",
        "form_secret": "conversation tests",
        "bcrypt_rounds": 4,  # registering accounts is never what is measured
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "rc_message": free,
        "rc_registration": free,
        "rc_registration_token_validity": free,
        "rc_login": {"address": free, "account": free, "failed_attempts": free},
        "rc_admin_redaction": free,
        "rc_joins": {"local": free, "remote": free},
        "rc_joins_per_room": free,
        "rc_invites": {"per_room": free, "per_user": free, "per_issuer": free},
        "rc_room_creation": free,
        "rc_key_requests": free,
        "rc_presence": {"per_user": free},
        "rc_media_create": free,
        "rc_user_directory": free,
        "rc_delayed_event_mgmt": free,
        "rc_reports": free,
        "rc_third_party_invite": free,
    }
