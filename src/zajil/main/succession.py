"""How a supervisor becomes its own next version: it executes it, in the same process, with all it holds.

Sockets, the lock and the channels to the workers stay open across exec(2), and the workers stay this process's children. What belongs
to which file is written into a file in memory whose number travels in the environment.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zajil.main.config_file import argument_name, load_config
from zajil.main.console import EXIT_CONFIG, say, warn
from zajil.main.worker_process import WorkerProcess
from zajil.ports.configuration import Config, ConfigError

VARIABLE = "_ZAJIL_SUCCESSION"  # not ZAJIL_…: those are options
FORMAT = 1
REHEARSAL_S_MAX = 20.0
MEANWHILE_S = 0.1
STATE_SIZE_MAX = 1024 * 1024
SERVE = "serve"
"""Here the words begin that are meant for the server, in the command that executes it."""


class NoSuccession(Exception):
    """The next version cannot take over; the text says why."""


@dataclass(slots=True)
class Estate:
    """What one version leaves to the next. Files are kept as their numbers."""

    sockets: list[int]
    lock: int
    control: int | None
    askers: list[int]
    """Who asked for the reload and waits for its outcome."""
    visitors: list[int] = field(default_factory=list)
    """Who is connected and has not asked yet."""
    workers: list[dict[str, Any]] = field(default_factory=list)
    restarts: int = 0
    last_end: str = ""

    def files(self) -> list[int]:
        control = [] if self.control is None else [self.control]
        return [
            *self.sockets,
            self.lock,
            *control,
            *self.askers,
            *self.visitors,
            *(each["channel"] for each in self.workers),
        ]

    def dump(self) -> str:
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({"format": FORMAT, **values})


def parse_estate(text: str) -> Estate:
    """Raises `NoSuccession` for what another version wrote that this one does not understand."""
    values = json.loads(text)
    if values.pop("format", None) != FORMAT:
        raise NoSuccession("this version cannot take over from that one: restart the service")
    return Estate(**values)


def describe_worker(worker: WorkerProcess, *, is_retiring: bool) -> dict[str, Any]:
    return {
        "pid": worker.pid,
        "channel": worker.channel.fileno(),
        "number": worker.number,
        "ready": worker.ready,
        "is_retiring": is_retiring,
    }


def build_worker(values: dict[str, Any]) -> WorkerProcess:
    channel = socket.socket(fileno=values["channel"])
    channel.setblocking(False)
    worker = WorkerProcess(values["pid"], channel, values["number"])
    worker.ready = values["ready"]
    return worker


def build_command(arguments: Mapping[str, str | list[str]], path: Path | None) -> list[str]:
    """The command that runs this supervisor anew, with the code that is on disk then."""
    words = [sys.executable, "-P", "-m", "zajil.main.cli", SERVE]
    if path is not None:
        words += ["--config", str(path)]
    for name, value in arguments.items():
        words += [f"{argument_name(name)}={each}" for each in (value if isinstance(value, list) else [value])]
    return words


def rehearse(command: Sequence[str], estate: Estate, meanwhile: Callable[[], None]) -> dict[str, Any] | None:
    """Let the version on disk say, in a process of its own, whether it could take over with this command line and configuration.

    Calls `meanwhile` again and again until it has. Returns where it would serve (`describe_place`); None from a version that does not say.
    Raises `NoSuccession`.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [*command[:1], "-P", "-m", "zajil.main.succession", *command[command.index(SERVE) :]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            said, complaint = _listen(process, estate.dump(), meanwhile)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSuccession(f"the new version does not start ({error})") from None
    if process.returncode != 0:
        last = (complaint.strip().splitlines() or [f"it ended with {process.returncode}"])[-1]
        what = "the configuration is refused" if process.returncode == EXIT_CONFIG else "the new version does not start"
        raise NoSuccession(f"{what}: {last}")
    if not said.strip():
        return None
    try:
        place: dict[str, Any] = json.loads(said.splitlines()[-1])
    except ValueError:
        raise NoSuccession(f"what the new version says is not understood: {said.splitlines()[-1]}") from None
    return place


def _listen(process: subprocess.Popen[str], text: str | None, meanwhile: Callable[[], None]) -> tuple[str, str]:
    """Give it the text, and return what it has said until it ended. Kills it and raises `TimeoutExpired` when that takes too long."""
    deadline = time.monotonic() + REHEARSAL_S_MAX
    while True:
        try:
            return process.communicate(text, timeout=MEANWHILE_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                process.kill()
                raise subprocess.TimeoutExpired(process.args, REHEARSAL_S_MAX) from None
            text = None  # it is on its way
            meanwhile()


def describe_place(config: Config) -> dict[str, Any]:
    """What of a configuration cannot change while the server runs."""
    return {"data": str(config.data), "database": config.database, "bind": list(config.bind)}


def execute(command: Sequence[str], estate: Estate) -> None:
    """Become the next version. Returns only by raising `NoSuccession`. Signals must be blocked, so that none is lost on the way."""
    memory = -1
    try:
        memory = os.memfd_create("zajil-succession", 0)
        os.write(memory, estate.dump().encode())
        for fd in estate.files():
            os.set_inheritable(fd, True)
        os.execve(command[0], list(command), {**os.environ, VARIABLE: str(memory)})  # noqa: S606
    except OSError as error:
        for fd in estate.files():
            os.set_inheritable(fd, False)
        raise NoSuccession(f"the new version cannot be executed: {error.strerror}") from None
    finally:
        if memory >= 0:
            os.close(memory)


def find_estate() -> Estate | None:
    """What a former version has left to this process; None when it was started afresh."""
    text = os.environ.pop(VARIABLE, "")
    if not text.isdigit():
        return None
    with os.fdopen(int(text), "rb") as memory:
        memory.seek(0)
        estate = parse_estate(memory.read(STATE_SIZE_MAX).decode())
    for fd in estate.files():
        os.set_inheritable(fd, False)
    return estate


def main() -> int:
    """The rehearsal: understand the estate and the command line, accept the configuration, and import all that a supervisor needs."""
    parse_estate(sys.stdin.read(STATE_SIZE_MAX))
    import zajil.main.supervisor  # noqa: F401
    from zajil.main.cli import explain_unknown, parse_serve

    words = sys.argv[1:]
    if not words:  # asked by a version that looks at the configuration itself
        return 0
    try:
        parsed = parse_serve(words)
        if parsed is None:
            raise ConfigError(explain_unknown(words))
        config = load_config(parsed[0], path=parsed[1]).config
    except ConfigError as error:
        warn(str(error))
        return EXIT_CONFIG
    say(json.dumps(describe_place(config)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
