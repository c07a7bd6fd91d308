"""The private copy: the same program on loopback, in a folder of its own, with a network that can be cut."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from zajil.drill.proxy import Proxy

START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 20.0
COMMAND_S_MAX: Final = 60.0
READY: Final = b"Zajil is ready"
POSTGRES_PORT: Final = 5432
NO_MORE: Final = 4096
"""A file may grow to so many bytes while the disk plays full."""


class DrillError(Exception):
    """The drill cannot be held; the text is for the operator."""


def find_free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


def find_database(url: str) -> tuple[str, int] | str:
    """Where a database is: host and port, or the path of its socket. Raises `DrillError`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host, port = options.get("host", parts.hostname), int(options.get("port", parts.port or POSTGRES_PORT))
    if not host:
        raise DrillError("the database's URL must name a host, so that its network can be cut")
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def replace_place(url: str, place: str) -> str:
    """The same database at another place."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    options = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("host", "port")]
    return urlunsplit(parts._replace(netloc=f"{login}{at}{place}", query=urlencode(options)))


class Installation:
    """A supervisor and its workers, on `folder`."""

    def __init__(self, folder: Path, database: str) -> None:
        self.data = folder / "data"
        self.log_path = folder / "server.log"
        self._config = folder / "zajil.toml"
        self._clock = folder / "clock"
        self._port = find_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._database = database
        self.network = Proxy(("127.0.0.1", self._port))
        self.database_network: Proxy | None = None
        self._log: asyncio.Task[None] | None = None

    @property
    def base(self) -> str:
        """Where clients connect: through the network that can be cut."""
        return f"http://127.0.0.1:{self.network.port}"

    @property
    def own_base(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Raises `DrillError`."""
        self._clock.write_text("0")
        await self.network.start()
        if self._database:
            self.database_network = Proxy(find_database(self._database))
            await self.database_network.start()
            self._database = replace_place(self._database, f"127.0.0.1:{self.database_network.port}")
        self.write_config()
        ready = asyncio.Event()
        command = [sys.executable, "-P", "-m", "zajil.main.cli", "serve", "--config", str(self._config)]
        # A pipe, not a file: the log goes on when no file may grow.
        self._process = await asyncio.to_thread(launch, command)
        self._log = asyncio.create_task(self._copy_log(ready))
        try:
            await asyncio.wait_for(ready.wait(), START_S_MAX)
        except TimeoutError:
            raise DrillError(f"the private copy did not start:\n{self.read_log_tail()}") from None

    def write_config(self, capacity_max: int = 0) -> None:
        """The configuration of the copy; takes effect with the next start or reload."""
        lines = [
            f"data = {quote(str(self.data))}",
            'server_name = "localhost"',
            f'bind = ["127.0.0.1:{self._port}"]',
            'registration = "open"',
            "rate_limits = false",
            f"clock_shift_file = {quote(str(self._clock))}",
            f"capacity_max = {capacity_max}",
        ]
        if self._database:
            lines.append(f"database = {quote(self._database)}")
        self._config.write_text("\n".join(lines) + "\n")

    async def reload(self) -> None:
        """`zajil reload`. Raises `DrillError`."""
        command = [sys.executable, "-P", "-m", "zajil.main.cli", "reload", "--config", str(self._config)]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=build_environment()
        )
        output, _ = await asyncio.wait_for(process.communicate(), COMMAND_S_MAX)
        if process.returncode != 0:
            raise DrillError(f"zajil reload failed: {output.decode(errors='replace').strip()}")

    def find_workers(self) -> list[int]:
        """The processes that answer requests."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        workers = []
        for child in children:
            with contextlib.suppress(OSError):
                if b"zajil.main.worker" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                    workers.append(int(child))
        return workers

    def kill_worker(self) -> None:
        for worker in self.find_workers():
            os.kill(worker, signal.SIGKILL)

    def fill_disk(self) -> None:
        """From now on no file of the workers may grow, as on a full disk."""
        for worker in self.find_workers():
            _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (NO_MORE, hard))

    def empty_disk(self) -> None:
        for worker in self.find_workers():
            _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (hard, hard))

    def shift_clock(self, seconds: int) -> None:
        self._clock.write_text(str(seconds))

    def read_log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-30:])
        return ""

    async def stop(self) -> None:
        await self.network.stop()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if self.database_network is not None:
            await self.database_network.stop()
        if self._log is not None:
            await asyncio.wait([self._log], timeout=STOP_S_MAX)

    async def _copy_log(self, ready: asyncio.Event) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        with self.log_path.open("wb") as log:
            while line := await reader.readline():
                log.write(line)
                log.flush()
                if READY in line:
                    ready.set()


def launch(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=build_environment())  # noqa: S603  our own program


def quote(text: str) -> str:
    """A TOML string."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def build_environment() -> dict[str, str]:
    """Ours without Zajil's own settings: the copy has its configuration from its file alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ZAJIL_")}
